// The wavelet of path Y: exactly back, in integers; forth in floats, as its inverse.
#pragma once

#include <cstdint>
#include <vector>

#include "scratch.hpp"
#include "transform_kernels.hpp"

namespace zn {

// height x width numbers, row by row, of no value at first.
template <class T>
struct Grid {
    int height = 0, width = 0;
    std::vector<T, Scratch<T, false>> data;
    Grid() = default;
    Grid(int height, int width) : height(height), width(width), data(static_cast<size_t>(height) * width) {}
    T* row(int i) { return data.data() + static_cast<size_t>(i) * width; }
    const T* row(int i) const { return data.data() + static_cast<size_t>(i) * width; }
};

// The next coarser grid and the bands HL, LH, HH of a grid.
template <class T>
struct Split {
    Grid<T> coarse, band[kBands];
};

// One step back: the grid of height x width that a split came from. The parts are used up.
Grid<int32_t> join(const TransformKernels& kernels, Split<int32_t> parts, int height, int width);

// One step forth.
Split<float> split(const TransformKernels& kernels, const Grid<float>& grid);

}  // namespace zn
