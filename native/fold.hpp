// Residuals that use only the samples that can occur. Near an end of a plane's range one side of the mean is short:
// beyond it, every second symbol would stand for a sample that does not exist. There the symbols of both signs take
// turns on the side that is left, the more probable first.
//
// `rounded` is the mean in eighths of a grey level, 4 (half a level) added: whole level and fraction as tables use them.
#pragma once

#include <cstdint>

namespace zn {

// Residual of a sample in 0..top to the residual that is coded; never larger.
static inline int32_t fold(int32_t residual, int32_t rounded, int32_t top) {
    const int32_t whole = rounded >> 3, reach = whole < top - whole ? whole : top - whole;
    const int32_t size = residual < 0 ? -residual : residual, beyond = size - reach;
    const int32_t folded = reach + ((beyond + 1) >> 1);
    const int32_t above = rounded >> 2 & 1;  // the mean lies above its whole level: so does the likelier symbol of a size
    const int32_t turned = (beyond & 1) == above ? folded : -folded;
    return beyond > 0 ? turned : residual;
}

// The inverse. Residuals that `fold` never gives lead to samples outside 0..top.
static inline int32_t unfold(int32_t coded, int32_t rounded, int32_t top) {
    const int32_t whole = rounded >> 3, reach = whole < top - whole ? whole : top - whole;
    const int32_t size = coded < 0 ? -coded : coded;
    const int32_t above = rounded >> 2 & 1;
    const int32_t beyond = 2 * (size - reach) - ((coded > 0) == above ? 1 : 0);
    const int32_t turned = whole <= top - whole ? reach + beyond : -(reach + beyond);
    return size > reach ? turned : coded;
}

}  // namespace zn
