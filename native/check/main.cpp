// Round trips on every kernel set that this processor runs; prints the CRC-32C of each payload. The lines of one set
// must equal those of any other set on any machine. The planes marked "exact" are coded without floats in the encoder,
// and zarr_neural/intnet/selftest.py expects their CRCs. Arguments: zarr_neural/intnet/known_answer.bin and
// known_transform.bin, payloads that were written elsewhere.
#include <cstdio>
#include <cstring>
#include <string>

#include "crc32c.hpp"
#include "error.hpp"
#include "known_model.hpp"
#include "plane_codec.hpp"
#include "repeats.hpp"
#include "transform_codec.hpp"

using namespace zn;

namespace {

struct Case {
    int height, width, top;
    const char* note;
};
constexpr Case kCases[] = {
    {21, 20, 255, "exact"}, {11, 22, 4095, "exact"}, {5, 47, 65535, "exact"}, {1, 1, 0, "exact"}, {1, 1, 65535, "exact"}, {1, 200, 255, "exact"}, {200, 1, 1023, "exact"},
    {72, 70, 4095, "fitted"}, {64, 64, 65535, "fitted"}, {256, 256, 65535, "fitted"}, {257, 301, 255, "fitted"}, {3, 30000, 4095, "fitted"}, {512, 500, 16383, "fitted"},
};

struct TransformCase {
    int height, width, top;
    double max_mse;
};
constexpr TransformCase kTransformCases[] = {{1, 1, 1, 0.1}, {40, 33, 255, 0.5}, {1, 300, 4095, 20}, {128, 130, 4095, 400}, {256, 256, 65535, 1e5}, {20, 1100, 1000, 60}};

std::vector<uint8_t> contents(const char* name) {
    std::vector<uint8_t> bytes;
    std::FILE* file = std::fopen(name, "rb");
    if (file == nullptr) return bytes;
    for (int c; (c = std::fgetc(file)) != EOF;) bytes.push_back(static_cast<uint8_t>(c));
    std::fclose(file);
    return bytes;
}

uint32_t word_at(const std::vector<uint8_t>& bytes, size_t at) { return bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | static_cast<uint32_t>(bytes[at + 3]) << 24; }

uint32_t samples_crc(const std::vector<uint16_t>& samples) {
    std::vector<uint8_t> bytes;
    for (const uint16_t sample : samples) {
        bytes.push_back(static_cast<uint8_t>(sample));
        bytes.push_back(static_cast<uint8_t>(sample >> 8));
    }
    return crc32c(bytes.data(), bytes.size());
}

// Path Y: what this set writes it reads; what was written elsewhere, nine numbers and a payload each, gives the known samples.
int check_transforms(const std::string& name, const TransformModel& model, const std::vector<uint8_t>& stored) {
    const Kernels& set = kernels(name);
    int wrong = 0;
    for (const TransformCase& c : kTransformCases) {
        const std::vector<uint16_t> plane = known_plane(c.height, c.width, c.top);
        const CodedTransform coded = encode_transform(model, set, plane.data(), c.height, c.width, c.top, c.max_mse, 0.25);
        std::vector<uint16_t> back(plane.size());
        decode_transform(model, set, coded.bytes.data(), coded.bytes.size(), coded.words_nbytes, c.height, c.width, c.top, coded.parameters, back.data());
        const bool same = back == coded.decoded && coded.mse <= c.max_mse;
        wrong += !same;
        std::printf("%s transform %dx%d/%d fitted %zu bytes %08x samples %08x %s\n", name.c_str(), c.height, c.width, c.top, coded.bytes.size(), crc32c(coded.bytes.data(), coded.bytes.size()), samples_crc(back), same ? "ok" : "WRONG");
    }
    constexpr size_t kHead = 36;
    for (size_t at = 0; at + kHead <= stored.size();) {
        const auto number = [&](size_t k) { return static_cast<int>(word_at(stored, at + 4 * k)); };
        const int height = number(0), width = number(1), top = number(2);
        std::vector<uint16_t> back(static_cast<size_t>(height) * width);
        decode_transform(model, set, stored.data() + at + kHead, word_at(stored, at + 32), word_at(stored, at + 28), height, width, top, {number(3), number(4), number(5)}, back.data());
        const bool same = samples_crc(back) == word_at(stored, at + 24);
        wrong += !same;
        std::printf("%s stored transform %dx%d/%d %s\n", name.c_str(), height, width, top, same ? "ok" : "WRONG");
        at += kHead + word_at(stored, at + 32);
    }
    return wrong;
}

uint32_t tables_crc(const Model& model) {
    uint32_t crc = 0;
    for (int t = 0; t < model.tables.count(); ++t) {
        for (int k = 0; k < 2 * model.tables.half(t) + 2; ++k) {
            const uint32_t range = model.tables.range(t, k);
            const uint8_t bytes[4] = {static_cast<uint8_t>(range), static_cast<uint8_t>(range >> 8), static_cast<uint8_t>(range >> 16), static_cast<uint8_t>(range >> 24)};
            crc = crc32c(bytes, 4, crc);
        }
    }
    return crc;
}

}  // namespace

