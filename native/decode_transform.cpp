#include <algorithm>
#include <utility>

#include "log_magnitude.hpp"
#include "transform_codec.hpp"
#include "transform_shared.hpp"

namespace zn {
namespace {

// One phase of a band, number after number in row order; predictions run ahead of the entropy decoder by at most one batch.
class BandPhaseDecoder {
  public:
    BandPhaseDecoder(const TransformModel& model, const Kernels& kernels, BandLevel& bands, int network, int band, int phase, bool trellis, SymbolReader& reader)
        : kernels_(kernels), bands_(bands), network_(model.networks[network]), zero_row_(model.zero_row[network]), band_(band), phase_(phase), trellis_(trellis), reader_(reader) {}

    void run() {
        const int rows = bands_.rows(band_, phase_), columns = bands_.columns(band_, phase_);
        for (int i = 0; i < rows; ++i) {
            for (int j = 0; j < columns; j += kSegment) {
                bands_.aim(band_, phase_, i, j, std::min(kSegment, columns - j), segment_);
                predict();
                if (count_ + kSegment > kBatch) take(count_ / reader_.lanes() * reader_.lanes());
            }
        }
        take(count_);
        if (reader_.exhausted()) throw DamagedStream("the symbols end before the numbers of a band do");
    }

  private:
    static constexpr int kBatch = 2048;

    void predict() {
        kernels_.transform->gather(segment_);
        kernels_.transform->infer(network_, zero_row_, segment_);
        for (int i = 0; i < segment_.n; ++i) {
            const TableRow row = table_row(segment_.row[i]);
            table_[count_ + i] = row.table;
            bits_[count_ + i] = row.bits;
        }
        std::copy_n(segment_.mean, segment_.n, mean_ + count_);
        count_ += segment_.n;
    }

    void take(int n) {
        if (trellis_) {
            reader_.get_path(table_, symbol_, quantiser_, n, state_);
        } else {
            std::fill_n(quantiser_, n, uint8_t{0});
            reader_.get(table_, symbol_, n);
        }
        const int columns = bands_.columns(band_, phase_);
        for (int k = 0; k < n;) {
            const int taken = std::min({kBlock, n - k, columns - column_});
            int32_t* value = bands_.value(band_, phase_).row(row_) + column_;
            uint8_t* log = bands_.log(band_, phase_).row(row_) + column_;
            const bool plain = std::all_of(bits_ + k, bits_ + k + taken, [](uint8_t b) { return b == 0; });
            if (!plain || !kernels_.transform->restore(reader_.tables(), table_ + k, quantiser_ + k, symbol_ + k, mean_ + k, taken, value, log)) restore_each(k, taken, value, log);
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
        std::copy_n(mean_ + n, count_, mean_);
    }

    void restore_each(int first, int n, int32_t* value, uint8_t* log) {
        for (int i = 0, k = first; i < n; ++i, ++k) {
            const int32_t half = reader_.tables().half[table_[k] + kTableRows * quantiser_[k]];
            int32_t index = symbol_[k] - half;
            if (symbol_[k] > 2 * half) {
                const bool negative = reader_.raw().get(1) != 0;
                const int32_t beyond = static_cast<int32_t>(reader_.raw().get_golomb());
                if (beyond >= kIndexEnd) throw DamagedStream("an escape lies beyond any number");
                index = half + (symbol_[k] - 2 * half) + 2 * beyond;
                if (negative) index = -index;
            }
            const int bits = bits_[k];
            if (bits > 0) {
                const int32_t raw = static_cast<int32_t>(reader_.raw().get(bits));
                const int64_t whole = static_cast<int64_t>(index >> 1) * (int64_t{2} << bits) + 2 * raw + (index & 1);
                if (whole >= kIndexEnd || whole <= -kIndexEnd) throw DamagedStream("an index lies beyond any number");
                index = static_cast<int32_t>(whole);
            }
            if (index >= kIndexEnd || index <= -kIndexEnd) throw DamagedStream("an index lies beyond any number");
            const int32_t q = quantiser_[k];
            const int32_t v = mean_[k] + 8 * index - 4 * (index > 0 ? q : (index < 0 ? -q : 0));
            if (v >= kValueEnd || v <= -kValueEnd) throw DamagedStream("a value lies beyond any number");
            value[i] = v;
            log[i] = static_cast<uint8_t>(log_magnitude(v < 0 ? -v : v));
        }
    }

    const Kernels& kernels_;
    BandLevel& bands_;
    const Network& network_;
    const int zero_row_, band_, phase_;
    const bool trellis_;
    SymbolReader& reader_;
    int row_ = 0, column_ = 0;  // next number to be stored
    int count_ = 0;             // predicted and not yet decoded
    uint8_t state_[32] = {};
    uint16_t table_[kBatch];
    uint8_t bits_[kBatch], symbol_[kBatch], quantiser_[kBatch];
    int32_t mean_[kBatch];
    BandSegment segment_;
};

}  // namespace

void decode_transform(const TransformModel& model, const Kernels& kernels, const uint8_t* bytes, size_t nbytes, size_t words_nbytes, int height, int width, int top,
                      const TransformParameters& parameters, uint16_t* samples) {
    SymbolReader reader(model.tables, kernels, 1 << parameters.lanes, bytes, nbytes, words_nbytes);
    const int levels = level_count(height, width);
    Grid<int32_t> grid(side_at(height, levels), side_at(width, levels));
    for (int32_t& x : grid.data) x = static_cast<int32_t>(reader.raw().get(kCoarsestBits)) - (1 << (kCoarsestBits - 1));
    Parents parents;
    WayMemory ways;
    for (int l = levels; l >= 1; --l) {
        const int h = side_at(height, l - 1), w = side_at(width, l - 1);
        BandLevel bands(h, w, parents);
        for (int band = 0; band < kBands; ++band) {
            for (int phase = 0; phase < kBandPhases; ++phase) {
                const size_t count = bands.count(band, phase);
                const int way = count >= kMinFlagged ? ways.read(reader.raw()) : count > 0 ? kScalar : kEmpty;
                if (way != kEmpty) BandPhaseDecoder(model, kernels, bands, TransformModel::network_index(l, band, phase), band, phase, way == kTrellis, reader).run();
                bands.complete(band, phase);
            }
        }
        grid = join_level(model, kernels, bands, l, parameters.step, parameters.quality, std::move(grid), h, w);
        if (l > 1) parents = bands.as_parents();
    }
    reader.check_end();
    to_samples(grid, top, samples);
}

}  // namespace zn
