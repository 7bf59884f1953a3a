#include "known_model.hpp"

#include <algorithm>

namespace zn {
namespace {

constexpr int kNetworks = kClasses * kPhases * 2;
constexpr uint32_t kDecay[3] = {60000, 63000, 64400};

void fill(Layer& layer, int e, int number, int outputs, int inputs, int reach, int right) {
    layer.outputs = outputs;
    layer.groups = inputs / 4;
    for (int r = 0; r < outputs; ++r) {
        for (int g = 0; g < layer.groups; ++g) {
            uint32_t word = 0;
            for (int k = 0; k < 4; ++k) {
                const uint32_t at = static_cast<uint32_t>((e * outputs + r) * inputs + 4 * g + k);
                const int weight = static_cast<int>(scrambled(at, 2 + number, 2 * reach + 1)) - reach;
                word |= (static_cast<uint32_t>(weight) & 255) << 8 * k;
            }
            layer.weights[r * layer.groups + g] = static_cast<int32_t>(word);
        }
        layer.bias[r] = static_cast<int32_t>(scrambled(static_cast<uint32_t>(e * outputs + r), 5 + number, 4001)) - 1000;
        layer.shift[r] = right;
    }
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
        fill(expert.network.hidden1, e, 1, 16, 32, 63, 6);
        fill(expert.network.hidden2, e, 2, 8, 16, 63, 5);
        fill(expert.network.output, e, 3, kOutputs, 8, 12, 8);
        for (int g = 0; g < kScaleGroups; ++g) {
            const uint32_t at = static_cast<uint32_t>(e * kScaleGroups + g);
            expert.rules[g] = {static_cast<int8_t>(static_cast<int>(scrambled(at, 1, 7)) - 3), static_cast<uint8_t>(scrambled(at, 2, 3))};
        }
    }
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
