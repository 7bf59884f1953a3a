// Log magnitude of a non-negative integer below 2^24: 0 -> 0, else 8 + 8*log2(a), linear inside an octave, floored.
#pragma once

#include <cstdint>
#include <cstring>

namespace zn {

static inline int32_t log_magnitude(int32_t a) {
    const float f = static_cast<float>(a);  // exact below 2^24: exponent and top mantissa bits are the answer
    uint32_t u;
    std::memcpy(&u, &f, sizeof u);
    const int32_t m = static_cast<int32_t>(u >> 20) - (127 << 3) + 8;
    return m & -static_cast<int32_t>(a > 0);
}

}  // namespace zn
