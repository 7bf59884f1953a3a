// A lossless model in memory: networks, distributions, filters, and what the encoder derives from them.
#pragma once

#include <cstdint>
#include <vector>

#include "format.hpp"
#include "kernels.hpp"
#include "network.hpp"
#include "streams.hpp"
#include "tables.hpp"

namespace zn {

// How the scale index of one group (half an octave) is read: moved by shift/8 octaves, then a row of that shape.
struct ScaleRule {
    int8_t shift;
    uint8_t shape;
};

struct Expert {
    Network network;
    ScaleRule rules[kScaleGroups];  // in force where a phase states no other
};

// Bits that a residual costs, for every (shape, row, log magnitude of the error in eighths): the encoder's yardstick.
class CostTable {
  public:
    explicit CostTable(const TableSet& tables);
    float at(int shape, int row, int log) const { return cost_[(static_cast<size_t>(shape) * (kRowMax + 1) + row) * (kLogMax + 1) + log]; }

  private:
    std::vector<float> cost_;
};

struct Model {
    TableSet tables;
    CostTable costs;
    int experts;                           // for each class and phase
    std::vector<Expert> expert;            // [class][phase][expert]
    int filters;                           // in each bank
    std::vector<LinearPredictor> bank;     // [phase][filter]

    Model(const uint32_t* tails, int shapes) : tables(tails, shapes), costs(tables), experts(0), filters(0) {}
    const Expert& get(int level, int phase, int index) const { return expert[(static_cast<size_t>(level < kClasses ? level - 1 : kClasses - 1) * kPhases + phase) * experts + index]; }
    const LinearPredictor& filter(int phase, int index) const { return bank[static_cast<size_t>(phase) * filters + index]; }
};

}  // namespace zn
