// AVX2: u8 x s8 products by maddubs. Weights of 7 bits keep its 16-bit pair sums below 2 * 255 * 63 < 2^15.
#include "kernels.hpp"
#include "fold.hpp"
#include "log_magnitude.hpp"
#include "transform_kernels.hpp"

#include <immintrin.h>

#include "cpu.hpp"

#define ZN_SET avx2

namespace zn {
namespace avx2 {
namespace {

struct PermuteTable {
    alignas(32) int32_t index[256][8];
    constexpr PermuteTable() : index() {
        for (int mask = 0; mask < 256; ++mask) {
            int taken = 0;
            for (int lane = 0; lane < 8; ++lane) index[mask][lane] = mask >> lane & 1 ? taken++ : 0;
        }
    }
};
constexpr PermuteTable kPermute;

struct V {
    static constexpr int kWidth = 8;
    __m256i x;
    static V all(int32_t a) { return {_mm256_set1_epi32(a)}; }
    static V load(const void* p) { return {_mm256_loadu_si256(static_cast<const __m256i*>(p))}; }
    void store(int32_t* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x); }
    V plus(V b) const { return {_mm256_add_epi32(x, b.x)}; }
    V times(V b) const { return {_mm256_mullo_epi32(x, b.x)}; }
    V with_bits(V b) const { return {_mm256_or_si256(x, b.x)}; }
    bool is_zero() const { return _mm256_testz_si256(x, x) != 0; }
    V shifted(int32_t count) const { return {_mm256_sra_epi32(x, _mm_cvtsi32_si128(count))}; }
    V at_least(V b) const { return {_mm256_max_epi32(x, b.x)}; }
    V at_most(V b) const { return {_mm256_min_epi32(x, b.x)}; }
    V plus_dot(V u, V s) const { return {_mm256_add_epi32(x, _mm256_madd_epi16(_mm256_maddubs_epi16(u.x, s.x), _mm256_set1_epi16(1)))}; }
    static V packed(V a, V b, V c, V d) {
        const __m256i low = _mm256_or_si256(a.x, _mm256_slli_epi32(b.x, 8));
        const __m256i high = _mm256_or_si256(c.x, _mm256_slli_epi32(d.x, 8));
        return {_mm256_or_si256(low, _mm256_slli_epi32(high, 16))};
    }

    static size_t decode_groups(const TableView& tables, const uint16_t* table, uint8_t* symbols, size_t n, RansState& rans) {
        if (rans.lanes % kWidth != 0) return 0;
        const int groups = rans.lanes / kWidth;
        const __m256i low_slot = _mm256_set1_epi32(kProbScale - 1), low16 = _mm256_set1_epi32(0xffff), one = _mm256_set1_epi32(1);
        const __m256i bias = _mm256_set1_epi32(static_cast<int32_t>(0x80000000u)), bound = _mm256_set1_epi32(static_cast<int32_t>(kRansLow ^ 0x80000000u));
        const int* lut = reinterpret_cast<const int*>(tables.lut);
        const int* ranges = reinterpret_cast<const int*>(tables.ranges);
        size_t i = 0;
        for (; i + rans.lanes <= n && rans.end - rans.next >= 2 * rans.lanes; i += rans.lanes) {
            for (int g = 0; g < groups; ++g) {
                __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rans.lane + g * kWidth));
                const __m256i t = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table + i + g * kWidth)));
                const __m256i slot = _mm256_and_si256(x, low_slot);
                const __m256i byte = _mm256_add_epi32(_mm256_slli_epi32(t, kLutBits), _mm256_srli_epi32(slot, kLutShift));
                __m256i symbol = _mm256_and_si256(_mm256_i32gather_epi32(lut, byte, 1), _mm256_set1_epi32(255));
                const __m256i base = _mm256_slli_epi32(t, 7);
                __m256i range = _mm256_i32gather_epi32(ranges, _mm256_add_epi32(base, symbol), 4);
                for (;;) {
                    const __m256i beyond = _mm256_cmpgt_epi32(_mm256_srli_epi32(range, 16), slot);  // true where the symbol is found
                    if (_mm256_movemask_epi8(beyond) == -1) break;
                    symbol = _mm256_add_epi32(symbol, _mm256_andnot_si256(beyond, one));
                    range = _mm256_i32gather_epi32(ranges, _mm256_add_epi32(base, symbol), 4);
                }
                const __m256i start = _mm256_and_si256(range, low16);
                const __m256i width = _mm256_sub_epi32(_mm256_srli_epi32(range, 16), start);
                x = _mm256_add_epi32(_mm256_mullo_epi32(width, _mm256_srli_epi32(x, kProbBits)), _mm256_sub_epi32(slot, start));
                const __m256i small = _mm256_cmpgt_epi32(bound, _mm256_xor_si256(x, bias));
                const unsigned mask = static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(small)));
                const __m256i words = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rans.next)));
                const __m256i mine = _mm256_permutevar8x32_epi32(words, _mm256_load_si256(reinterpret_cast<const __m256i*>(kPermute.index[mask])));
                x = _mm256_blendv_epi8(x, _mm256_or_si256(_mm256_slli_epi32(x, 16), mine), small);
                rans.next += 2 * __builtin_popcount(mask);
                _mm256_storeu_si256(reinterpret_cast<__m256i*>(rans.lane + g * kWidth), x);
                const __m256i half = _mm256_packus_epi32(symbol, symbol);
                const __m256i bytes = _mm256_packus_epi16(half, half);
                const int32_t first = _mm256_extract_epi32(bytes, 0), second = _mm256_extract_epi32(bytes, 4);
                std::memcpy(symbols + i + g * kWidth, &first, 4);
                std::memcpy(symbols + i + g * kWidth + 4, &second, 4);
            }
        }
        return i;
    }
    static size_t encode_groups(const uint32_t*, size_t n, uint32_t*, int, uint8_t*&) { return n; }
};

}  // namespace
}  // namespace avx2
}  // namespace zn

#include "kernels_body.hpp"
#include "transform_kernels_body.hpp"

namespace zn {
extern const Kernels kAvx2 = {"avx2", cpu_has_avx2, avx2::predict, avx2::describe, avx2::infer, avx2::choose, avx2::restore, avx2::rank, avx2::decode, avx2::decode_path, avx2::encode, &avx2::transform::kTable};
}
