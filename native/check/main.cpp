// Round trips on every kernel set that this processor runs; prints the CRC-32C of each payload. The lines of one set
// must equal those of any other set on any machine. The planes marked "exact" are coded without floats in the encoder,
// and zarr_neural/intnet/selftest.py expects their CRCs.
#include <cstdio>
#include <cstring>
#include <string>

#include "crc32c.hpp"
#include "error.hpp"
#include "known_model.hpp"
#include "plane_codec.hpp"
#include "repeats.hpp"

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
    int wrong = 0;
    std::printf("tables %08x\n", tables_crc(*model));
    // a payload written elsewhere: four bytes of words_nbytes, then the payload of the 256 x 256 plane
    std::vector<uint8_t> stored;
    if (argc > 1) {
        std::FILE* file = std::fopen(argv[1], "rb");
        if (file == nullptr) return 2;
        for (int c; (c = std::fgetc(file)) != EOF;) stored.push_back(static_cast<uint8_t>(c));
        std::fclose(file);
        if (stored.size() < 4) return 2;
    }
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
            const uint32_t words = stored[0] | stored[1] << 8 | stored[2] << 16 | static_cast<uint32_t>(stored[3]) << 24;
            std::vector<uint16_t> back(256 * 256);
            decode_plane(*model, set, stored.data() + 4, stored.size() - 4, words, 256, 256, 65535, back.data());
            const bool same = back == known_plane(256, 256, 65535);
            wrong += !same;
            std::printf("%s stored payload %s\n", name.c_str(), same ? "ok" : "WRONG");
        }
    }
    return wrong == 0 ? 0 : 1;
}
