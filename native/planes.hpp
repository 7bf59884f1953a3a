// Sampling grids and the four phases that a grid splits into.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "format.hpp"
#include "kernels.hpp"
#include "scratch.hpp"

namespace zn {

// A rectangle of samples with a readable border of kBorder samples, and slack for whole vectors behind the last row.
template <class T>
class Plane {
  public:
    static constexpr int kBorder = 2;
    Plane() = default;
    Plane(int height, int width) : height_(height), width_(width), stride_(width + 2 * kBorder), data_(static_cast<size_t>(stride_) * (height + 2 * kBorder) + 64) {}
    int height() const { return height_; }
    int width() const { return width_; }
    int stride() const { return stride_; }
    T* row(int i) { return data_.data() + static_cast<ptrdiff_t>(i + kBorder) * stride_ + kBorder; }
    const T* row(int i) const { return data_.data() + static_cast<ptrdiff_t>(i + kBorder) * stride_ + kBorder; }

    // Repeats the outermost of the first rows x columns samples over everything around them.
    void extend(int rows, int columns) {
        for (int i = 0; i < rows; ++i) {
            T* r = row(i);
            std::fill(r - kBorder, r, r[0]);
            std::fill(r + columns, r + width_ + kBorder, r[columns - 1]);
        }
        const size_t bytes = stride_;
        for (int i = -kBorder; i < 0; ++i) std::copy_n(row(0) - kBorder, bytes, row(i) - kBorder);
        for (int i = rows; i < height_ + kBorder; ++i) std::copy_n(row(rows - 1) - kBorder, bytes, row(i) - kBorder);
    }

  private:
    int height_ = 0, width_ = 0, stride_ = 0;
    std::vector<T, Scratch<T, true>> data_;
};

struct Offset {
    int plane;  // 0: the coarser grid; 1 + phase: that phase
    int row, column;
};

// The known samples round a sample of a phase, nearest first, in plane coordinates.
extern const Offset kNeighbourhood[kPhases][kNeighbours];

// One step of the hierarchy: a grid of height x width samples, split into the coarser grid (even rows and columns)
// and three phases. Values and log magnitudes of prediction errors ("past") have the same layout.
struct Level {
    int height, width;
    Plane<uint16_t> value[1 + kPhases];
    Plane<uint8_t> past[1 + kPhases];

    // Takes over the coarser grid.
    Level(int height, int width, Plane<uint16_t> coarse, Plane<uint8_t> coarse_past);
    int coarse_height() const { return (height + 1) / 2; }
    int coarse_width() const { return (width + 1) / 2; }
    int rows(int phase) const { return phase == kHorizontal ? coarse_height() : height / 2; }
    int columns(int phase) const { return phase == kVertical ? coarse_width() : width / 2; }
    size_t pixels(int phase) const { return static_cast<size_t>(rows(phase)) * columns(phase); }

    // Makes the borders of a completed phase readable; an empty one reads as the coarser grid.
    void complete(int phase);
    // Points a segment at pixels [column, column + n) of a row of a phase.
    void aim(int phase, int row, int column, int n, Segment& segment) const;
    // The whole grid from its four parts; rows of `out` are `stride` samples apart.
    template <class T>
    void merge(const Plane<T> (&parts)[1 + kPhases], T* out, ptrdiff_t stride) const {
        for (int i = 0; i < height; ++i, out += stride) {
            const T* even = parts[i & 1 ? 1 + kVertical : 0].row(i / 2);
            const T* odd = parts[1 + (i & 1 ? kDiagonal : kHorizontal)].row(i / 2);
            for (int j = 0; j + 1 < width; j += 2) {
                out[j] = even[j / 2];
                out[j + 1] = odd[j / 2];
            }
            if (width & 1) out[width - 1] = even[width / 2];
        }
    }
    template <class T>
    Plane<T> merged(const Plane<T> (&parts)[1 + kPhases]) const {
        Plane<T> grid(height, width);
        merge(parts, grid.row(0), grid.stride());
        return grid;
    }
};

// Steps until at most 2 x 2 samples are left.
int level_count(int height, int width);
// Side of the grid at a level, of `full` samples at level 0.
inline int side_at(int full, int level) { return (full + (1 << level) - 1) >> level; }

}  // namespace zn
