// What encoder and decoder of path Y both do with finished bands.
#pragma once

#include "bands.hpp"
#include "streams.hpp"
#include "transform_model.hpp"
#include "wavelet.hpp"

namespace zn {

// The grid of height x width from the next coarser one and the finished bands of a level.
Grid<int32_t> join_level(const TransformModel& model, const Kernels& kernels, const BandLevel& bands, int level, int step, int quality, Grid<int32_t> coarse, int height, int width);

// Samples of the finest grid.
void to_samples(const Grid<int32_t>& grid, int top, uint16_t* samples);

// Raw bits that say how a phase is coded; encoder and decoder keep one each.
class WayMemory {
  public:
    void write(RawWriter& raw, int way) {
        raw.put(way == last_, 1);
        if (way != last_) raw.put(way == higher(), 1);
        last_ = way;
    }
    int read(RawReader& raw) {
        if (raw.get(1) == 0) last_ = raw.get(1) == 1 ? higher() : lower();
        return last_;
    }

  private:
    int lower() const { return last_ == kEmpty ? kScalar : kEmpty; }
    int higher() const { return last_ == kTrellis ? kScalar : kTrellis; }
    int last_ = kScalar;
};

}  // namespace zn
