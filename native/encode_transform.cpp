#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <utility>

#include "log_magnitude.hpp"
#include "step_estimate.hpp"
#include "transform_codec.hpp"
#include "transform_shared.hpp"

namespace zn {
namespace {

// Coefficients of all levels, the finest first.
struct Pyramid {
    std::vector<Split<float>> levels;
    Grid<int32_t> coarsest;
};

Pyramid analyse(const TransformKernels& kernels, const uint16_t* samples, int height, int width, int top) {
    const float unit = static_cast<float>(1 << fraction_bits(top));
    const int32_t middle = (top + 1) >> 1;
    Grid<float> grid(height, width);
    for (size_t i = 0; i < grid.data.size(); ++i) grid.data[i] = static_cast<float>(samples[i] - middle) * unit;
    Pyramid pyramid;
    for (int l = level_count(height, width); l > 0; --l) {
        pyramid.levels.push_back(split(kernels, grid));
        grid = std::move(pyramid.levels.back().coarse);
    }
    pyramid.coarsest = Grid<int32_t>(grid.height, grid.width);
    constexpr int32_t kEnd = 1 << (kCoarsestBits - 1);
    for (size_t i = 0; i < grid.data.size(); ++i) pyramid.coarsest.data[i] = std::clamp(static_cast<int32_t>(std::lrint(grid.data[i])), -kEnd, kEnd - 1);
    return pyramid;
}

// Room for the decisions about one phase.
struct PhaseWork {
    std::vector<float> target, y;  // coefficients in steps, and less their means
    std::vector<int32_t> row, mean, scalar, path, candidates;
    std::vector<uint8_t> decisions, quantiser, taken;
    std::vector<uint8_t> features;    // only for training
    std::vector<int32_t> neighbours;  // only for training
    void resize(size_t n, int lanes) {
        const size_t whole = (n + lanes - 1) / lanes * lanes;
        for (auto* v : {&row, &mean}) v->resize(n + kSegmentStride);
        target.resize(n);
        y.resize(n);
        scalar.resize(n);
        path.resize(n);
        quantiser.resize(n);
        taken.resize(n);
        candidates.resize(4 * whole);
        decisions.resize(whole);
    }
};

constexpr double kSurelyScalar = 0.10, kSurelyTrellis = 0.9;  // bits per number between which both are tried

// A value would leave its range.
struct StepTooFine {};

class TransformEncoder {
  public:
    TransformEncoder(const TransformModel& model, const Kernels& kernels, const Pyramid& pyramid, int height, int width, const TransformParameters& parameters, double lambda, TrainingCoefficients* training)
        : model_(model), kernels_(kernels), pyramid_(pyramid), height_(height), width_(width), parameters_(parameters), lambda_(lambda), training_(training),
          writer_(model.tables, kernels, 1 << parameters.lanes, static_cast<size_t>(height) * width) {}

    // The grid of level 0 that the bytes decode to.
    Grid<int32_t> run() {
        Grid<int32_t> grid = pyramid_.coarsest;
        for (const int32_t x : grid.data) writer_.raw().put(static_cast<uint32_t>(x + (1 << (kCoarsestBits - 1))), kCoarsestBits);
        Parents parents;
        WayMemory ways;
        for (int l = static_cast<int>(pyramid_.levels.size()); l >= 1; --l) {
            const int h = side_at(height_, l - 1), w = side_at(width_, l - 1);
            BandLevel bands(h, w, parents);
            for (int band = 0; band < kBands; ++band) {
                for (int phase = 0; phase < kBandPhases; ++phase) {
                    if (bands.count(band, phase) > 0) code(bands, l, band, phase, ways);
                    bands.complete(band, phase);
                }
            }
            grid = join_level(model_, kernels_, bands, l, parameters_.step, parameters_.quality, std::move(grid), h, w);
            if (l > 1) parents = bands.as_parents();
        }
        return grid;
    }

    std::vector<uint8_t> finish(size_t& words_nbytes) { return writer_.finish(words_nbytes); }

