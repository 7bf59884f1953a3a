// What the encoder measures on a sample of a phase's rows, to choose the phase's parameters. Floats are welcome here:
// only the chosen integers reach the stream.
#pragma once

#include "kernels.hpp"
#include "model.hpp"
#include "planes.hpp"
#include "side.hpp"

namespace zn {

class PhaseFit {
  public:
    PhaseFit(const Model& model, const Kernels& kernels, const Level& level, int level_number, int phase, int top)
        : model_(model), kernels_(kernels), level_(level), level_number_(level_number), phase_(phase), top_(top) {}

    // Linear filter by weighted least squares, or the nearest of the model's bank where its own does not pay.
    void fit_filter(PhaseParameters& parameters) const;
    // Mean log error by predicted level.
    void fit_curve(const NoiseCurve& before, PhaseParameters& parameters) const;
    // The network that codes the sample in the fewest bits, and how its scales are best read.
    void choose_expert(PhaseParameters& parameters) const;

  private:
    // Calls visit(segment, samples) along enough rows for about `wanted` pixels.
    template <class Visit>
    void sample(int wanted, Visit visit) const;

    const Model& model_;
    const Kernels& kernels_;
    const Level& level_;
    const int level_number_, phase_, top_;
};

}  // namespace zn
