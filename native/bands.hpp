// The three bands of one level of the transform, split into phases, and what is known round each of their numbers.
#pragma once

#include <cstdint>
#include <vector>

#include "planes.hpp"
#include "transform_format.hpp"
#include "transform_kernels.hpp"

namespace zn {

// Whole bands of the next coarser level as the features of a finer one see them: log magnitudes and wide means.
struct Parents {
    Plane<uint8_t> log[kBands], wide[kBands];
};

class BandLevel {
  public:
    // height x width: the grid that this level turns into three bands and the next coarser grid.
    BandLevel(int height, int width, const Parents& parents);
    int rows(int band) const { return band == 0 ? (height_ + 1) / 2 : height_ / 2; }
    int columns(int band) const { return band == 1 ? (width_ + 1) / 2 : width_ / 2; }
    int rows(int band, int phase) const { return (rows(band) + 1 - row_of(phase)) / 2; }
    int columns(int band, int phase) const { return (columns(band) + 1 - column_of(phase)) / 2; }
    size_t count(int band, int phase) const { return static_cast<size_t>(rows(band, phase)) * columns(band, phase); }

    Plane<int32_t>& value(int band, int phase) { return value_[band][phase]; }
    Plane<uint8_t>& log(int band, int phase) { return log_[band][phase]; }
    // To be called when a phase is complete.
    void complete(int band, int phase);
    // Points a segment at numbers [column, column + n) of a row of a phase.
    void aim(int band, int phase, int row, int column, int n, BandSegment& segment) const;
    // Row `row` of a whole band.
    void merge_row(int band, int row, int32_t* out) const;
    Parents as_parents() const;

    static constexpr int row_of(int phase) { return phase == 1 || phase == 3; }
    static constexpr int column_of(int phase) { return phase == 1 || phase == 2; }

  private:
    const uint8_t* log_at(int band, int phase, int row, int column, int up, int left) const;

    int height_, width_;
    const Parents& parents_;
    Plane<int32_t> value_[kBands][kBandPhases];
    Plane<uint8_t> log_[kBands][kBandPhases];
    Plane<uint8_t> wide_[kBands][2];  // of phases 0 and 1
    std::vector<int32_t> zeros_;
};

}  // namespace zn
