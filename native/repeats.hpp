// The raster coder for planes whose samples repeat their neighbours (median filters, labels, drawings): a sample is first
// asked whether it equals one of four neighbours, and only then predicted. Every bit adapts; nothing is trained.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace zn {

// samples: height x width, row by row, all <= top.
std::vector<uint8_t> encode_repeats(const uint16_t* samples, int height, int width, int top);

// The same samples, or DamagedStream.
void decode_repeats(const uint8_t* bytes, size_t nbytes, int height, int width, int top, uint16_t* samples);

}  // namespace zn
