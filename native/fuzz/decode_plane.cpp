// Fuzz target: hostile payloads must end in DamagedStream or in some plane, and every plane must survive a round trip,
// by the networks and by the raster coder alike.
//
// An input is ten bytes of parameters and then a payload or samples:
//   kernel set (low nibble) and task (high nibble), height - 1, width - 1 (two bytes each, modulo 320), top (2),
//   words_nbytes (3).
#include <cstdlib>

#include "decode_plane.hpp"
#include "error.hpp"
#include "repeats.hpp"

using namespace zn;

namespace zn {

const Model& fuzz_model() {
    static const std::unique_ptr<Model> model = known_model();
    return *model;
}

std::vector<uint8_t> fuzz_input(int kernel, FuzzTask task, const CodedPlane& coded, int height, int width, int top) {
    const int words = static_cast<int>(coded.words_nbytes);
    const int fields[] = {kernel | task << 4, height - 1, (height - 1) >> 8, width - 1, (width - 1) >> 8, top, top >> 8, words, words >> 8, words >> 16};
    std::vector<uint8_t> input;
    for (const int field : fields) input.push_back(static_cast<uint8_t>(field));
    input.insert(input.end(), coded.bytes.begin(), coded.bytes.end());
    return input;
}

FuzzCounts fuzz_counts;

}  // namespace zn

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < kFuzzHeader) return 0;
    static const std::vector<std::string> names = kernel_names();
    const Kernels& set = kernels(names[(data[0] & 15) % names.size()]);
    const auto word = [&](int at) { return data[at] | data[at + 1] << 8; };
    const int height = word(1) % kFuzzSide + 1, width = word(3) % kFuzzSide + 1, top = word(5);
    const size_t words_nbytes = static_cast<size_t>(word(7)) | static_cast<size_t>(data[9]) << 16;
    const std::vector<uint8_t> rest(data + kFuzzHeader, data + size);  // of exactly this size, for the sanitizer
    std::vector<uint16_t> plane(static_cast<size_t>(height) * width);
    const int task = data[0] >> 4;
    if (task != kDecodeNetworks && task != kDecodeRepeats) {  // the rest are samples, repeated
        for (size_t i = 0; i < plane.size() && rest.size() >= 2; ++i) {
            const size_t at = 2 * i % (rest.size() - 1);
            plane[i] = static_cast<uint16_t>((rest[at] | rest[at + 1] << 8) % (top + 1));
        }
    } else {
        try {
            if (task == kDecodeNetworks) {
                decode_plane(fuzz_model(), set, rest.data(), rest.size(), words_nbytes, height, width, top, plane.data());
            } else {
                decode_repeats(rest.data(), rest.size(), height, width, top, plane.data());
            }
            ++fuzz_counts.accepted;
        } catch (const DamagedStream&) {
            ++fuzz_counts.refused;
            return 0;
        }
        for (const uint16_t sample : plane) {
            if (sample > top) std::abort();
        }
    }
    const CodedPlane coded = encode_plane(fuzz_model(), set, plane.data(), height, width, top);
    std::vector<uint16_t> back(plane.size());
    decode_plane(fuzz_model(), set, coded.bytes.data(), coded.bytes.size(), coded.words_nbytes, height, width, top, back.data());
    if (back != plane) std::abort();
    const std::vector<uint8_t> repeats = encode_repeats(plane.data(), height, width, top);
    decode_repeats(repeats.data(), repeats.size(), height, width, top, back.data());
    if (back != plane) std::abort();
    ++fuzz_counts.round_trips;
    return 0;
}
