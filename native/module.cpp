// Python bindings: arrays in, arrays out, the GIL released in between. Checks of meaning are made in Python
// (zarr_neural.models and zarr_neural.chunk); here only what memory safety and exact arithmetic need.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>

#include "crc32c.hpp"
#include "error.hpp"
#include "kernels.hpp"
#include "model.hpp"
#include "plane_codec.hpp"
#include "repeats.hpp"
#include "streams.hpp"
#include "transform_codec.hpp"

namespace nb = nanobind;
using namespace zn;

namespace {

template <class T, int N>
using In = nb::ndarray<const T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <class T>
using Out = nb::ndarray<nb::numpy, T>;

template <class T>
Out<T> array(std::vector<T>&& values, std::vector<size_t> shape) {
    auto* kept = new std::vector<T>(std::move(values));
    nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
    return Out<T>(kept->data(), shape.size(), shape.data(), owner);
}

nb::bytes to_bytes(const std::vector<uint8_t>& v) { return nb::bytes(reinterpret_cast<const char*>(v.data()), v.size()); }

void need(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
}

void fill(Layer& layer, const int8_t* weights, const int32_t* bias, const uint8_t* shift, size_t outputs, size_t inputs) {
    need(outputs <= kMaxHidden && inputs <= kMaxHidden && inputs % 4 == 0, "a layer is too wide, or its inputs are no multiple of 4");
    layer.outputs = static_cast<int>(outputs);
    layer.groups = static_cast<int>(inputs / 4);
    std::memcpy(layer.weights, weights, outputs * inputs);  // little endian: the first weight is the low byte
    std::copy_n(bias, outputs, layer.bias);
    for (size_t i = 0; i < outputs; ++i) {
        int64_t sum = std::abs(static_cast<int64_t>(bias[i]));
        for (size_t k = 0; k < inputs; ++k) {
            const int weight = std::abs(static_cast<int>(weights[i * inputs + k]));
            need(weight <= kWeightMax, "a weight lies outside -63..63");
            sum += 255 * weight;
        }
        need(sum < kSumEnd, "the sums of a channel reach 2^23");
        need(shift[i] <= kShiftMax, "a shift is larger than 23");
        layer.shift[i] = shift[i];
    }
}

// Arrays as in zarr_neural.models: networks have three leading axes (class, phase, expert).
Model* make_model(In<uint32_t, 2> tails, In<int16_t, 3> bank, In<int8_t, 5> rules, In<int8_t, 5> w1, In<int32_t, 4> b1, In<uint8_t, 4> s1,
                                  In<int8_t, 5> w2, In<int32_t, 4> b2, In<uint8_t, 4> s2, In<int8_t, 5> w3, In<int32_t, 4> b3, In<uint8_t, 4> s3) {
    const size_t shapes = tails.shape(0), experts = w1.shape(2), hidden1 = w1.shape(3), hidden2 = w2.shape(3);
    need(shapes >= 3 && shapes <= 16 && tails.shape(1) == kTailSteps + 1, "tails must be (3..16, 1025)");
    for (size_t shape = 0; shape < shapes; ++shape) {
        const uint32_t* tail = tails.data() + shape * (kTailSteps + 1);
        need(tail[0] == 1u << 29 && std::is_sorted(tail, tail + kTailSteps + 1, std::greater<>()), "tails must fall from 2^29 and never rise");
    }
    need(bank.shape(0) == kPhases && bank.shape(1) >= 1 && bank.shape(2) == kNeighbours, "bank must be (3, filters, 16)");
    need(std::all_of(bank.data(), bank.data() + bank.size(), [](int c) { return c >= -kCoefMax && c <= kCoefMax; }), "a coefficient of the bank lies outside -511..511");
    need(experts >= 1, "a model needs at least one expert");
    const auto lead = [&](const auto& a) { return a.shape(0) == kClasses && a.shape(1) == kPhases && a.shape(2) == experts; };
    need(lead(rules) && rules.shape(3) == kScaleGroups && rules.shape(4) == 2, "rules must be (3, 3, experts, 42, 2)");
    need(lead(w1) && lead(b1) && lead(s1) && b1.shape(3) == hidden1 && s1.shape(3) == hidden1 && w1.shape(4) == kFeatures, "the first layer has a wrong shape");
    need(lead(w2) && lead(b2) && lead(s2) && b2.shape(3) == hidden2 && s2.shape(3) == hidden2 && w2.shape(4) == hidden1, "the second layer has a wrong shape");
    need(lead(w3) && lead(b3) && lead(s3) && w3.shape(3) == kOutputs && b3.shape(3) == kOutputs && s3.shape(3) == kOutputs && w3.shape(4) == hidden2, "the last layer has a wrong shape");
    need(hidden1 % 4 == 0 && hidden2 % 4 == 0, "hidden layers must have a multiple of 4 units");

    auto model = std::make_unique<Model>(tails.data(), static_cast<int>(shapes));
    model->experts = static_cast<int>(experts);
    model->filters = static_cast<int>(bank.shape(1));
    model->bank.resize(kPhases * bank.shape(1));
    for (size_t f = 0; f < model->bank.size(); ++f) std::copy_n(bank.data() + f * kNeighbours, kNeighbours, model->bank[f].coef);
    model->expert.resize(kClasses * kPhases * experts);
    for (size_t e = 0; e < model->expert.size(); ++e) {
        Expert& expert = model->expert[e];
        fill(expert.network.hidden1, w1.data() + e * hidden1 * kFeatures, b1.data() + e * hidden1, s1.data() + e * hidden1, hidden1, kFeatures);
        fill(expert.network.hidden2, w2.data() + e * hidden2 * hidden1, b2.data() + e * hidden2, s2.data() + e * hidden2, hidden2, hidden1);
        fill(expert.network.output, w3.data() + e * kOutputs * hidden2, b3.data() + e * kOutputs, s3.data() + e * kOutputs, kOutputs, hidden2);
        for (int g = 0; g < kScaleGroups; ++g) {
            const int8_t* rule = rules.data() + (e * kScaleGroups + g) * 2;
            need(rule[1] >= 0 && static_cast<size_t>(rule[1]) < shapes, "a scale rule names a shape that is not there");
            expert.rules[g] = {rule[0], static_cast<uint8_t>(rule[1])};
        }
    }
    return model.release();
}

void check_plane(size_t height, size_t width, int top) {
    need(height >= 1 && width >= 1 && height <= (1u << 24) && width <= (1u << 24), "a plane must have 1 to 2^24 rows and columns");
    need(top >= 0 && top <= 65535, "top must be 0 to 65535");
}

nb::tuple encode(const Model& model, In<uint16_t, 2> samples, int top, const std::string& name) {
    check_plane(samples.shape(0), samples.shape(1), top);
    const Kernels& set = kernels(name);
    CodedPlane coded;
    {
        nb::gil_scoped_release release;
        coded = encode_plane(model, set, samples.data(), static_cast<int>(samples.shape(0)), static_cast<int>(samples.shape(1)), top);
    }
    return nb::make_tuple(to_bytes(coded.bytes), coded.words_nbytes);
}

Out<uint16_t> decode(const Model& model, In<uint8_t, 1> bytes, size_t words_nbytes, size_t height, size_t width, int top, const std::string& name) {
    check_plane(height, width, top);
    const Kernels& set = kernels(name);
    std::vector<uint16_t> samples;
    {
        nb::gil_scoped_release release;
        samples.resize(height * width);
        decode_plane(model, set, bytes.data(), bytes.shape(0), words_nbytes, static_cast<int>(height), static_cast<int>(width), top, samples.data());
    }
    return array(std::move(samples), {height, width});
}

nb::bytes encode_repeating(In<uint16_t, 2> samples, int top) {
    check_plane(samples.shape(0), samples.shape(1), top);
    std::vector<uint8_t> coded;
    {
        nb::gil_scoped_release release;
        coded = encode_repeats(samples.data(), static_cast<int>(samples.shape(0)), static_cast<int>(samples.shape(1)), top);
    }
    return to_bytes(coded);
}

Out<uint16_t> decode_repeating(In<uint8_t, 1> bytes, size_t height, size_t width, int top) {
    check_plane(height, width, top);
    std::vector<uint16_t> samples;
    {
        nb::gil_scoped_release release;
        samples.resize(height * width);
        decode_repeats(bytes.data(), bytes.shape(0), static_cast<int>(height), static_cast<int>(width), top, samples.data());
    }
    return array(std::move(samples), {height, width});
}

nb::dict training_pixels(const Model& model, In<uint16_t, 2> samples, int top) {
    check_plane(samples.shape(0), samples.shape(1), top);
    TrainingPixels pixels;
    {
        nb::gil_scoped_release release;
        collect_training_pixels(model, kernels(), samples.data(), static_cast<int>(samples.shape(0)), static_cast<int>(samples.shape(1)), top, pixels);
    }
    const size_t n = pixels.error.size();
    nb::dict out;
    out["phase_class"] = array(std::move(pixels.phase_class), {n});
    out["features"] = array(std::move(pixels.features), {n, kFeatures});
    out["differences"] = array(std::move(pixels.differences), {n, kNear});
    out["past_sum"] = array(std::move(pixels.past_sum), {n});
    out["error"] = array(std::move(pixels.error), {n});
    return out;
}

// Arrays as in zarr_neural.models, the leading axes (class, band, phase) of the networks as one.
TransformModel* make_transform_model(In<uint8_t, 2> half, In<uint16_t, 3> widths, In<int16_t, 3> gains, In<int8_t, 3> w1, In<int32_t, 2> b1, In<uint8_t, 2> s1, In<int8_t, 3> w2, In<int32_t, 2> b2,
                                     In<uint8_t, 2> s2, In<int8_t, 3> w3, In<int32_t, 2> b3, In<uint8_t, 2> s3) {
    const size_t hidden1 = w1.shape(1), hidden2 = w2.shape(1);
    need(half.shape(0) == 2 && half.shape(1) == kTableRows, "half must be (2, 48)");
    need(widths.shape(0) == 2 && widths.shape(1) == kTableRows && widths.shape(2) == kWidthStride, "widths must be (2, 48, 128)");
    for (int table = 0; table < 2 * kTableRows; ++table) {
        const int h = half.data()[table], symbols = 2 * h + 3;
        need(h <= kTableHalfMax && h % 2 == 0, "half must be even and at most 60");
        const uint16_t* width = widths.data() + static_cast<size_t>(table) * kWidthStride;
        uint32_t sum = 0;
        for (int i = 0; i < kWidthStride; ++i) {
            need((width[i] > 0) == (i < symbols), "every symbol of a table needs a width, and nothing else");
            sum += width[i];
        }
        need(sum == kProbScale, "the widths of a table must sum to 2^14");
    }
    need(gains.shape(0) >= 1 && gains.shape(0) <= kGainVectors && gains.shape(1) == kGainLevels && gains.shape(2) == kBands, "gains must be (1..16, 10, 3)");
    need(std::all_of(gains.data(), gains.data() + gains.size(), [](int g) { return g >= -2048 && g <= 2047; }), "gains must be -2048 to 2047");
    const auto lead = [&](const auto& a) { return a.shape(0) == kBandNetworks; };
    need(lead(w1) && lead(b1) && lead(s1) && b1.shape(1) == hidden1 && s1.shape(1) == hidden1 && w1.shape(2) == kFeatures, "the first layer has a wrong shape");
    need(lead(w2) && lead(b2) && lead(s2) && b2.shape(1) == hidden2 && s2.shape(1) == hidden2 && w2.shape(2) == hidden1, "the second layer has a wrong shape");
    need(lead(w3) && lead(b3) && lead(s3) && w3.shape(1) == kOutputs && b3.shape(1) == kOutputs && s3.shape(1) == kOutputs && w3.shape(2) == hidden2, "the last layer has a wrong shape");
    need(hidden1 % 4 == 0 && hidden2 % 4 == 0, "hidden layers must have a multiple of 4 units");

    auto model = std::make_unique<TransformModel>(half.data(), widths.data());
    model->gains.assign(gains.data(), gains.data() + gains.size());
    model->networks.resize(kBandNetworks);
    for (size_t e = 0; e < kBandNetworks; ++e) {
        Network& network = model->networks[e];
        fill(network.hidden1, w1.data() + e * hidden1 * kFeatures, b1.data() + e * hidden1, s1.data() + e * hidden1, hidden1, kFeatures);
        fill(network.hidden2, w2.data() + e * hidden2 * hidden1, b2.data() + e * hidden2, s2.data() + e * hidden2, hidden2, hidden1);
        fill(network.output, w3.data() + e * kOutputs * hidden2, b3.data() + e * kOutputs, s3.data() + e * kOutputs, kOutputs, hidden2);
    }
    model->find_zero_rows();
    return model.release();
}

// None if no step is fine enough.
nb::object encode_by_transform(const TransformModel& model, In<uint16_t, 2> samples, int top, double max_mse, double lambda, const std::string& name) {
    check_plane(samples.shape(0), samples.shape(1), top);
    need(top >= 1 && max_mse > 0 && lambda >= 0, "top must be 1 or more, the error positive and the price of a bit not negative");
    const Kernels& set = kernels(name);
    CodedTransform coded;
    {
        nb::gil_scoped_release release;
        coded = encode_transform(model, set, samples.data(), static_cast<int>(samples.shape(0)), static_cast<int>(samples.shape(1)), top, max_mse, lambda);
    }
    if (coded.bytes.empty()) return nb::none();
    return nb::make_tuple(to_bytes(coded.bytes), coded.words_nbytes, coded.parameters.step, coded.parameters.quality, coded.parameters.lanes, coded.mse,
                          array(std::move(coded.decoded), {samples.shape(0), samples.shape(1)}));
}

TransformParameters checked_parameters(int step, int quality, int lanes) {
    need(step >= 0 && step <= kStepMax && quality >= 0 && quality <= 255 && lanes >= 0 && lanes <= 5, "step must be 0..2047, quality 0..255 and lanes 0..5");
    return {step, quality, lanes};
}

Out<uint16_t> decode_by_transform(const TransformModel& model, In<uint8_t, 1> bytes, size_t words_nbytes, size_t height, size_t width, int top, int step, int quality, int lanes, const std::string& name) {
    check_plane(height, width, top);
    need(top >= 1, "top must be 1 or more");
    const TransformParameters parameters = checked_parameters(step, quality, lanes);
    const Kernels& set = kernels(name);
    std::vector<uint16_t> samples;
    {
        nb::gil_scoped_release release;
        samples.resize(height * width);
        decode_transform(model, set, bytes.data(), bytes.shape(0), words_nbytes, static_cast<int>(height), static_cast<int>(width), top, parameters, samples.data());
    }
    return array(std::move(samples), {height, width});
}

nb::dict training_coefficients(const TransformModel& model, In<uint16_t, 2> samples, int top, int step, int quality, double lambda) {
    check_plane(samples.shape(0), samples.shape(1), top);
    need(top >= 1, "top must be 1 or more");
    TrainingCoefficients all;
    {
        nb::gil_scoped_release release;
        collect_training_coefficients(model, kernels(), samples.data(), static_cast<int>(samples.shape(0)), static_cast<int>(samples.shape(1)), top, checked_parameters(step, quality, 5), lambda, all);
    }
    const size_t n = all.index.size();
    nb::dict out;
    out["network"] = array(std::move(all.network), {n});
    out["features"] = array(std::move(all.features), {n, kFeatures});
    out["neighbours"] = array(std::move(all.neighbours), {n, kNearValues});
    out["target"] = array(std::move(all.target), {n});
    out["index"] = array(std::move(all.index), {n});
    out["quantiser"] = array(std::move(all.quantiser), {n});
    out["way"] = array(std::move(all.way), {n});
    return out;
}

}  // namespace

