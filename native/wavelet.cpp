#include "wavelet.hpp"

#include <algorithm>

namespace zn {
namespace {

// Four lifting steps along a line of ns + nd numbers; `apply(step, target, first, second)` is told indices into s (steps
// 0 and 2) or d (1 and 3) and those of its two neighbours in the other, clamped to what is there.
constexpr float kSplit[4] = {-203.0f / 128, -217.0f / 4096, 113.0f / 128, 227.0f / 512};
constexpr float kCoarseScale = 128.0f / 194;

// Horizontal lifting of one row, held in two halves with a spare element on each side.
template <class T>
struct Line {
    std::vector<T> s, d;
    int ns, nd;
    Line(int width) : s((width + 1) / 2 + 2), d(width / 2 + 2), ns((width + 1) / 2), nd(width / 2) {}
    T* low() { return s.data() + 1; }
    T* high() { return d.data() + 1; }
    void extend_low() { low()[ns] = low()[ns - 1]; }
    void extend_high() {
        high()[-1] = high()[0];
        high()[nd] = high()[nd - 1];
    }
};

}  // namespace

Grid<int32_t> join(const TransformKernels& kernels, Split<int32_t> parts, int height, int width) {
    const int hs = (height + 1) / 2, hd = height / 2, ws = (width + 1) / 2, wd = width / 2;
    kernels.widen(parts.coarse.data.data(), static_cast<int>(parts.coarse.data.size()));
    for (const int right : {0, 1}) {  // down the columns: coarse with LH, HL with HH
        Grid<int32_t>& s = right ? parts.band[0] : parts.coarse;
        Grid<int32_t>& d = right ? parts.band[2] : parts.band[1];
        const int n = s.width;
        if (hd == 0 || n == 0) continue;
        const auto low = [&](int step, int i) {
            if (i >= 0 && i < hs) kernels.lift(kJoin[step], s.row(i), d.row(std::clamp(i - 1, 0, hd - 1)), d.row(std::min(i, hd - 1)), n);
        };
        const auto high = [&](int step, int i) {
            if (i >= 0 && i < hd) kernels.lift(kJoin[step], d.row(i), s.row(i), s.row(std::min(i + 1, hs - 1)), n);
        };
        for (int i = 0; i < hs + 3; ++i) {  // each step one row behind the one before: rows stay in the cache
            low(0, i);
            high(1, i - 1);
            low(2, i - 1);
            high(3, i - 2);
        }
    }
    Grid<int32_t> out(height, width);
    Line<int32_t> line(width);
    for (int i = 0; i < height; ++i) {
        const int32_t* s = i & 1 ? parts.band[1].row(i / 2) : parts.coarse.row(i / 2);
        int32_t* o = out.row(i);
        if (wd == 0) {
            std::copy_n(s, ws, o);
            continue;
        }
        const int32_t* d = i & 1 ? parts.band[2].row(i / 2) : parts.band[0].row(i / 2);
        std::copy_n(s, ws, line.low());
        std::copy_n(d, wd, line.high());
        line.extend_high();
        kernels.lift(kJoin[0], line.low(), line.high() - 1, line.high(), ws);
        line.extend_low();
        kernels.lift(kJoin[1], line.high(), line.low(), line.low() + 1, wd);
        line.extend_high();
        kernels.lift(kJoin[2], line.low(), line.high() - 1, line.high(), ws);
        line.extend_low();
        kernels.lift(kJoin[3], line.high(), line.low(), line.low() + 1, wd);
        const int32_t *a = line.low(), *b = line.high();
        for (int j = 0; j < wd; ++j) {
            o[2 * j] = a[j];
            o[2 * j + 1] = b[j];
        }
        if (width & 1) o[width - 1] = a[ws - 1];
    }
    return out;
}

Split<float> split(const TransformKernels& kernels, const Grid<float>& grid) {
    const int height = grid.height, width = grid.width;
    const int hs = (height + 1) / 2, hd = height / 2, ws = (width + 1) / 2, wd = width / 2;
    Split<float> parts;
    parts.coarse = Grid<float>(hs, ws);
    parts.band[0] = Grid<float>(hs, wd);
    parts.band[1] = Grid<float>(hd, ws);
    parts.band[2] = Grid<float>(hd, wd);
    Line<float> line(width);
    for (int i = 0; i < height; ++i) {
        const float* in = grid.row(i);
        float *s = line.low(), *d = line.high();
        for (int j = 0; j < wd; ++j) {
            s[j] = in[2 * j];
            d[j] = in[2 * j + 1];
        }
        if (width & 1) s[ws - 1] = in[width - 1];
        if (wd > 0) {
            line.extend_low();
            kernels.lift_float(kSplit[0], d, s, s + 1, wd);
            line.extend_high();
            kernels.lift_float(kSplit[1], s, d - 1, d, ws);
            line.extend_low();
            kernels.lift_float(kSplit[2], d, s, s + 1, wd);
            line.extend_high();
            kernels.lift_float(kSplit[3], s, d - 1, d, ws);
        }
        std::copy_n(s, ws, i & 1 ? parts.band[1].row(i / 2) : parts.coarse.row(i / 2));
        std::copy_n(d, wd, i & 1 ? parts.band[2].row(i / 2) : parts.band[0].row(i / 2));
    }
    for (const int right : {0, 1}) {
        Grid<float>& s = right ? parts.band[0] : parts.coarse;
        Grid<float>& d = right ? parts.band[2] : parts.band[1];
        const int n = s.width;
        if (hd == 0 || n == 0) continue;
        const auto high = [&](int step, int i) {
            if (i >= 0 && i < hd) kernels.lift_float(kSplit[step], d.row(i), s.row(i), s.row(std::min(i + 1, hs - 1)), n);
        };
        const auto low = [&](int step, int i) {
            if (i >= 0 && i < hs) kernels.lift_float(kSplit[step], s.row(i), d.row(std::clamp(i - 1, 0, hd - 1)), d.row(std::min(i, hd - 1)), n);
        };
        for (int i = 0; i < hs + 3; ++i) {
            high(0, i);
            low(1, i);
            high(2, i - 1);
            low(3, i - 1);
        }
    }
    for (float& x : parts.coarse.data) x *= kCoarseScale;
    return parts;
}

}  // namespace zn
