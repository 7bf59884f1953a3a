#include "step_estimate.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace zn {
namespace {

constexpr int kSampled = 6144;  // numbers of a band that are looked at, in whole rows
constexpr int kBins = 160;      // quarter octaves from 2^-8 on
constexpr int kFirstExponent = 127 - 8;
constexpr float kBinMiddle[4] = {0.17f, 0.46f, 0.70f, 0.91f};  // log2 of the middles of 1..1.25, ..1.5, ..1.75, ..2

// Mean error and bits of a number by the mean magnitude of the 3 x 3 round it, in steps: from 2^-2 to 2^3 by half
// octaves, of bands that cost little (scalar, with a wide dead zone), more, and much (trellis). Measured on training pictures.
constexpr int kNodes = 11;
constexpr double kFirstNode = -2, kNodesPerOctave = 2;
constexpr float kError[3][kNodes] = {
    {0.090f, 0.167f, 0.333f, 0.592f, 0.650f, 0.524f, 0.398f, 0.378f, 0.359f, 0.339f, 0.330f},
    {0.090f, 0.167f, 0.350f, 0.407f, 0.281f, 0.272f, 0.310f, 0.328f, 0.342f, 0.366f, 0.371f},
    {0.091f, 0.155f, 0.197f, 0.198f, 0.205f, 0.214f, 0.223f, 0.229f, 0.237f, 0.242f, 0.252f},
};
constexpr double kCostOf[3] = {0.05, 0.2, 0.7};  // bits per number of those bands
constexpr float kBits[kNodes] = {0.033f, 0.154f, 0.585f, 1.2f, 1.673f, 2.133f, 2.598f, 3.069f, 3.542f, 4.02f, 4.516f};

// Of a curve over log2 of the scale; below its first node numbers are lost whole, so that it falls with the square of the scale.
double at(const float* curve, double octaves, double slope_beyond) {
    const double place = (octaves - kFirstNode) * kNodesPerOctave;
    if (place <= 0) return curve[0] * std::exp2(2 * (octaves - kFirstNode));
    if (place >= kNodes - 1) return curve[kNodes - 1] + slope_beyond * (place - (kNodes - 1)) / kNodesPerOctave;
    const int node = static_cast<int>(place);
    return curve[node] + (curve[node + 1] - curve[node]) * (place - node);
}

int bin_of(float scale) {
    uint32_t bits;
    std::memcpy(&bits, &scale, 4);
    return std::clamp(static_cast<int>(bits >> 21) - 4 * kFirstExponent, 0, kBins - 1);
}

double octaves_of(int bin) { return kFirstExponent - 127 + bin / 4 + kBinMiddle[bin % 4]; }

// Parts of a band's numbers by the mean magnitude of the 3 x 3 round them.
void count_scales(const Grid<float>& band, std::vector<float>& bins) {
    const int height = band.height, width = band.width;
    const int rows = std::clamp(kSampled / width, 1, height);
    std::vector<float> sum(width + 2);
    for (int k = 0; k < rows; ++k) {
        const int i = static_cast<int>((2 * static_cast<int64_t>(k) + 1) * height / (2 * rows));
        const float *a = band.row(std::max(i - 1, 0)), *b = band.row(i), *c = band.row(std::min(i + 1, height - 1));
        for (int j = 0; j < width; ++j) sum[j + 1] = std::fabs(a[j]) + std::fabs(b[j]) + std::fabs(c[j]);
        sum[0] = sum[1];
        sum[width + 1] = sum[width];
        for (int j = 0; j < width; ++j) bins[bin_of((sum[j] + sum[j + 1] + sum[j + 2]) * (1.0f / 9))] += 1;
    }
    for (float& part : bins) part /= static_cast<float>(rows) * static_cast<float>(width);
}

// Mean squared error of whole numbers whose error was of that variance, and even, before they were rounded.
double rounded(double variance) {
    if (variance > 1) return variance + 1.0 / 12;
    const double reach = 1 / std::sqrt(2 * std::max(variance, 1e-6));
    double sum = 0;
    for (int k = 1; k <= 4; ++k) sum += (2 * k - 1) * std::erfc((k - 0.5) * reach);
    return sum;
}

}  // namespace

StepEstimate::StepEstimate(const TransformModel& model, const std::vector<Split<float>>& levels, int top, size_t pixels)
    : model_(model), unit_(static_cast<double>(1 << fraction_bits(top))), pixels_(static_cast<double>(pixels)) {
    for (size_t l = 0; l < levels.size(); ++l) {
        for (int band = 0; band < kBands; ++band) {
            const Grid<float>& grid = levels[l].band[band];
            if (grid.data.empty()) continue;
            std::vector<float> bins(kBins);
            count_scales(grid, bins);
            const auto some = [](float part) { return part > 0; };
            const auto first = std::find_if(bins.begin(), bins.end(), some);
            const auto last = std::find_if(bins.rbegin(), bins.rend(), some).base();
            bands_.push_back({static_cast<int>(l) + 1, band, static_cast<double>(grid.data.size()), static_cast<int>(first - bins.begin()), {first, last}});
        }
    }
}

StepEstimate::PerNumber StepEstimate::average(const BandScales& scales, int step) const {
    const double octaves_of_step = std::log2(step_size(model_.band_step(scales.level, scales.band, step, 0)));
    double bits = 0, errors[3] = {};
    for (size_t k = 0; k < scales.part.size(); ++k) {
        if (scales.part[k] == 0) continue;
        const double octaves = octaves_of(scales.first + static_cast<int>(k)) - octaves_of_step, part = scales.part[k];
        bits += part * at(kBits, octaves, 1);
        for (int c = 0; c < 3; ++c) errors[c] += part * at(kError[c], octaves, 0);
    }
    const int c = bits < kCostOf[1] ? 0 : 1;
    const double f = std::clamp(std::log(std::max(bits, 1e-9) / kCostOf[c]) / std::log(kCostOf[c + 1] / kCostOf[c]), 0.0, 1.0);
    return {errors[c] * (1 - f) + errors[c + 1] * f, bits};
}

double StepEstimate::mse(int step) const {
    double sum = 0;
    for (const BandScales& scales : bands_) {
        const double size = step_size(step);  // of the step without gains, which undo the norms of the bands
        sum += average(scales, step).error * scales.count * size * size;
    }
    return rounded(sum / pixels_ / (unit_ * unit_));
}

double StepEstimate::nbytes(int step) const {
    double bits = 0;
    for (const BandScales& scales : bands_) bits += average(scales, step).bits * scales.count;
    return bits / 8;
}

int StepEstimate::coarsest(double max_mse) const {
    int step = 0;
    for (int bit = 1024; bit > 0; bit >>= 1) {
        if (mse(step + bit) <= max_mse) step += bit;
    }
    return step;
}

}  // namespace zn
