#include "plane_codec.hpp"

#include <cmath>
#include <cstdlib>
#include <utility>

#include "fit.hpp"
#include "fold.hpp"
#include "log_magnitude.hpp"
#include "planes.hpp"

namespace zn {
namespace {

// The phases of one level, taken from the whole plane.
void take_phases(const uint16_t* samples, int width, int l, Level& level) {
    static constexpr int kRowOf[kPhases] = {1, 0, 1}, kColumnOf[kPhases] = {1, 1, 0};
    const ptrdiff_t step = ptrdiff_t{1} << (l - 1);
    for (int phase = 0; phase < kPhases; ++phase) {
        for (int i = 0; i < level.rows(phase); ++i) {
            const uint16_t* in = samples + (2 * i + kRowOf[phase]) * step * width + kColumnOf[phase] * step;
            uint16_t* out = level.value[1 + phase].row(i);
            for (int j = 0; j < level.columns(phase); ++j) out[j] = in[2 * step * j];
        }
    }
}

Plane<uint16_t> subsampled(const uint16_t* samples, int height, int width, int l) {
    Plane<uint16_t> grid(side_at(height, l), side_at(width, l));
    for (int i = 0; i < grid.height(); ++i) {
        for (int j = 0; j < grid.width(); ++j) grid.row(i)[j] = samples[(static_cast<ptrdiff_t>(i) << l) * width + (static_cast<ptrdiff_t>(j) << l)];
    }
    return grid;
}

// Walks the hierarchy from coarse to fine; visit(level, number, phase) must fill the phase's past errors.
template <class Visit>
void walk(const uint16_t* samples, int height, int width, Visit visit) {
    const int levels = level_count(height, width);
    Plane<uint8_t> past(side_at(height, levels), side_at(width, levels));
    for (int l = levels; l >= 1; --l) {
        Level level(side_at(height, l - 1), side_at(width, l - 1), subsampled(samples, height, width, l), std::move(past));
        take_phases(samples, width, l, level);
        for (int phase = 0; phase < kPhases; ++phase) {
            if (level.pixels(phase) > 0) visit(level, l, phase);
            level.complete(phase);
        }
        if (l > 1) past = level.merged(level.past);
    }
}

// Calls visit(segment, samples, past) along all rows of a phase.
template <class Visit>
void sweep(Level& level, int phase, Segment& segment, Visit visit) {
    for (int i = 0; i < level.rows(phase); ++i) {
        for (int j = 0; j < level.columns(phase); j += kSegment) {
            level.aim(phase, i, j, std::min(kSegment, level.columns(phase) - j), segment);
            visit(segment, level.value[1 + phase].row(i) + j, level.past[1 + phase].row(i) + j);
        }
    }
}

uint8_t past_error(uint16_t sample, int32_t predicted) { return static_cast<uint8_t>(log_magnitude(std::abs(8 * sample - predicted))); }

}  // namespace

CodedPlane encode_plane(const Model& model, const Kernels& kernels, const uint16_t* samples, int height, int width, int top) {
    const size_t pixels = static_cast<size_t>(height) * width;
    SymbolWriter writer(model.tables, kernels, lane_count(pixels), pixels + kPhases * level_count(height, width) * kMaxParameters);
    int sample_bits = 0;
    while (top >> sample_bits) ++sample_bits;
    const Plane<uint16_t> coarsest = subsampled(samples, height, width, level_count(height, width));
    for (int i = 0; i < coarsest.height(); ++i) {
        for (int j = 0; j < coarsest.width(); ++j) writer.raw().put(coarsest.row(i)[j], sample_bits);
    }

    CodedPlane coded;
    const TableView tables = model.tables.view();
    NoiseCurve curve;
    std::fill_n(curve.level, kNoiseBins, kFirstNoise);
    Segment segment;
    segment.top = top;
    walk(samples, height, width, [&](Level& level, int l, int phase) {
        PhaseParameters parameters = defaults(model, l, phase, curve);
        if (level.pixels(phase) >= kMinSidePixels) {
            const PhaseFit fit(model, kernels, level, l, phase, top);
            fit.fit_filter(parameters);
            fit.fit_curve(curve, parameters);
            fit.choose_expert(parameters);
            write_parameters(model, l, phase, parameters, curve, writer);
            curve = parameters.curve;
        }
        const Network& network = model.get(l, phase, parameters.expert).network;
        const ScaleMap rows(parameters.rules);
        writer.start_block();
        sweep(level, phase, segment, [&](Segment& s, const uint16_t* value, uint8_t* past) {
            kernels.predict(parameters.linear, s);
            kernels.describe(parameters.curve, s);
            kernels.infer(network, s);
            kernels.choose(rows.packed(), s);
            for (int k = 0; k < s.n; k += kBlock) {
                const int n = std::min(kBlock, s.n - k);
                uint32_t raw[kBlock];
                if (kernels.rank(tables, s, k, n, value + k, writer.next(), raw, past + k)) {
                    writer.add(raw, s.bits + k, n);
                } else {
                    for (int i = k; i < k + n; ++i) writer.put(s.table[i], s.bits[i], fold(value[i] - (s.rounded[i] >> 3), s.rounded[i], s.top));
                }
            }
        });
    });
    coded.bytes = writer.finish(coded.words_nbytes);
    return coded;
}

void collect_training_pixels(const Model& model, const Kernels& kernels, const uint16_t* samples, int height, int width, int top, TrainingPixels& out) {
    NoiseCurve curve;
    std::fill_n(curve.level, kNoiseBins, kFirstNoise);
    Segment segment;
    segment.top = top;
    walk(samples, height, width, [&](Level& level, int l, int phase) {
        PhaseParameters parameters = defaults(model, l, phase, curve);
        const bool own = level.pixels(phase) >= kMinSidePixels;
        if (own) {
            const PhaseFit fit(model, kernels, level, l, phase, top);
            fit.fit_filter(parameters);
            fit.fit_curve(curve, parameters);
            curve = parameters.curve;
        }
        const uint8_t kind = static_cast<uint8_t>((l < kClasses ? l - 1 : kClasses - 1) * kPhases + phase);
        sweep(level, phase, segment, [&](Segment& s, const uint16_t* value, uint8_t* past) {
            kernels.predict(parameters.linear, s);
            kernels.describe(parameters.curve, s);
            for (int k = 0; k < s.n; ++k) {
                past[k] = past_error(value[k], s.predicted[k]);
                if (!own) continue;
                out.phase_class.push_back(kind);
                for (int f = 0; f < kFeatures; ++f) out.features.push_back(static_cast<uint8_t>(s.features[f / 4][k] >> 8 * (f % 4)));
                for (int d = 0; d < kNear; ++d) out.differences.push_back(s.difference[d][k]);
                out.past_sum.push_back(s.past_sum[k]);
                out.error.push_back(8 * value[k] - s.predicted[k]);
            }
        });
    });
}

}  // namespace zn