NB_MODULE(_native, m) {
    kernels();  // what it and CRCs choose once is chosen now: a fork in the midst of it would leave it half done
    crc32c(nullptr, 0, 0);
    m.doc() = "Compiled engine of zarr_neural: see native/ for the sources and zarr_neural/spec/v1.md for the format.";
    nb::exception<DamagedStream>(m, "DamagedStream", PyExc_ValueError);
    nb::class_<Model>(m, "Model");
    m.def("make_model", &make_model, nb::rv_policy::take_ownership);
    m.def("encode_plane", &encode, nb::arg("model"), nb::arg("samples"), nb::arg("top"), nb::arg("kernels") = "");
    m.def("decode_plane", &decode, nb::arg("model"), nb::arg("bytes"), nb::arg("words_nbytes"), nb::arg("height"), nb::arg("width"), nb::arg("top"), nb::arg("kernels") = "");
    m.def("encode_repeats", &encode_repeating, nb::arg("samples"), nb::arg("top"));
    m.def("decode_repeats", &decode_repeating, nb::arg("bytes"), nb::arg("height"), nb::arg("width"), nb::arg("top"));
    m.def("training_pixels", &training_pixels, nb::arg("model"), nb::arg("samples"), nb::arg("top"));
    nb::class_<TransformModel>(m, "LossyModel");
    m.def("make_lossy_model", &make_transform_model, nb::rv_policy::take_ownership);
    m.def("encode_transform", &encode_by_transform, nb::arg("model"), nb::arg("samples"), nb::arg("top"), nb::arg("max_mse"), nb::arg("lam"), nb::arg("kernels") = "");
    m.def("decode_transform", &decode_by_transform, nb::arg("model"), nb::arg("bytes"), nb::arg("words_nbytes"), nb::arg("height"), nb::arg("width"), nb::arg("top"), nb::arg("step"), nb::arg("quality"),
          nb::arg("lanes"), nb::arg("kernels") = "");
    m.def("transform_coefficients", &training_coefficients, nb::arg("model"), nb::arg("samples"), nb::arg("top"), nb::arg("step"), nb::arg("quality"), nb::arg("lam"));
    m.def("kernel_names", &kernel_names);
    m.def("in_main_interpreter", [] { return PyInterpreterState_Get() == PyInterpreterState_Main(); });
    m.def("crc32c", [](In<uint8_t, 1> data, uint32_t crc) {
        nb::gil_scoped_release release;
        return crc32c(data.data(), data.shape(0), crc);
    }, nb::arg("data"), nb::arg("crc") = 0);
}
