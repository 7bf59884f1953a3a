// Numbers that the byte format `zarr_neural.v1` fixes (zarr_neural/spec/v1.md gives each its reason).
#pragma once

#include <cstdint>

namespace zn {

constexpr int kProbBits = 14;                 // rANS table precision
constexpr uint32_t kProbScale = 1u << kProbBits;
constexpr uint32_t kRansLow = 1u << 16;       // states live in [2^16, 2^32)

constexpr int kNeighbours = 16;               // known samples that the linear predictor reads
constexpr int kNear = 8;                      // the nearest of them, read by the network as well
constexpr int kFeatures = 32;                 // u8 inputs of a network
constexpr int kOutputs = 1 + kNear;           // scale, and one weight per near neighbour
constexpr int kPhases = 3;                    // diagonal, horizontal, vertical
constexpr int kClasses = 3;                   // nets differ for levels 1, 2, and 3 or coarser
constexpr int kCoefBits = 8;                  // linear predictor coefficients are in 1/256
constexpr int kCoefMax = 511;
constexpr int kWeightMax = 63;                // two products with activations fit 16 signed bits
constexpr int64_t kSumEnd = 1 << 23;          // sums of a channel are smaller: exact in 32-bit integers and floats
constexpr int kShiftMax = 23;

constexpr int kNoiseBins = 84;                // noise curve: bins of the predicted level, 4 per octave
constexpr int kFirstNoise = 40;               // level of every bin before the first phase: two grey levels
constexpr int kLogMax = 167;                  // largest log magnitude of a 20-bit number
constexpr int kScaleMax = 4 * kLogMax;        // scale index, 1/32 octave
constexpr int kScaleGroups = kScaleMax / 16 + 1;
constexpr int kFineRows = 24;                 // table rows j with sigma < 4 grey levels: 8 fractions each
constexpr int kRows = 28;                     // the last four serve every larger sigma, shifted
constexpr int kRowMax = 83;
constexpr int kTablesPerShape = kFineRows * 8 + (kRows - kFineRows);
constexpr int kMaxHalf = 62;                  // symbols -62..62 and the escape fit in 126 entries
constexpr int kTailSteps = 1024;              // tails of the unit distributions: steps of 1/64 up to 16 sigma

constexpr int kMinSidePixels = 128;           // phases with fewer pixels carry no parameters of their own

enum Phase { kDiagonal = 0, kHorizontal = 1, kVertical = 2 };

}  // namespace zn
