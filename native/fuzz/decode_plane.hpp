// What the fuzz target and the program that drives it without libFuzzer share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../check/known_model.hpp"
#include "plane_codec.hpp"
#include "transform_codec.hpp"

namespace zn {

constexpr size_t kFuzzHeader = 14;
constexpr int kFuzzSide = 320;  // 32 lanes begin at 256 x 256

enum FuzzTask { kDecodeNetworks = 0, kDecodeRepeats = 1, kDecodeTransform = 2 };  // any other: round trips
constexpr int kFuzzDecoders = 3;

struct FuzzCounts {
    uint64_t accepted[kFuzzDecoders] = {}, refused[kFuzzDecoders] = {}, round_trips = 0;
};
extern FuzzCounts fuzz_counts;

const Model& fuzz_model();
const TransformModel& fuzz_transform_model();
// The input that holds a payload.
std::vector<uint8_t> fuzz_input(int kernel, FuzzTask task, const CodedPlane& coded, int height, int width, int top, const TransformParameters& parameters = {});

}  // namespace zn

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
