#include "model.hpp"

#include <cmath>
#include <cstdlib>

#include "log_magnitude.hpp"

namespace zn {
namespace {

constexpr float kEscapeBits = 6;  // sign and a short Golomb code

float symbol_bits(const TableSet& tables, int table, int symbol) {
    const int half = tables.half(table);
    const bool escape = symbol < -half || symbol > half;
    const uint32_t range = tables.range(table, escape ? 2 * half + 1 : symbol + half);
    const float bits = kProbBits - std::log2(static_cast<float>((range >> 16) - (range & 0xffff)));
    if (!escape) return bits;
    return bits + kEscapeBits + 2 * std::log2(1.0f + static_cast<float>(std::abs(symbol) - half) / 4);
}

// An error of u eighths fixes both the residual and, in fine rows, the fraction of the mean.
float error_bits(const TableSet& tables, int shape, int row, int u) {
    const Row r = row_of(shape, row);
    const int residual = (u + 4) >> 3;
    if (r.fractions != 0) return symbol_bits(tables, r.table + (8 * residual - u + 4), residual);
    return symbol_bits(tables, r.table, (residual + (r.bits > 0 ? 1 << (r.bits - 1) : 0)) >> r.bits) + r.bits;
}

}  // namespace

CostTable::CostTable(const TableSet& tables) {
    cost_.resize(static_cast<size_t>(tables.shapes()) * (kRowMax + 1) * (kLogMax + 1));
    size_t at = 0;
    for (int shape = 0; shape < tables.shapes(); ++shape) {
        for (int row = 0; row <= kRowMax; ++row) {
            float last = 0;
            for (int log = 0; log <= kLogMax; ++log) {
                // errors with this log magnitude: none, one, or an interval of which a few are taken
                const int low = log == 0 ? 0 : static_cast<int>(std::ceil((8 + (log & 7)) * std::ldexp(1.0, log / 8 - 4)));
                const int high = log == 0 ? 0 : static_cast<int>(std::ceil((9 + (log & 7)) * std::ldexp(1.0, log / 8 - 4))) - 1;
                if (log_magnitude(low) == log) {
                    const int step = high - low > 7 ? (high - low) / 7 : 1;
                    float sum = 0;
                    int n = 0;
                    for (int u = low; u <= high; u += step, n += 2) sum += error_bits(tables, shape, row, u) + error_bits(tables, shape, row, -u);
                    last = sum / static_cast<float>(n);
                }
                cost_[at++] = last;
            }
        }
    }
}

}  // namespace zn
