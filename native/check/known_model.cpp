#include "known_model.hpp"

#include <algorithm>

namespace zn {
namespace {

constexpr int kNetworks = kClasses * kPhases * 2;
constexpr uint32_t kDecay[3] = {60000, 63000, 64400};

// Network e of a model, layer `number`; the seeds are those of its arrays of weights and biases.
void fill(Layer& layer, int e, uint32_t weight_seed, uint32_t bias_seed, int outputs, int inputs, int reach, int right) {
    layer.outputs = outputs;
    layer.groups = inputs / 4;
    for (int r = 0; r < outputs; ++r) {
        for (int g = 0; g < layer.groups; ++g) {
            uint32_t word = 0;
            for (int k = 0; k < 4; ++k) {
                const uint32_t at = static_cast<uint32_t>((e * outputs + r) * inputs + 4 * g + k);
                const int weight = static_cast<int>(scrambled(at, weight_seed, static_cast<uint32_t>(2 * reach + 1))) - reach;
                word |= (static_cast<uint32_t>(weight) & 255) << 8 * k;
            }
            layer.weights[r * layer.groups + g] = static_cast<int32_t>(word);
        }
        layer.bias[r] = static_cast<int32_t>(scrambled(static_cast<uint32_t>(e * outputs + r), bias_seed, 4001)) - 1000;
        layer.shift[r] = right;
    }
}

// Weight `factor` times as large, and bias `bias_factor` times, of the first output.
void widen_first(Layer& layer, int factor, int bias_factor) {
    for (int g = 0; g < layer.groups; ++g) {
        uint32_t word = 0;
        for (int k = 0; k < 4; ++k) word |= (static_cast<uint32_t>(factor * static_cast<int8_t>(static_cast<uint32_t>(layer.weights[g]) >> 8 * k)) & 255) << 8 * k;
        layer.weights[g] = static_cast<int32_t>(word);
    }
    layer.bias[0] *= bias_factor;
}

// Widths of the 2 * half + 3 symbols of a table.
void fill_table(int half, int row, uint16_t* widths) {
    const uint64_t fall = 65536 - (52000u >> (row >> 3));
    std::vector<uint64_t> mass{1u << 24};
    for (int i = 0; i < half; ++i) mass.push_back(mass.back() * fall >> 16);
    std::vector<uint64_t> every(mass.rbegin(), mass.rend());
    every.insert(every.end(), mass.begin() + 1, mass.end());
    every.insert(every.end(), 2, mass.back() / 2);
    uint64_t sum = 0;
    for (const uint64_t part : every) sum += part;
    uint32_t left = kProbScale;
    for (size_t i = 0; i < every.size(); ++i) {
        widths[i] = static_cast<uint16_t>(1 + every[i] * (kProbScale - every.size()) / sum);
        left -= widths[i];
    }
    widths[half] = static_cast<uint16_t>(widths[half] + left);
}

}  // namespace

uint32_t scrambled(uint32_t i, uint32_t seed, uint32_t below) {
    uint32_t x = i + (seed << 20);
    for (const uint32_t factor : {0x7feb352du, 0x846ca68bu}) x = (x ^ x >> 16) * factor;
    return (x >> 8) % below;
}

std::unique_ptr<Model> known_model() {
    std::vector<uint32_t> tails;
    for (const uint32_t decay : kDecay) {
        uint64_t tail = 1u << 29;
        for (int i = 0; i <= kTailSteps; ++i, tail = tail * decay >> 16) tails.push_back(static_cast<uint32_t>(tail));
    }
    auto model = std::make_unique<Model>(tails.data(), 3);
    model->experts = 2;
    model->filters = 3;
    static constexpr int kBank[3][kNeighbours] = {
        {64, 64, 64, 64}, {80, 80, 80, 80, -8, -8, -8, -8, -8, -8, -8, -8}, {72, 72, 72, 72, 4, 4, 4, 4, -6, -6, -6, -6, -6, -6, -6, -6}};
    static constexpr int kMoved[kPhases] = {0, 1, -1};
    for (int phase = 0; phase < kPhases; ++phase) {
        for (const auto& filter : kBank) {
            LinearPredictor linear;
            for (int k = 0; k < kNeighbours; ++k) linear.coef[k] = static_cast<int16_t>(filter[k] + kMoved[phase]);
            model->bank.push_back(linear);
        }
    }
    model->expert.resize(kNetworks);
    for (int e = 0; e < kNetworks; ++e) {
        Expert& expert = model->expert[e];
        fill(expert.network.hidden1, e, 3, 6, 16, 32, 63, 6);
        fill(expert.network.hidden2, e, 4, 7, 8, 16, 63, 5);
        fill(expert.network.output, e, 5, 8, kOutputs, 8, 12, 8);
        for (int g = 0; g < kScaleGroups; ++g) {
            const uint32_t at = static_cast<uint32_t>(e * kScaleGroups + g);
            expert.rules[g] = {static_cast<int8_t>(static_cast<int>(scrambled(at, 1, 7)) - 3), static_cast<uint8_t>(scrambled(at, 2, 3))};
        }
    }
    return model;
}

std::unique_ptr<TransformModel> known_transform_model() {
    std::vector<uint8_t> half;
    std::vector<uint16_t> widths(static_cast<size_t>(2) * kTableRows * kWidthStride);
    for (int quantiser = 0; quantiser < 2; ++quantiser) {
        for (int row = 0; row < kTableRows; ++row) {
            half.push_back(static_cast<uint8_t>(2 * std::min(std::max(row - 2 * quantiser, 0), 30)));
            fill_table(half.back(), row, widths.data() + (half.size() - 1) * kWidthStride);
        }
    }
    auto model = std::make_unique<TransformModel>(half.data(), widths.data());
    for (uint32_t i = 0; i < 3 * kGainLevels * kBands; ++i) model->gains.push_back(static_cast<int16_t>(static_cast<int>(scrambled(i, 20, 257)) - 128));
    model->networks.resize(kBandNetworks);
    for (int e = 0; e < kBandNetworks; ++e) {
        Network& network = model->networks[e];
        fill(network.hidden1, e, 21, 24, 16, 32, 63, 6);
        fill(network.hidden2, e, 22, 25, 8, 16, 63, 5);
        fill(network.output, e, 23, 26, kOutputs, 8, 12, 5);
        widen_first(network.output, 5, 4);
    }
    model->find_zero_rows();
    return model;
}

std::vector<uint16_t> known_plane(int height, int width, int top) {
    std::vector<uint16_t> plane;
    const int64_t n = static_cast<int64_t>(height) * width;
    for (int i = 0; i < height; ++i) {
        for (int j = 0; j < width; ++j) {
            const uint32_t at = static_cast<uint32_t>(i * width + j);
            int64_t value = static_cast<int64_t>(i) * j * top / (32 * n);
            if (((i ^ j) >> 4 & 3) == 0) value += scrambled(at, 9, 3);
            if (i >= height / 2 && i < height / 2 + 9 && j < width / 4) value += scrambled(at, 10, static_cast<uint32_t>(top / 8 + 1));
            if (scrambled(at, 11, 1499) == 0) value = top;
            plane.push_back(static_cast<uint16_t>(std::min<int64_t>(value, top)));
        }
    }
    return plane;
}

}  // namespace zn
