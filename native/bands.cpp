#include "bands.hpp"

#include <algorithm>

namespace zn {
namespace {

constexpr int kPhaseOf[2][2] = {{0, 2}, {3, 1}};  // by parity of row and column
struct Step {
    int row, column;
};
constexpr Step kNear8[kNearValues] = {{-1, 0}, {0, -1}, {0, 1}, {1, 0}, {-1, -1}, {-1, 1}, {1, -1}, {1, 1}};
constexpr Step kCross[5] = {{0, 0}, {-1, 0}, {0, -1}, {0, 1}, {1, 0}};
constexpr Step kCorners[4] = {{-1, -1}, {-1, 1}, {1, -1}, {1, 1}};

// (41 * sum over 5 x 5) >> 10 of everything that `in` holds.
Plane<uint8_t> wide_mean(const Plane<uint8_t>& in) {
    const int height = in.height(), width = in.width();
    Plane<uint8_t> out(height, width);
    std::vector<uint16_t> column(width + 4);
    for (int i = 0; i < height; ++i) {
        const uint8_t *a = in.row(i - 2) - 2, *b = in.row(i - 1) - 2, *c = in.row(i) - 2, *d = in.row(i + 1) - 2, *e = in.row(i + 2) - 2;
        uint16_t* s = column.data();
        for (int j = 0; j < width + 4; ++j) s[j] = static_cast<uint16_t>(a[j] + b[j] + c[j] + d[j] + e[j]);
        uint8_t* o = out.row(i);
        for (int j = 0; j < width; ++j) o[j] = static_cast<uint8_t>((41u * static_cast<uint32_t>(s[j] + s[j + 1] + s[j + 2] + s[j + 3] + s[j + 4])) >> 10);
    }
    return out;
}

}  // namespace

BandLevel::BandLevel(int height, int width, const Parents& parents) : height_(height), width_(width), parents_(parents) {
    const int h = ((height + 1) / 2 + 1) / 2, w = ((width + 1) / 2 + 1) / 2;
    for (int band = 0; band < kBands; ++band) {
        for (int phase = 0; phase < kBandPhases; ++phase) {
            value_[band][phase] = Plane<int32_t>(h, w);
            log_[band][phase] = Plane<uint8_t>(h, w);
        }
    }
    zeros_.assign(kSegmentStride, 0);
}

void BandLevel::complete(int band, int phase) {
    if (phase < 2) wide_[band][phase] = wide_mean(log_[band][phase]);
}

const uint8_t* BandLevel::log_at(int band, int phase, int row, int column, int down, int right) const {
    const int i = row_of(phase) + down, j = column_of(phase) + right;
    return log_[band][kPhaseOf[i & 1][j & 1]].row(row + (i >> 1)) + column + (j >> 1);
}

void BandLevel::aim(int band, int phase, int row, int column, int n, BandSegment& s) const {
    const uint8_t* none = reinterpret_cast<const uint8_t*>(zeros_.data());
    s.n = n;
    for (int k = 0; k < kNearValues; ++k) {
        const int i = row_of(phase) + kNear8[k].row, j = column_of(phase) + kNear8[k].column;
        const int other = kPhaseOf[i & 1][j & 1];
        const bool known = other < phase;
        s.log[k] = known ? log_[band][other].row(row + (i >> 1)) + column + (j >> 1) : none;
        s.near[k] = known ? value_[band][other].row(row + (i >> 1)) + column + (j >> 1) : zeros_.data();
    }
    const int x = band == 0 ? 1 : 0, y = band == 2 ? 1 : 2;  // the two other bands
    const bool has_parent = parents_.log[0].height() > 0;
    const auto parent = [&](int b, Step at) { return has_parent ? parents_.log[b].row(row + at.row) + column + at.column : none; };
    const auto mean = [&](int b) { return has_parent ? parents_.wide[b].row(row) + column : none; };
    for (int k = 0; k < 5; ++k) {
        if (band > 0) s.log[8 + k] = log_at(0, phase, row, column, kCross[k].row, kCross[k].column);
        if (band > 1) s.log[13 + k] = log_at(1, phase, row, column, kCross[k].row, kCross[k].column);
        s.log[18 + k] = parent(band, kCross[k]);
    }
    if (band < 2) {
        for (int k = 0; k < 4; ++k) s.log[(band == 0 ? 8 : 13) + k] = parent(band, kCorners[k]);
        if (band == 0) {
            for (int k = 0; k < 4; ++k) s.log[12 + k] = parent(x, kCross[1 + k]);
            s.log[16] = parent(y, kCross[1]);
            s.log[17] = parent(y, kCross[4]);
        } else {
            s.log[17] = parent(y, kCross[1]);
        }
    }
    s.log[23] = parent(x, kCross[0]);
    s.log[24] = parent(y, kCross[0]);
    s.log[25] = phase > 0 ? wide_[band][0].row(row) + column : none;
    s.log[26] = phase > 1 ? wide_[band][1].row(row) + column : none;
    s.log[27] = band > 0 ? wide_[0][0].row(row) + column : none;
    s.log[28] = band > 1 ? wide_[1][0].row(row) + column : none;
    s.log[29] = mean(band);
    s.log[30] = mean(x);
    s.log[31] = mean(y);
}

void BandLevel::merge_row(int band, int row, int32_t* out) const {
    const int32_t* even = value_[band][kPhaseOf[row & 1][0]].row(row / 2);
    const int32_t* odd = value_[band][kPhaseOf[row & 1][1]].row(row / 2);
    const int n = columns(band);
    for (int j = 0; j + 1 < n; j += 2) {
        out[j] = even[j / 2];
        out[j + 1] = odd[j / 2];
    }
    if (n & 1) out[n - 1] = even[n / 2];
}

Parents BandLevel::as_parents() const {
    Parents parents;
    const int h = (height_ + 1) / 2, w = (width_ + 1) / 2;
    for (int band = 0; band < kBands; ++band) {
        Plane<uint8_t> grid(h, w);
        for (int i = 0; i < rows(band); ++i) {
            const uint8_t* even = log_[band][kPhaseOf[i & 1][0]].row(i / 2);
            const uint8_t* odd = log_[band][kPhaseOf[i & 1][1]].row(i / 2);
            uint8_t* out = grid.row(i);
            for (int j = 0; j < columns(band); ++j) out[j] = j & 1 ? odd[j / 2] : even[j / 2];
        }
        parents.wide[band] = wide_mean(grid);
        parents.log[band] = std::move(grid);
    }
    return parents;
}

}  // namespace zn
