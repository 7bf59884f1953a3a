#include "transform_model.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace zn {

PathTables::PathTables(const uint8_t* half, const uint16_t* widths) : Tables(2 * kTableRows) {
    for (int table = 0; table < 2 * kTableRows; ++table) {
        uint32_t width[kWidthStride];
        std::copy_n(widths + static_cast<size_t>(table) * kWidthStride, kWidthStride, width);
        set(table, half[table], width, 2 * half[table] + 3);
    }
}

float PathTables::bits(int quantiser, int row, int32_t k) const {
    const TableRow rule = table_row(row);
    const int table = kTableRows * quantiser + rule.table, h = half(table);
    const int32_t j = rule.bits == 0 ? k : ((k >> (rule.bits + 1)) * 2) | (k & 1);
    const int32_t a = std::abs(j);
    const bool escape = a > h;
    const uint32_t r = range(table, escape ? 2 * h + 1 + ((j & 1) ^ 1) : j + h);
    float bits = kProbBits - std::log2(static_cast<float>((r >> 16) - (r & 0xffff))) + static_cast<float>(rule.bits);
    if (escape) bits += 4 + 2 * std::log2(1.0f + static_cast<float>((a - h - 1) >> 1) / 4);
    return bits;
}

TransformModel::TransformModel(const uint8_t* half, const uint16_t* widths) : tables(half, widths) {
    costs.resize(static_cast<size_t>(2) * (kRowLimit + 1) * kCostReach);
    size_t at = 0;
    for (int q = 0; q < 2; ++q) {
        for (int row = 0; row <= kRowLimit; ++row) {
            for (int k = 0; k < kCostReach; ++k) costs[at++] = 0.5f * (tables.bits(q, row, k) + tables.bits(q, row, -k));
        }
    }
}

void TransformModel::find_zero_rows() {
    zero_row.clear();
    for (const Network& network : networks) {
        int32_t in[kMaxHidden] = {}, out[kMaxHidden];
        for (const Layer* layer : {&network.hidden1, &network.hidden2, &network.output}) {
            for (int r = 0; r < layer->outputs; ++r) {
                int32_t sum = layer->bias[r];
                for (int i = 0; i < 4 * layer->groups; ++i) sum += in[i] * static_cast<int8_t>(static_cast<uint32_t>(layer->weights[r * layer->groups + i / 4]) >> 8 * (i % 4));
                out[r] = sum >> layer->shift[r];
            }
            for (int r = 0; r < layer->outputs; ++r) in[r] = layer == &network.output ? out[r] : std::clamp(out[r], 0, 255);
        }
        zero_row.push_back(std::clamp((out[0] + 4) >> 3, 0, kRowLimit));
    }
}

int TransformModel::band_step(int level, int band, int step, int quality) const {
    const int vectors = static_cast<int>(gains.size()) / (kGainLevels * kBands);
    const int a = std::min(quality >> 4, vectors - 1), b = std::min(a + 1, vectors - 1), f = quality & 15;
    const int at = (std::min(level, kGainLevels) - 1) * kBands + band;
    const int gain = (gains[a * kGainLevels * kBands + at] * (16 - f) + gains[b * kGainLevels * kBands + at] * f + 8) >> 4;
    return std::clamp(step + gain, 0, kStepMax);
}

float step_size(int band_step) { return std::ldexp(static_cast<float>(kPower[band_step & 63]), (band_step >> 6) - 14); }

}  // namespace zn
