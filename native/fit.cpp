#include "fit.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "fold.hpp"
#include "log_magnitude.hpp"

namespace zn {
namespace {

constexpr int kFilterSample = 8192, kCurveSample = 8192, kExpertSample = 1024, kRuleSample = 8192;
constexpr int kLeastSample = 2048;  // pixels of a phase that are looked at in any case
constexpr int kPiece = 64;                 // neighbouring pixels that are sampled together
constexpr double kOwnFilterBits = 16 * 7;  // what the coefficients of a filter of one's own cost
constexpr double kRuleBits = 7;            // what a changed scale rule costs

using Matrix = double[kNeighbours][kNeighbours];

// Solves (matrix + ridge) x = right by Cholesky; false where the matrix is not positive.
bool solve(const Matrix& matrix, const double (&right)[kNeighbours], double (&x)[kNeighbours]) {
    double trace = 0;
    for (int i = 0; i < kNeighbours; ++i) trace += matrix[i][i];
    const double ridge = 1e-6 * trace / kNeighbours + 1e-6;
    Matrix lower{};
    for (int i = 0; i < kNeighbours; ++i) {
        for (int j = 0; j <= i; ++j) {
            double sum = matrix[i][j] + (i == j ? ridge : 0);
            for (int k = 0; k < j; ++k) sum -= lower[i][k] * lower[j][k];
            if (i == j) {
                if (!(sum > 0)) return false;
                lower[i][i] = std::sqrt(sum);
            } else {
                lower[i][j] = sum / lower[j][j];
            }
        }
    }
    for (int i = 0; i < kNeighbours; ++i) {
        double sum = right[i];
        for (int k = 0; k < i; ++k) sum -= lower[i][k] * x[k];
        x[i] = sum / lower[i][i];
    }
    for (int i = kNeighbours; i-- > 0;) {
        double sum = x[i];
        for (int k = i + 1; k < kNeighbours; ++k) sum -= lower[k][i] * x[k];
        x[i] = sum / lower[i][i];
    }
    return true;
}

// Weighted moments of the differences of the neighbours, and of the sample, to the mean of the four nearest.
struct Moments {
    Matrix square{};
    double cross[kNeighbours]{};
    double energy = 0;

