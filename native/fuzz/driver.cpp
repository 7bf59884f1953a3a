// Drives the fuzz target without libFuzzer: `driver corpus FOLDER` writes valid inputs, `driver run SECONDS [SEED]`
// mutates them. Inputs are the same for the same seed.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

#include "decode_plane.hpp"
#include "repeats.hpp"

using namespace zn;

namespace {

struct Case {
    int height, width, top;
};
constexpr Case kCases[] = {{1, 1, 0}, {1, 1, 65535}, {2, 3, 255}, {1, 300, 4095}, {310, 1, 255}, {17, 19, 65535}, {33, 40, 255}, {64, 64, 4095}, {65, 63, 65535}, {90, 120, 1023}, {256, 256, 255}, {260, 300, 16383}};

bool is_large(int height, int width) { return height * width > 50000; }

std::vector<std::vector<uint8_t>> corpus() {
    std::vector<std::vector<uint8_t>> inputs;
    const int sets = static_cast<int>(kernel_names().size());
    for (const Case& c : kCases) {
        for (const bool noise : {false, true}) {
            if (noise && is_large(c.height, c.width)) continue;
            std::vector<uint16_t> plane = known_plane(c.height, c.width, c.top);
            if (noise) {
                for (size_t i = 0; i < plane.size(); ++i) plane[i] = static_cast<uint16_t>(scrambled(static_cast<uint32_t>(i), 77, static_cast<uint32_t>(c.top) + 1));
            }
            const CodedPlane coded = encode_plane(fuzz_model(), kernels(), plane.data(), c.height, c.width, c.top);
            for (int k = 0; k < sets; ++k) inputs.push_back(fuzz_input(k, kDecodeNetworks, coded, c.height, c.width, c.top));
            const CodedPlane repeats = {encode_repeats(plane.data(), c.height, c.width, c.top), 0};
            inputs.push_back(fuzz_input(0, kDecodeRepeats, repeats, c.height, c.width, c.top));
            for (const double share : {0.002, 0.05}) {
                if (c.top == 0) continue;
                const double error = share * c.top;
                const CodedTransform by = encode_transform(fuzz_transform_model(), kernels(), plane.data(), c.height, c.width, c.top, error * error + 0.02, 0.25);
                if (by.bytes.empty()) continue;
                for (int k = 0; k < sets; ++k) inputs.push_back(fuzz_input(k, kDecodeTransform, {by.bytes, by.words_nbytes}, c.height, c.width, c.top, by.parameters));
            }
        }
    }
    return inputs;
}

void mutate(std::vector<uint8_t>& input, std::mt19937& random) {
    const auto at = [&] { return random() % input.size(); };
    for (uint32_t n = 1 + random() % 4; n > 0 && !input.empty(); --n) {
        switch (random() % 8) {
            case 0: input[at()] ^= static_cast<uint8_t>(1u << random() % 8); break;
            case 1: input[at()] = static_cast<uint8_t>(random()); break;
            case 2: input[random() % std::min<size_t>(input.size(), 160)] ^= static_cast<uint8_t>(1u << random() % 8); break;  // header, states, first side numbers
            case 3: input.resize(at() + 1); break;
            case 4: for (uint32_t k = random() % 40; k > 0; --k) input.push_back(static_cast<uint8_t>(random())); break;
            case 5: { const size_t from = at(), to = at(); std::copy_n(input.begin() + static_cast<ptrdiff_t>(from), std::min({input.size() - from, input.size() - to, size_t{64}}), input.begin() + static_cast<ptrdiff_t>(to)); break; }
            case 6: { const size_t from = at(); std::fill_n(input.begin() + static_cast<ptrdiff_t>(from), std::min(input.size() - from, size_t{1} << random() % 9), random() & 1 ? 0 : 255); break; }
            default: if (random() % 8 == 0) input[0] ^= static_cast<uint8_t>(16u << random() % 4); else input[random() % std::min<size_t>(input.size(), kFuzzHeader)] += static_cast<uint8_t>(random() % 5 - 2); break;
        }
    }
}

int write_corpus(const std::string& folder) {
    int n = 0;
    for (const auto& input : corpus()) {
        std::FILE* file = std::fopen((folder + "/" + std::to_string(n++)).c_str(), "wb");
        if (file == nullptr || std::fwrite(input.data(), 1, input.size(), file) != input.size() || std::fclose(file) != 0) return 1;
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 3 && std::strcmp(argv[1], "corpus") == 0) return write_corpus(argv[2]);
    if (argc < 3 || std::strcmp(argv[1], "run") != 0) return 2;
    std::mt19937 random(argc > 3 ? static_cast<uint32_t>(std::atoi(argv[3])) : 1);
    const auto inputs = corpus();
    for (const auto& input : inputs) LLVMFuzzerTestOneInput(input.data(), input.size());
    uint64_t valid = 0;
    for (const uint64_t accepted : fuzz_counts.accepted) valid += accepted;
    if (valid != inputs.size()) return 1;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(argv[2]));
    while (std::chrono::steady_clock::now() < end) {
        std::vector<uint8_t> input = inputs[random() % inputs.size()];
        if (input.size() > 10000 && random() % 16 != 0) continue;  // large planes are slow, and need fewer turns
        mutate(input, random);
        LLVMFuzzerTestOneInput(input.data(), input.size());
    }
    for (int task = 0; task < kFuzzDecoders; ++task) {
        constexpr const char* kNames[] = {"networks", "repeats", "transform"};
        std::printf("%s: refused %llu, accepted %llu\n", kNames[task], static_cast<unsigned long long>(fuzz_counts.refused[task]), static_cast<unsigned long long>(fuzz_counts.accepted[task]));
    }
    std::printf("round trips %llu\n", static_cast<unsigned long long>(fuzz_counts.round_trips));
    return 0;
}
