#include "crc32c.hpp"

#include <cstring>

#include "cpu.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace zn {
namespace {

// table[k][b]: the remainder of byte b followed by k zero bytes
struct CrcTable {
    uint32_t remainder[8][256];
    constexpr CrcTable() : remainder() {
        for (uint32_t b = 0; b < 256; ++b) {
            uint32_t c = b;
            for (int bit = 0; bit < 8; ++bit) c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
            remainder[0][b] = c;
        }
        for (int k = 1; k < 8; ++k) {
            for (int b = 0; b < 256; ++b) remainder[k][b] = remainder[k - 1][b] >> 8 ^ remainder[0][remainder[k - 1][b] & 255];
        }
    }
};
constexpr CrcTable kCrc;

uint32_t by_table(const uint8_t* p, size_t n, uint32_t c) {
    for (; n >= 8; p += 8, n -= 8) {
        c ^= static_cast<uint32_t>(p[0]) | static_cast<uint32_t>(p[1]) << 8 | static_cast<uint32_t>(p[2]) << 16 | static_cast<uint32_t>(p[3]) << 24;
        c = kCrc.remainder[7][c & 255] ^ kCrc.remainder[6][c >> 8 & 255] ^ kCrc.remainder[5][c >> 16 & 255] ^ kCrc.remainder[4][c >> 24] ^
            kCrc.remainder[3][p[4]] ^ kCrc.remainder[2][p[5]] ^ kCrc.remainder[1][p[6]] ^ kCrc.remainder[0][p[7]];
    }
    for (; n > 0; ++p, --n) c = c >> 8 ^ kCrc.remainder[0][(c ^ *p) & 255];
    return c;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t by_instruction(const uint8_t* p, size_t n, uint32_t crc) {
    uint64_t c = crc;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t word;
        std::memcpy(&word, p, 8);
        c = _mm_crc32_u64(c, word);
    }
    for (; n > 0; ++p, --n) c = _mm_crc32_u8(static_cast<uint32_t>(c), *p);
    return static_cast<uint32_t>(c);
}
#endif

}  // namespace

uint32_t crc32c(const uint8_t* data, size_t n, uint32_t crc) {
    crc = ~crc;
#if defined(__x86_64__)
    static const bool hardware = cpu_has_sse42();
    if (hardware) return ~by_instruction(data, n, crc);
#endif
    return ~by_table(data, n, crc);
}

}  // namespace zn