    void add(const Segment& s, const uint16_t* samples, float quiet) {
        using Four = float __attribute__((vector_size(16)));
        constexpr int kFours = kNeighbours / 4;
        Four d[kSegment][kFours], weighted[kSegment][kFours];
        float y[kSegment];
        for (int i = 0; i < s.n; ++i) {
            const int base = (s.neighbour[0][i] + s.neighbour[1][i] + s.neighbour[2][i] + s.neighbour[3][i] + 2) >> 2;
            float activity = 0;
            for (int k = 0; k < kNeighbours; ++k) d[i][k / 4][k % 4] = static_cast<float>(s.neighbour[k][i] - base);
            for (int k = 0; k < kNear; ++k) activity += std::fabs(d[i][k / 4][k % 4]);
            const float root = 1 / (activity / kNear + quiet), weight = root * root;
            for (int q = 0; q < kFours; ++q) weighted[i][q] = d[i][q] * weight;
            y[i] = static_cast<float>(samples[i] - base);
            energy += static_cast<double>(weight) * y[i] * y[i];
        }
        for (int a = 0; a < kFours; ++a) {
            Four with_sample{};
            for (int i = 0; i < s.n; ++i) with_sample += weighted[i][a] * y[i];
            for (int k = 0; k < 4; ++k) cross[4 * a + k] += with_sample[k];
            for (int b = a; b < kFours; ++b) {  // the other triangle mirrors this one
                Four part[4] = {};
                for (int i = 0; i < s.n; ++i) {
                    for (int k = 0; k < 4; ++k) part[k] += weighted[i][a][k] * d[i][b];
                }
                for (int k = 0; k < 4; ++k) {
                    for (int j = 0; j < 4; ++j) square[4 * a + k][4 * b + j] += part[k][j];
                }
            }
        }
        for (int a = 1; a < kNeighbours; ++a) {
            for (int b = 0; b < a; ++b) square[a][b] = square[b][a];
        }
    }
    double error_of(const LinearPredictor& filter) const {
        double error = energy;
        for (int a = 0; a < kNeighbours; ++a) {
            const double ca = filter.coef[a] / 256.0;
            error -= 2 * ca * cross[a];
            for (int b = 0; b < kNeighbours; ++b) error += ca * square[a][b] * filter.coef[b] / 256.0;
        }
        return error;
    }
};

int log_error(const uint16_t* samples, const int32_t* predicted, int i) { return log_magnitude(std::abs(8 * samples[i] - predicted[i])); }

// The same for the mean of a network and the residual that is coded.
int coded_log_error(const uint16_t* samples, const Segment& s, int i) {
    const int32_t rounded = s.mean[i] + 4, whole = rounded >> 3;
    return log_magnitude(std::abs(8 * (whole + fold(samples[i] - whole, rounded, s.top)) - s.mean[i]));
}

}  // namespace

template <class Visit>
void PhaseFit::sample(int wanted, Visit visit) const {
    const int rows = level_.rows(phase_), columns = level_.columns(phase_);
    const int pieces = (columns + kPiece - 1) / kPiece;
    // of small phases an eighth is enough: what is sent for them must not cost more than it saves
    const size_t most = std::max<size_t>(kLeastSample, level_.pixels(phase_) / 8);
    const int stride = std::max(1, static_cast<int>(level_.pixels(phase_) / std::min<size_t>(wanted, most)));
    Segment segment;
    segment.top = top_;
    // one piece out of `stride`, at a place that jumps about so that it never lines up with columns
    const int64_t total = static_cast<int64_t>(rows) * pieces;
    for (int64_t turn = 0; turn * stride < total; ++turn) {
        const int64_t at = std::min<int64_t>(turn * stride + (turn * 40503 >> 4) % stride, total - 1);
        const int i = static_cast<int>(at / pieces), j = static_cast<int>(at % pieces) * kPiece;
        level_.aim(phase_, i, j, std::min(kPiece, columns - j), segment);
        visit(segment, level_.value[1 + phase_].row(i) + j);
    }
}

void PhaseFit::fit_filter(PhaseParameters& parameters) const {
    double activity = 0;
    int64_t pixels = 0;
    sample(kFilterSample / 4, [&](const Segment& s, const uint16_t*) {
        for (int i = 0; i < s.n; ++i) {
            const int base = (s.neighbour[0][i] + s.neighbour[1][i] + s.neighbour[2][i] + s.neighbour[3][i] + 2) >> 2;
            for (int k = 0; k < kNear; ++k) activity += std::abs(s.neighbour[k][i] - base);
        }
        pixels += s.n;
    });
    const float quiet = static_cast<float>(0.1 * activity / static_cast<double>(kNear * pixels) + 0.5);
    Moments moments;
    sample(kFilterSample, [&](const Segment& s, const uint16_t* samples) { moments.add(s, samples, quiet); });

    double best = 0;
    parameters.filter = -1;
    for (int f = 0; f < model_.filters; ++f) {
        const double error = moments.error_of(model_.filter(phase_, f));
        if (parameters.filter < 0 || error < best) {
            best = error;
            parameters.filter = f;
        }
    }
    parameters.linear = model_.filter(phase_, parameters.filter);

    double x[kNeighbours];
    if (!solve(moments.square, moments.cross, x)) return;
    LinearPredictor own;
    for (int k = 0; k < kNeighbours; ++k) own.coef[k] = static_cast<int16_t>(std::lround(std::clamp(x[k] * 256, -1.0 * kCoefMax, 1.0 * kCoefMax)));
    // Squared errors decide between the filters of the bank; the own one must code better, which logarithms tell.
    double bank_logs = 0, own_logs = 0, pixels_seen = 0;
    sample(kFilterSample / 2, [&](Segment& s, const uint16_t* samples) {
        kernels_.predict(parameters.linear, s);
        for (int i = 0; i < s.n; ++i) bank_logs += log_error(samples, s.predicted, i);
        kernels_.predict(own, s);
        for (int i = 0; i < s.n; ++i) own_logs += log_error(samples, s.predicted, i);
        pixels_seen += s.n;
    });
    const double gain = static_cast<double>(level_.pixels(phase_)) * (bank_logs - own_logs) / (8 * pixels_seen);
    if (gain > kOwnFilterBits) {
        parameters.filter = model_.filters;
        parameters.linear = own;
    }
}

void PhaseFit::fit_curve(const NoiseCurve& before, PhaseParameters& parameters) const {
    double sum[kNoiseBins + 2] = {}, number[kNoiseBins + 2] = {}, moved = 0, all = 0;
    sample(kCurveSample, [&](Segment& s, const uint16_t* samples) {
        kernels_.predict(parameters.linear, s);
        for (int i = 0; i < s.n; ++i) {
            const int bin = log_magnitude(s.predicted[i]) >> 1, log = log_error(samples, s.predicted, i);
            sum[1 + bin] += log;
            number[1 + bin] += 1;
            moved += log - before.level[bin];
            all += 1;
        }
    });
    moved /= all;
    // Every level moves by the mean; where enough pixels say so, by its own amount.
    for (int bin = 0; bin < kNoiseBins; ++bin) {
        double move = moved;
        const double n = (number[bin] + 2 * number[bin + 1] + number[bin + 2]) / 4;
        if (n >= 16) move = ((sum[bin] + 2 * sum[bin + 1] + sum[bin + 2]) / 4 + 4 * (before.level[bin] + moved)) / (n + 4) - before.level[bin];
        parameters.curve.level[bin] = std::clamp(before.level[bin] + static_cast<int>(std::lround(move)), 0, 255);
    }
}

void PhaseFit::choose_expert(PhaseParameters& parameters) const {
    std::vector<double> bits(model_.experts);
    sample(kExpertSample, [&](Segment& s, const uint16_t* samples) {
        kernels_.predict(parameters.linear, s);
        kernels_.describe(parameters.curve, s);
        for (int e = 0; e < model_.experts; ++e) {
            const Expert& expert = model_.get(level_number_, phase_, e);
            kernels_.infer(expert.network, s);
            double sum = 0;
            for (int i = 0; i < s.n; ++i) {
                const ScaleRule& rule = expert.rules[s.scale[i] >> 4];
                sum += model_.costs.at(rule.shape, ScaleMap::row_index(s.scale[i], rule.shift), coded_log_error(samples, s, i));
            }
            bits[e] += sum;
        }
    });
    parameters.expert = static_cast<int>(std::min_element(bits.begin(), bits.end()) - bits.begin());
    const Expert& expert = model_.get(level_number_, phase_, parameters.expert);
    std::copy_n(expert.rules, kScaleGroups, parameters.rules);

    // Errors by unshifted row, then for each group the shift and shape that code them best.
    double pixels_seen = 0;
    std::vector<uint32_t> seen(static_cast<size_t>(kScaleMax / 8 + 2) * (kLogMax + 1));
    sample(kRuleSample, [&](Segment& s, const uint16_t* samples) {
        kernels_.predict(parameters.linear, s);
        kernels_.describe(parameters.curve, s);
        kernels_.infer(expert.network, s);
        pixels_seen += s.n;
        for (int i = 0; i < s.n; ++i) ++seen[static_cast<size_t>(s.scale[i] >> 3) * (kLogMax + 1) + coded_log_error(samples, s, i)];
    });
    const double each = std::max(1.0, static_cast<double>(level_.pixels(phase_)) / pixels_seen);
    for (int group = 0; group < kScaleGroups; ++group) {
        std::vector<std::pair<int, uint32_t>> errors[2];  // (log, count) in the lower and upper half of the group
        uint32_t pixels = 0;
        for (int h = 0; h < 2; ++h) {
            const size_t at = static_cast<size_t>(2 * group + h) * (kLogMax + 1);
            if (2 * group + h > kScaleMax / 8) continue;
            for (int log = 0; log <= kLogMax; ++log) {
                if (seen[at + log] > 0) errors[h].emplace_back(log, seen[at + log]), pixels += seen[at + log];
            }
        }
        if (pixels == 0) continue;
        const auto cost = [&](int shape, int shift) {
            double sum = 0;
            for (int h = 0; h < 2; ++h) {
                // half of these scales round down, half up
                const int low = ScaleMap::row_index(16 * group + 8 * h + 2, shift), high = ScaleMap::row_index(16 * group + 8 * h + 6, shift);
                for (const auto& [log, count] : errors[h]) sum += count * (model_.costs.at(shape, low, log) + model_.costs.at(shape, high, log));
            }
            return each * sum / 2;
        };
        const ScaleRule usual = expert.rules[group];
        const double plain = cost(usual.shape, usual.shift);
        double best = plain - kRuleBits;
        const auto consider = [&](int shape, int shift) {
            if (shift < -64 || shift > 63) return;
            const double bits = cost(shape, shift);
            if (bits < best) {
                best = bits;
                parameters.rules[group] = {static_cast<int8_t>(shift), static_cast<uint8_t>(shape)};
            }
        };
        // every fourth shift of every shape, then the gaps round the best
        for (int shape = 0; shape < model_.tables.shapes(); ++shape) {
            for (int move = -12; move <= 12; move += 4) consider(shape, usual.shift + move);
        }
        for (int step = 2; step >= 1; --step) {
            const ScaleRule centre = parameters.rules[group];
            for (int shape = 0; shape < model_.tables.shapes(); ++shape) {
                consider(shape, centre.shift - step);
                consider(shape, centre.shift + step);
            }
        }
    }
}

}  // namespace zn