  private:
    void code(BandLevel& bands, int l, int band, int phase, WayMemory& ways) {
        const size_t n = bands.count(band, phase);
        work_.resize(n, 1 << parameters_.lanes);
        predict(bands, l, band, phase);
        const bool flagged = n >= kMinFlagged;
        const int32_t* index = nullptr;
        const int way = choose(n, flagged, index);
        if (training_ != nullptr && flagged) collect(l, band, phase, way, index);
        if (flagged) ways.write(writer_.raw(), way);
        if (way != kEmpty) write(bands, band, phase, index);
    }

    // Fills target, row, mean and y.
    void predict(const BandLevel& bands, int l, int band, int phase) {
        const int network = TransformModel::network_index(l, band, phase);
        const Grid<float>& coefficients = pyramid_.levels[l - 1].band[band];
        const int band_step = model_.band_step(l, band, parameters_.step, parameters_.quality);
        const float inner = 1 / step_size(band_step), edge = 1 / step_size(edge_step(band_step));
        const int rows = bands.rows(band, phase), columns = bands.columns(band, phase);
        work_.features.clear();
        work_.neighbours.clear();
        size_t at = 0;
        for (int i = 0; i < rows; ++i) {
            const int whole_row = 2 * i + BandLevel::row_of(phase);
            const float* in = coefficients.row(whole_row) + BandLevel::column_of(phase);
            const float scale = whole_row == 0 || whole_row == bands.rows(band) - 1 ? edge : inner;
            const size_t row_at = at;
            for (int j = 0; j < columns; j += kSegment) {
                const int n = std::min(kSegment, columns - j);
                bands.aim(band, phase, i, j, n, segment_);
                kernels_.transform->gather(segment_);
                kernels_.transform->infer(model_.networks[network], model_.zero_row[network], segment_);
                std::copy_n(segment_.row, n, work_.row.data() + at);
                std::copy_n(segment_.mean, n, work_.mean.data() + at);
                kernels_.transform->aim(in + 2 * j, scale, segment_.mean, n, work_.target.data() + at, work_.y.data() + at);
                if (training_ != nullptr) remember(n);
                at += n;
            }
            for (const int j : {0, columns - 1}) {
                const int whole_column = 2 * j + BandLevel::column_of(phase);
                if (whole_column > 0 && whole_column < bands.columns(band) - 1) continue;
                work_.target[row_at + j] = in[2 * j] * edge;
                work_.y[row_at + j] = work_.target[row_at + j] - 0.25f * static_cast<float>(work_.mean[row_at + j]);
            }
        }
    }

    int choose(size_t n, bool flagged, const int32_t*& index) {
        const PathSearch search{work_.y.data(), work_.row.data(), n, 1 << parameters_.lanes, model_.costs.data(), static_cast<float>(lambda_), work_.candidates.data(), work_.decisions.data()};
        const PathCost scalar = kernels_.transform->choose_scalar(search, work_.scalar.data());
        index = work_.scalar.data();
        std::fill_n(work_.quantiser.data(), n, uint8_t{0});
        if (!flagged) return kScalar;
        const double empty = kernels_.transform->energy(work_.target.data(), n);
        const double bits_each = scalar.bits / static_cast<double>(n);
        double best = scalar.total(lambda_);
        int way = kScalar;
        if (bits_each > kSurelyScalar) {
            const double path = kernels_.transform->choose_path(search, work_.path.data(), work_.taken.data()).total(lambda_);
            if (bits_each > kSurelyTrellis || path < best) {
                best = path;
                way = kTrellis;
                index = work_.path.data();
                work_.quantiser.swap(work_.taken);
            }
        }
        if (empty < best) {
            std::fill_n(work_.scalar.data(), n, 0);
            std::fill_n(work_.quantiser.data(), n, uint8_t{0});
            index = work_.scalar.data();
            return kEmpty;
        }
        return way;
    }

