// Path L: one plane of 16-bit samples <-> bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels.hpp"
#include "model.hpp"
#include "side.hpp"

namespace zn {

struct CodedPlane {
    std::vector<uint8_t> bytes;
    size_t words_nbytes;  // states and rANS words; the rest is raw bits
};

// samples: height x width, row by row, all <= top.
CodedPlane encode_plane(const Model& model, const Kernels& kernels, const uint16_t* samples, int height, int width, int top);

// The same samples, or DamagedStream.
void decode_plane(const Model& model, const Kernels& kernels, const uint8_t* bytes, size_t nbytes, size_t words_nbytes, int height, int width, int top, uint16_t* samples);

// What a network is trained on: every pixel of every phase that states its own parameters.
struct TrainingPixels {
    std::vector<uint8_t> phase_class;  // class * 3 + phase
    std::vector<uint8_t> features;     // kFeatures each
    std::vector<int32_t> differences;  // kNear each
    std::vector<int32_t> past_sum;
    std::vector<int32_t> error;        // 8 * sample - prediction, eighths
};
void collect_training_pixels(const Model& model, const Kernels& kernels, const uint16_t* samples, int height, int width, int top, TrainingPixels& out);

}  // namespace zn
