// The parameters that the encoder fits to one phase of one level, and their place in the symbol stream.
#pragma once

#include <cstdint>

#include "format.hpp"
#include "kernels.hpp"
#include "model.hpp"
#include "streams.hpp"

namespace zn {

struct PhaseParameters {
    int expert = 0;
    int filter = 0;  // in the model's bank; `filters` of the model means the phase's own
    LinearPredictor linear{};
    NoiseCurve curve{};
    ScaleRule rules[kScaleGroups]{};
};

constexpr int kMaxParameters = 256;  // symbols that write_parameters puts, at most

// Parameters in force for a phase that states none; the noise curve goes on from the phase before.
PhaseParameters defaults(const Model& model, int level, int phase, const NoiseCurve& curve);

void write_parameters(const Model& model, int level, int phase, const PhaseParameters& now, const NoiseCurve& before, SymbolWriter& writer);
PhaseParameters read_parameters(const Model& model, int level, int phase, const NoiseCurve& before, SymbolReader& reader);

// Row of every scale index under the rules of a phase.
class ScaleMap {
  public:
    ScaleMap(const ScaleRule (&rules)[kScaleGroups]) {
        for (int scale = 0; scale <= kScaleMax; ++scale) {
            const Row row = row_of(rules[scale >> 4].shape, row_index(scale, rules[scale >> 4].shift));
            rows_[scale] = row.table | static_cast<uint32_t>(row.fractions) << 16 | static_cast<uint32_t>(row.bits) << 24;
        }
    }
    const PackedRow* packed() const { return rows_; }
    static int row_index(int scale, int shift) {
        const int row = (scale + 4 * shift + 4) >> 3;
        return row < 0 ? 0 : (row > kRowMax ? kRowMax : row);
    }

  private:
    PackedRow rows_[kScaleMax + 1];
};

}  // namespace zn