    // Values and log magnitudes of a phase, and its symbols.
    void write(BandLevel& bands, int band, int phase, const int32_t* index) {
        writer_.start_block();
        const TableView tables = model_.tables.view();
        const int rows = bands.rows(band, phase), columns = bands.columns(band, phase);
        size_t at = 0;
        for (int i = 0; i < rows; ++i) {
            int32_t* value = bands.value(band, phase).row(i);
            uint8_t* log = bands.log(band, phase).row(i);
            for (int j = 0; j < columns;) {
                const int n = std::min(kBlock, columns - j);
                if (kernels_.transform->rank(tables, work_.row.data() + at, work_.quantiser.data() + at, index + at, work_.mean.data() + at, n, value + j, log + j, writer_.next())) {
                    writer_.skip(n);
                } else {
                    for (int k = 0; k < n; ++k) write_one(at + k, index[at + k], value[j + k], log[j + k]);
                }
                at += n;
                j += n;
            }
        }
    }

    void write_one(size_t at, int32_t k, int32_t& value, uint8_t& log) {
        const int32_t q = work_.quantiser[at];
        value = work_.mean[at] + 8 * k - 4 * (k > 0 ? q : (k < 0 ? -q : 0));
        if (std::abs(k) >= kIndexEnd || std::abs(value) >= kValueEnd) throw StepTooFine();
        log = static_cast<uint8_t>(log_magnitude(std::abs(value)));
        const TableRow row = table_row(work_.row[at]);
        const int table = row.table + kTableRows * q, half = model_.tables.half(table);
        const int32_t j = row.bits == 0 ? k : ((k >> (row.bits + 1)) * 2 | (k & 1));
        if (j >= -half && j <= half) {
            writer_.put_range(model_.tables.range(table, j + half));
        } else {
            const int32_t beyond = std::abs(j) - half - 1;  // even: odd numbers, for half is even
            writer_.put_range(model_.tables.range(table, 2 * half + 1 + (beyond & 1)));
            writer_.raw().put(j < 0, 1);
            writer_.raw().put_golomb(static_cast<uint32_t>(beyond >> 1));
        }
        if (row.bits > 0) writer_.raw().put(static_cast<uint32_t>(k >> 1), row.bits);
    }

    void remember(int n) {
        for (int k = 0; k < n; ++k) {
            for (int f = 0; f < kFeatures; ++f) work_.features.push_back(segment_.log[f][k]);
            for (int f = 0; f < kNearValues; ++f) work_.neighbours.push_back(segment_.near[f][k]);
        }
    }

    void collect(int l, int band, int phase, int way, const int32_t* index) {
        const size_t n = work_.target.size();
        training_->network.insert(training_->network.end(), n, static_cast<uint8_t>(TransformModel::network_index(l, band, phase)));
        training_->features.insert(training_->features.end(), work_.features.begin(), work_.features.end());
        training_->neighbours.insert(training_->neighbours.end(), work_.neighbours.begin(), work_.neighbours.end());
        training_->target.insert(training_->target.end(), work_.target.begin(), work_.target.end());
        training_->index.insert(training_->index.end(), index, index + n);
        training_->quantiser.insert(training_->quantiser.end(), work_.quantiser.begin(), work_.quantiser.end());
        training_->way.insert(training_->way.end(), n, static_cast<uint8_t>(way));
    }

    const TransformModel& model_;
    const Kernels& kernels_;
    const Pyramid& pyramid_;
    const int height_, width_;
    const TransformParameters parameters_;
    const double lambda_;
    TrainingCoefficients* const training_;
    SymbolWriter writer_;
    PhaseWork work_;
    BandSegment segment_;
};

double mean_squared_error(const uint16_t* a, const uint16_t* b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n;) {
        const size_t end = std::min(n, i + 4096);
        uint64_t part = 0;
        for (; i < end; ++i) {
            const int64_t d = static_cast<int64_t>(a[i]) - b[i];
            part += static_cast<uint64_t>(d * d);
        }
        sum += static_cast<double>(part);
    }
    return sum / static_cast<double>(n);
}

// Lanes that cost at most about a hundredth of that many bytes.
int lanes_for(size_t nbytes) { return nbytes >= 9600 ? 5 : nbytes >= 4800 ? 4 : nbytes >= 2400 ? 3 : 0; }

}  // namespace

