// Fuzz target: hostile payloads must end in DamagedStream or in some plane, every plane must survive a round trip, by the
// networks and by the raster coder alike, and by the transform with the error that was asked for.
//
// An input is fourteen bytes of parameters and then a payload or samples:
//   kernel set (low nibble) and task (high nibble), height - 1, width - 1 (two bytes each, modulo 320), top (2),
//   words_nbytes (3), and of a transform step (2), quality (1), lanes (1).
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "decode_plane.hpp"
#include "error.hpp"
#include "repeats.hpp"
#include "transform_codec.hpp"

using namespace zn;

namespace zn {

const Model& fuzz_model() {
    static const std::unique_ptr<Model> model = known_model();
    return *model;
}

const TransformModel& fuzz_transform_model() {
    static const std::unique_ptr<TransformModel> model = known_transform_model();
    return *model;
}

std::vector<uint8_t> fuzz_input(int kernel, FuzzTask task, const CodedPlane& coded, int height, int width, int top, const TransformParameters& parameters) {
    const int words = static_cast<int>(coded.words_nbytes);
    const int fields[] = {kernel | task << 4, height - 1, (height - 1) >> 8, width - 1, (width - 1) >> 8, top, top >> 8, words, words >> 8, words >> 16,
                          parameters.step, parameters.step >> 8, parameters.quality, parameters.lanes};
    std::vector<uint8_t> input;
    for (const int field : fields) input.push_back(static_cast<uint8_t>(field));
    input.insert(input.end(), coded.bytes.begin(), coded.bytes.end());
    return input;
}

FuzzCounts fuzz_counts;

}  // namespace zn

namespace {

void round_trip(const Kernels& set, const std::vector<uint16_t>& plane, int height, int width, int top) {
    const CodedPlane coded = encode_plane(fuzz_model(), set, plane.data(), height, width, top);
    std::vector<uint16_t> back(plane.size());
    decode_plane(fuzz_model(), set, coded.bytes.data(), coded.bytes.size(), coded.words_nbytes, height, width, top, back.data());
    if (back != plane) std::abort();
    const std::vector<uint8_t> repeats = encode_repeats(plane.data(), height, width, top);
    decode_repeats(repeats.data(), repeats.size(), height, width, top, back.data());
    if (back != plane) std::abort();
}

void round_trip_by_transform(const Kernels& set, const std::vector<uint16_t>& plane, int height, int width, int top, double max_mse) {
    const CodedTransform coded = encode_transform(fuzz_transform_model(), set, plane.data(), height, width, top, max_mse, 0.25);
    if (coded.bytes.empty()) return;  // no step is fine enough
    std::vector<uint16_t> back(plane.size());
    decode_transform(fuzz_transform_model(), set, coded.bytes.data(), coded.bytes.size(), coded.words_nbytes, height, width, top, coded.parameters, back.data());
    if (back != coded.decoded || coded.mse > max_mse) std::abort();
    double sum = 0;
    for (size_t i = 0; i < plane.size(); ++i) sum += (static_cast<double>(plane[i]) - back[i]) * (static_cast<double>(plane[i]) - back[i]);
    if (sum > (max_mse * 1.000001) * static_cast<double>(plane.size())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < kFuzzHeader) return 0;
    static const std::vector<std::string> names = kernel_names();
    const Kernels& set = kernels(names[(data[0] & 15) % names.size()]);
    const auto word = [&](int at) { return data[at] | data[at + 1] << 8; };
    const int height = word(1) % kFuzzSide + 1, width = word(3) % kFuzzSide + 1, task = data[0] >> 4;
    const int top = task == kDecodeTransform ? std::max(word(5), 1) : word(5);
    const size_t words_nbytes = static_cast<size_t>(word(7)) | static_cast<size_t>(data[9]) << 16;
    const TransformParameters parameters{word(10) % (kStepMax + 1), data[12], data[13] % 6};
    const std::vector<uint8_t> rest(data + kFuzzHeader, data + size);  // of exactly this size, for the sanitizer
    std::vector<uint16_t> plane(static_cast<size_t>(height) * width);
    if (task > kDecodeTransform) {  // the rest are samples, repeated
        for (size_t i = 0; i < plane.size() && rest.size() >= 2; ++i) {
            const size_t at = 2 * i % (rest.size() - 1);
            plane[i] = static_cast<uint16_t>((rest[at] | rest[at + 1] << 8) % (top + 1));
        }
    } else {
        try {
            if (task == kDecodeNetworks) {
                decode_plane(fuzz_model(), set, rest.data(), rest.size(), words_nbytes, height, width, top, plane.data());
            } else if (task == kDecodeRepeats) {
                decode_repeats(rest.data(), rest.size(), height, width, top, plane.data());
            } else {
                decode_transform(fuzz_transform_model(), set, rest.data(), rest.size(), words_nbytes, height, width, top, parameters, plane.data());
            }
            ++fuzz_counts.accepted[task];
        } catch (const DamagedStream&) {
            ++fuzz_counts.refused[task];
            return 0;
        }
        for (const uint16_t sample : plane) {
            if (sample > top) std::abort();
        }
    }
    if (task != kDecodeTransform) round_trip(set, plane, height, width, top);
    if (task != kDecodeNetworks && top > 0) round_trip_by_transform(set, plane, height, width, top, std::exp2(parameters.step / 64.0 - 3));
    ++fuzz_counts.round_trips;
    return 0;
}
