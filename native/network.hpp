// One integer network: u8 features -> u8 hidden -> u8 hidden -> wide outputs, one per pixel.
#pragma once

#include <cstdint>

#include "format.hpp"

namespace zn {

constexpr int kMaxHidden = 64;
constexpr int kMaxGroups = kMaxHidden / 4;

// One dense layer. Row r of `weights` holds `groups` words of four s8 weights, the first in the low byte.
// Its output is clamp((bias + sum w*x) >> shift): to 0..255 in hidden layers, not at all in the last.
struct Layer {
    int outputs;
    int groups;
    int32_t weights[kMaxHidden * kMaxGroups];
    int32_t bias[kMaxHidden];
    int32_t shift[kMaxHidden];
};

struct Network {
    Layer hidden1, hidden2, output;
};

}  // namespace zn