int main(int argc, char** argv) {
    const std::unique_ptr<Model> model = known_model();
    const std::unique_ptr<TransformModel> transform_model = known_transform_model();
    int wrong = 0;
    std::printf("tables %08x\n", tables_crc(*model));
    // four bytes of words_nbytes, then the payload of the 256 x 256 plane
    const std::vector<uint8_t> stored = argc > 1 ? contents(argv[1]) : std::vector<uint8_t>();
    const std::vector<uint8_t> stored_transforms = argc > 2 ? contents(argv[2]) : std::vector<uint8_t>();
    if ((argc > 1 && stored.size() < 4) || (argc > 2 && stored_transforms.empty())) return 2;
    for (const Case& c : kCases) {
        const std::vector<uint16_t> plane = known_plane(c.height, c.width, c.top);
        const std::vector<uint8_t> coded = encode_repeats(plane.data(), c.height, c.width, c.top);
        std::vector<uint16_t> back(plane.size());
        decode_repeats(coded.data(), coded.size(), c.height, c.width, c.top, back.data());
        const bool same = back == plane;
        wrong += !same;
        std::printf("repeats %dx%d/%d exact %zu bytes %08x %s\n", c.height, c.width, c.top, coded.size(), crc32c(coded.data(), coded.size()), same ? "ok" : "WRONG");
    }
    for (const std::string& name : kernel_names()) {
        const Kernels& set = kernels(name);
        for (const Case& c : kCases) {
            const std::vector<uint16_t> plane = known_plane(c.height, c.width, c.top);
            const CodedPlane coded = encode_plane(*model, set, plane.data(), c.height, c.width, c.top);
            std::vector<uint16_t> back(plane.size());
            decode_plane(*model, set, coded.bytes.data(), coded.bytes.size(), coded.words_nbytes, c.height, c.width, c.top, back.data());
            const bool same = back == plane;
            wrong += !same;
            std::printf("%s %dx%d/%d %s %zu bytes %08x %s\n", name.c_str(), c.height, c.width, c.top, c.note, coded.bytes.size(), crc32c(coded.bytes.data(), coded.bytes.size()), same ? "ok" : "WRONG");
        }
        if (!stored.empty()) {
            std::vector<uint16_t> back(256 * 256);
            decode_plane(*model, set, stored.data() + 4, stored.size() - 4, word_at(stored, 0), 256, 256, 65535, back.data());
            const bool same = back == known_plane(256, 256, 65535);
            wrong += !same;
            std::printf("%s stored payload %s\n", name.c_str(), same ? "ok" : "WRONG");
        }
        wrong += check_transforms(name, *transform_model, stored_transforms);
    }
    return wrong == 0 ? 0 : 1;
}
