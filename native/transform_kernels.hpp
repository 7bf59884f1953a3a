// The inner loops of path Y, compiled once per instruction set like those of path L.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels.hpp"
#include "network.hpp"
#include "transform_format.hpp"

namespace zn {

// Up to kSegment numbers of one row of one phase of a band.
struct BandSegment {
    int n;
    const uint8_t* log[kFeatures];           // log magnitudes and wide means that are the features
    const int32_t* near[kNearValues];        // values of the finished neighbours
    uint32_t features[kFeatures / 4][kSegmentStride];
    int32_t row[kSegmentStride];
    int32_t mean[kSegmentStride];            // quarters of a step
};

// t[i] += or -= (factor * (a[i] + b[i]) + round) >> shift, modulo 2^32.
struct LiftingStep {
    int32_t factor, round, shift;
    bool add;
};
constexpr LiftingStep kJoin[4] = {{227, 256, 9, false}, {113, 64, 7, false}, {217, 2048, 12, true}, {203, 64, 7, true}};

// What the encoder decides about the numbers of a phase: squared error in steps, and bits.
struct PathCost {
    double error, bits;
    double total(double lambda) const { return error + lambda * bits; }
};

// Arguments of the search for indices: n numbers in steps, less their means, and the rows of their tables.
struct PathSearch {
    const float* y;
    const int32_t* row;
    size_t n;
    int lanes;
    const float* costs;  // of TransformModel
    float lambda;
    int32_t* candidates;  // room for 4 * ⌈n / lanes⌉ * lanes
    uint8_t* decisions;   // room for ⌈n / lanes⌉ * lanes
};

constexpr int kCostReach = 64;  // indices below have their own cost

struct TransformKernels {
    // Fills features from what the pointers of a segment lead to.
    void (*gather)(BandSegment&);
    // Fills row and mean; `zero_row` is the row of features that are all zero.
    void (*infer)(const Network&, int zero_row, BandSegment&);
    void (*lift)(const LiftingStep&, int32_t* t, const int32_t* a, const int32_t* b, int n);
    // t[i] = (194 * t[i] + 64) >> 7
    void (*widen)(int32_t* t, int n);
    // The encoder's counterpart: t[i] += factor * (a[i] + b[i]).
    void (*lift_float)(float factor, float* t, const float* a, const float* b, int n);
    // Numbers of values with a band's step.
    void (*dequantise)(int band_step, const int32_t* v, int32_t* out, int n);
    // Values and log magnitudes of symbols without raw bits; false, with nothing of use written, if one is an escape or out of range.
    bool (*restore)(const TableView&, const uint16_t* table, const uint8_t* quantisers, const uint8_t* symbols, const int32_t* mean, int n, int32_t* value, uint8_t* log);
    // Every second coefficient in steps, and less its mean.
    void (*aim)(const float* coefficients, float scale, const int32_t* mean, int n, float* target, float* y);
    // Sum of the squares.
    double (*energy)(const float* x, size_t count);
    // Indices that minimise error + lambda * bits, by one quantiser and by the trellis, which tells the quantisers it took.
    PathCost (*choose_scalar)(const PathSearch&, int32_t* k);
    PathCost (*choose_path)(const PathSearch&, int32_t* k, uint8_t* quantisers);
    // The inverse of `restore`, which gives the ranges of the symbols as well; false if there is an escape, a raw bit or a value out of range.
    bool (*rank)(const TableView&, const int32_t* row, const uint8_t* quantisers, const int32_t* k, const int32_t* mean, int n, int32_t* value, uint8_t* log, uint32_t* ranges);
};

}  // namespace zn
