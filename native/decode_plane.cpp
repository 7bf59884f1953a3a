#include "plane_codec.hpp"

#include <utility>

#include "fold.hpp"
#include "log_magnitude.hpp"
#include "planes.hpp"

namespace zn {
namespace {

// One phase, pixel after pixel in row order. Predictions run ahead of the entropy decoder by at most one batch, which
// hands over whole rounds of lanes and keeps the rest.
class PhaseDecoder {
  public:
    PhaseDecoder(const Kernels& kernels, Level& level, int phase, int top, const PhaseParameters& parameters, const Network& network, SymbolReader& reader)
        : kernels_(kernels), level_(level), phase_(phase), top_(top), parameters_(parameters), network_(network), reader_(reader), rows_(parameters.rules) {
        segment_.top = top;
    }

    void run() {
        const int rows = level_.rows(phase_), columns = level_.columns(phase_);
        for (int i = 0; i < rows; ++i) {
            for (int j = 0; j < columns; j += kSegment) {
                level_.aim(phase_, i, j, std::min(kSegment, columns - j), segment_);
                predict();
                if (count_ + kSegment > kBatch) take(count_ / reader_.lanes() * reader_.lanes());
            }
        }
        take(count_);
        if (reader_.exhausted()) throw DamagedStream("the symbols end before the pixels do");
    }

  private:
    static constexpr int kBatch = 2048;

    void predict() {
        kernels_.predict(parameters_.linear, segment_);
        kernels_.describe(parameters_.curve, segment_);
        kernels_.infer(network_, segment_);
        kernels_.choose(rows_.packed(), segment_);
        std::copy_n(segment_.table, segment_.n, table_ + count_);
        std::copy_n(segment_.bits, segment_.n, bits_ + count_);
        std::copy_n(segment_.rounded, segment_.n, rounded_ + count_);
        std::copy_n(segment_.predicted, segment_.n, predicted_ + count_);
        count_ += segment_.n;
    }

    void take(int n) {
        reader_.get(table_, symbol_, n);
        const int columns = level_.columns(phase_);
        for (int k = 0; k < n;) {
            const int taken = std::min({kBlock, n - k, columns - column_});
            uint16_t* value = level_.value[1 + phase_].row(row_) + column_;
            uint8_t* past = level_.past[1 + phase_].row(row_) + column_;
            // If there is no escape, raw bits are all that the second stream holds of these pixels.
            RawReader ahead = reader_.raw();
            uint32_t raw[kBlock];
            for (int i = 0; i < taken; ++i) raw[i] = ahead.get(bits_[k + i]);
            if (kernels_.restore(reader_.tables(), table_ + k, bits_ + k, symbol_ + k, raw, rounded_ + k, predicted_ + k, taken, top_, value, past)) {
                reader_.raw() = ahead;
            } else {
                restore_each(k, taken, value, past);
            }
            k += taken;
            column_ += taken;
            if (column_ == columns) {
                column_ = 0;
                ++row_;
            }
        }
        count_ -= n;
        std::copy_n(table_ + n, count_, table_);
        std::copy_n(bits_ + n, count_, bits_);
        std::copy_n(rounded_ + n, count_, rounded_);
        std::copy_n(predicted_ + n, count_, predicted_);
    }

    void restore_each(int first, int n, uint16_t* value, uint8_t* past) {
        for (int i = 0, k = first; i < n; ++i, ++k) {
            const int32_t sample = (rounded_[k] >> 3) + unfold(reader_.residual(table_[k], bits_[k], symbol_[k]), rounded_[k], top_);
            if (static_cast<uint32_t>(sample) > static_cast<uint32_t>(top_)) throw DamagedStream("a sample lies outside the range of its plane");
            value[i] = static_cast<uint16_t>(sample);
            const int32_t error = 8 * sample - predicted_[k];
            past[i] = static_cast<uint8_t>(log_magnitude(error < 0 ? -error : error));
        }
    }

    const Kernels& kernels_;
    Level& level_;
    const int phase_, top_;
    const PhaseParameters& parameters_;
    const Network& network_;
    SymbolReader& reader_;
    const ScaleMap rows_;
    int row_ = 0, column_ = 0;  // next sample to be stored
    int count_ = 0;             // predicted and not yet decoded
    uint16_t table_[kBatch];
    uint8_t bits_[kBatch], symbol_[kBatch];
    int32_t rounded_[kBatch], predicted_[kBatch];
    Segment segment_;
};

}  // namespace

void decode_plane(const Model& model, const Kernels& kernels, const uint8_t* bytes, size_t nbytes, size_t words_nbytes, int height, int width, int top, uint16_t* samples) {
    SymbolReader reader(model.tables, kernels, lane_count(static_cast<size_t>(height) * width), bytes, nbytes, words_nbytes);
    NoiseCurve curve;
    std::fill_n(curve.level, kNoiseBins, kFirstNoise);

    const int levels = level_count(height, width);
    int sample_bits = 0;
    while (top >> sample_bits) ++sample_bits;
    Plane<uint16_t> values(side_at(height, levels), side_at(width, levels));
    Plane<uint8_t> past(values.height(), values.width());
    for (int i = 0; i < values.height(); ++i) {
        for (int j = 0; j < values.width(); ++j) {
            const uint32_t sample = reader.raw().get(sample_bits);
            if (sample > static_cast<uint32_t>(top)) throw DamagedStream("a sample lies outside the range of its plane");
            values.row(i)[j] = static_cast<uint16_t>(sample);
        }
    }
    for (int l = levels; l >= 1; --l) {
        Level level(side_at(height, l - 1), side_at(width, l - 1), std::move(values), std::move(past));
        for (int phase = 0; phase < kPhases; ++phase) {
            if (level.pixels(phase) > 0) {
                const bool own = level.pixels(phase) >= kMinSidePixels;
                const PhaseParameters parameters = own ? read_parameters(model, l, phase, curve, reader) : defaults(model, l, phase, curve);
                curve = parameters.curve;
                PhaseDecoder(kernels, level, phase, top, parameters, model.get(l, phase, parameters.expert).network, reader).run();
            }
            level.complete(phase);
        }
        if (l > 1) {
            values = level.merged(level.value);
            past = level.merged(level.past);
        } else {
            level.merge(level.value, samples, width);
        }
    }
    if (levels == 0) {
        for (int i = 0; i < height; ++i) std::copy_n(values.row(i), width, samples + i * width);
    }
    reader.check_end();
}

}  // namespace zn
