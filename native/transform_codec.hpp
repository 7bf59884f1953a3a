// Path Y: one plane of 16-bit samples <-> bytes, with a mean error that the caller states.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels.hpp"
#include "transform_model.hpp"

namespace zn {

struct TransformParameters {
    int step;     // 1/64 octave
    int quality;  // 1/16 of the distance of two gain vectors
    int lanes;    // 2^lanes states
};

struct CodedTransform {
    std::vector<uint8_t> bytes;
    size_t words_nbytes = 0;
    TransformParameters parameters{};
    std::vector<uint16_t> decoded;  // the samples that the bytes decode to
    double mse = 0;                 // their mean squared error
};

// samples: height x width, row by row, all <= top, which is at least 1. The smallest bytes found whose mean squared error
// is at most max_mse, or none if no step is fine enough; lambda is the price of a bit in squared steps.
CodedTransform encode_transform(const TransformModel& model, const Kernels& kernels, const uint16_t* samples, int height, int width, int top, double max_mse, double lambda);

// The same samples on every machine, or DamagedStream.
void decode_transform(const TransformModel& model, const Kernels& kernels, const uint8_t* bytes, size_t nbytes, size_t words_nbytes, int height, int width, int top,
                      const TransformParameters& parameters, uint16_t* samples);

// What networks and tables are trained on: every number of every phase that has at least kMinFlagged.
struct TrainingCoefficients {
    std::vector<uint8_t> network;
    std::vector<uint8_t> features;      // kFeatures each
    std::vector<int32_t> neighbours;    // kNearValues each
    std::vector<float> target;          // the coefficient in steps
    std::vector<int32_t> index;
    std::vector<uint8_t> quantiser;
    std::vector<uint8_t> way;
};
void collect_training_coefficients(const TransformModel& model, const Kernels& kernels, const uint16_t* samples, int height, int width, int top, const TransformParameters& parameters, double lambda,
                                   TrainingCoefficients& out);

}  // namespace zn
