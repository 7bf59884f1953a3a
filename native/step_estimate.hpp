// What a quantiser step of path Y will cost and lose, told from the coefficients alone: where the encoder's search begins.
#pragma once

#include <vector>

#include "transform_model.hpp"
#include "wavelet.hpp"

namespace zn {

class StepEstimate {
  public:
    // levels: bands of all levels, the finest first. The model must outlive this.
    StepEstimate(const TransformModel& model, const std::vector<Split<float>>& levels, int top, size_t pixels);
    // Mean squared error of the samples at a step; grows with it.
    double mse(int step) const;
    // Bytes of the payload at a step, within about a tenth where it is worth more than a few hundred.
    double nbytes(int step) const;
    // The coarsest step whose error is at most max_mse, or 0.
    int coarsest(double max_mse) const;

  private:
    struct BandScales {
        int level, band;
        double count;          // numbers of the band
        int first;             // bin of part[0]
        std::vector<float> part;  // of the numbers, by scale: a quarter of an octave each
    };
    // Error in squared steps and bits of one number of a band, on average.
    struct PerNumber {
        double error, bits;
    };
    PerNumber average(const BandScales& scales, int step) const;

    const TransformModel& model_;
    const double unit_, pixels_;
    std::vector<BandScales> bands_;
};

}  // namespace zn