constexpr int kMaxAttempts = 14;
constexpr double kLeastError = 1e-9;  // what stands for none
constexpr double kAim = 0.975;   // of the root mean square error asked for
constexpr double kCloseEnough = -0.068;  // octaves of error below what was asked that will do: 4.6 %

CodedTransform encode_transform(const TransformModel& model, const Kernels& kernels, const uint16_t* samples, int height, int width, int top, double max_mse, double lambda) {
    const size_t pixels = static_cast<size_t>(height) * width;
    const Pyramid pyramid = analyse(*kernels.transform, samples, height, width, top);
    const StepEstimate estimate(model, pyramid.levels, top, pixels);
    int step = estimate.coarsest(kAim * kAim * max_mse);

    std::vector<uint16_t> decoded(pixels);
    CodedTransform best;
    int fine = -1, coarse = kStepMax + 1;  // the coarsest step known to do, and the finest known not to
    TransformParameters parameters{step, 0, lanes_for(static_cast<size_t>(estimate.nbytes(step)))};
    double slope = 1.0 / 64;  // octaves of error per step, at first
    int last_step = -1;
    double last_log = 0;
    for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
        parameters.step = step;
        TransformEncoder encoder(model, kernels, pyramid, height, width, parameters, lambda, nullptr);
        try {
            to_samples(encoder.run(), top, decoded.data());
        } catch (const StepTooFine&) {
            break;
        }
        const double mse = mean_squared_error(samples, decoded.data(), pixels);
        const double log = 0.5 * std::log2(std::max(mse, kLeastError) / max_mse);
        size_t words = 0;
        std::vector<uint8_t> bytes = encoder.finish(words);
        const int lanes = lanes_for(bytes.size());
        if (mse > max_mse) {
            coarse = std::min(coarse, step);
        } else if (step > fine || (step == fine && bytes.size() < best.bytes.size())) {
            best.bytes = std::move(bytes);
            best.words_nbytes = words;
            best.parameters = parameters;
            best.mse = mse;
            best.decoded.swap(decoded);
            decoded.resize(pixels);
            fine = step;
        }
        const bool other_lanes = lanes < parameters.lanes;
        parameters.lanes = lanes;
        const bool near_enough = log <= 0 && (log > kCloseEnough || coarse - fine <= 1 || step == kStepMax);
        if (near_enough && other_lanes) continue;  // once more, with shorter states
        if (near_enough || coarse - fine <= 1) break;
        if (last_step >= 0 && last_step != step) slope = std::clamp((log - last_log) / (step - last_step), 1.0 / 512, 1.0 / 40);
        last_step = step;
        last_log = log;
        const int move = static_cast<int>(std::lrint(std::clamp((std::log2(kAim) - log) / slope, -512.0, 512.0)));
        int next = attempt == 0 ? estimate.coarsest(kAim * kAim * max_mse * estimate.mse(step) / std::max(mse, kLeastError)) : step + move;
        if (next == step) next += log > 0 ? -1 : 1;
        if (fine >= 0 && coarse <= kStepMax && attempt > 4) next = (fine + coarse) / 2;
        if (fine < 0 && attempt > 3) next = std::min(next, step - (16 << (attempt - 3)));  // where the error hardly depends on the step
        step = std::clamp(next, fine + 1, std::min(coarse - 1, kStepMax));
    }
    return best;
}

void collect_training_coefficients(const TransformModel& model, const Kernels& kernels, const uint16_t* samples, int height, int width, int top, const TransformParameters& parameters, double lambda,
                                   TrainingCoefficients& out) {
    const Pyramid pyramid = analyse(*kernels.transform, samples, height, width, top);
    try {
        TransformEncoder(model, kernels, pyramid, height, width, parameters, lambda, &out).run();
    } catch (const StepTooFine&) {  // what was collected before will do
    }
}

}  // namespace zn
