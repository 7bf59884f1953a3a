// The inner loops, compiled once per instruction set; every set gives the same integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "format.hpp"
#include "network.hpp"

namespace zn {

constexpr int kSegment = 256;                  // pixels handled at once
constexpr int kSegmentStride = kSegment + 32;  // whole vectors may run past the end

// Up to kSegment neighbouring pixels of one row of one phase. Loops run over whole vectors, so that every buffer
// and every row of a plane has readable slack behind it.
struct Segment {
    int n;
    int32_t top;                               // largest value of the plane
    const uint16_t* neighbour[kNeighbours];    // known samples, nearest first
    const uint8_t* past[kNear];                // log magnitudes of the prediction errors at the nearest
    int32_t predicted[kSegmentStride];         // linear prediction, eighths of a grey level
    int32_t past_sum[kSegmentStride];          // sum of the four nearest entries of `past`
    uint32_t features[kFeatures / 4][kSegmentStride];
    int32_t difference[kNear][kSegmentStride]; // neighbour minus prediction, eighths
    int32_t scale[kSegmentStride];             // scale index, 1/32 octave
    int32_t mean[kSegmentStride];              // corrected prediction, eighths
    uint16_t table[kSegmentStride];            // of the entropy coder
    uint8_t bits[kSegmentStride];              // raw bits below the symbol
    int32_t rounded[kSegmentStride];           // mean + half a level: the nearest level, three bits of fraction below
};

// Table of fraction 0 | mask of the fractions << 16 | raw bits << 24, of one scale index.
using PackedRow = uint32_t;

struct LinearPredictor {
    int16_t coef[kNeighbours];
};

struct NoiseCurve {
    int32_t level[kNoiseBins];
};

struct RansState {
    uint32_t lane[32];
    int lanes;
    const uint8_t* next;  // 16-bit little-endian words
    const uint8_t* end;
    bool exhausted;       // a word was missing
};

constexpr int kLutBits = 10;                   // first look-up of a slot, by its upper bits
constexpr int kLutShift = kProbBits - kLutBits;
constexpr int kTableStride = 128;              // entries reserved for a table

// What the decoder reads of a TableSet. Kernels touch plain data only: an inline function that is compiled for
// one instruction set must never be the copy that the linker keeps for all.
struct TableView {
    const uint8_t* lut;
    const uint32_t* ranges;
    const int32_t* half;
};

constexpr int kBlock = 32;  // pixels that take the fast path together, or not

struct TransformKernels;

struct Kernels {
    const char* name;
    bool (*supported)();
    // Fills `predicted` only.
    void (*predict)(const LinearPredictor&, Segment&);
    // Fills features, difference and past_sum from `predicted`.
    void (*describe)(const NoiseCurve&, Segment&);
    // Fills scale and mean from what `describe` left.
    void (*infer)(const Network&, Segment&);
    // Fills table, bits and rounded from scale and mean.
    void (*choose)(const PackedRow*, Segment&);
    // Samples of n <= kBlock pixels from their symbols and raw bits, and log magnitudes of their errors. False, with
    // nothing of use written, if there is an escape or a sample above top.
    bool (*restore)(const TableView&, const uint16_t* table, const uint8_t* bits, const uint8_t* symbols, const uint32_t* raw, const int32_t* rounded, const int32_t* predicted, int n, int32_t top,
                    uint16_t* samples, uint8_t* past);
    // The inverse, for pixels [at, at + n) of a segment: ranges of their symbols, and raw bits. False if there is an
    // escape; `past` is right in any case.
    bool (*rank)(const TableView&, const Segment&, int at, int n, const uint16_t* samples, uint32_t* ranges, uint32_t* raw, uint8_t* past);
    // Symbols of n positions, whose tables are given; the first belongs to lane 0.
    void (*decode)(const TableView&, const uint16_t* tables, uint8_t* symbols, size_t n, RansState&);
    // The same for phases coded by trellis: `tables` are those of quantiser 0; `quantisers` are what the path took, and
    // `states` those of the lanes.
    void (*decode_path)(const TableView&, const uint16_t* tables, uint8_t* symbols, uint8_t* quantisers, size_t n, uint8_t* states, RansState&);
    // n ranges from the last to the first into the states of `lanes` lanes; words are put in front of `first`.
    void (*encode)(const uint32_t* ranges, size_t n, uint32_t* state, int lanes, uint8_t*& first);
    const TransformKernels* transform;
};

// Fastest set that this processor runs, or the named one. Throws std::invalid_argument on an unknown or unsupported name.
const Kernels& kernels(const std::string& name = "");
std::vector<std::string> kernel_names();  // those that this processor can run, fastest first

}  // namespace zn
