// AVX-512 with VNNI: u8 x s8 products by vpdpbusd, 16 pixels or rANS lanes at once.
#include "kernels.hpp"
#include "fold.hpp"
#include "log_magnitude.hpp"
#include "transform_kernels.hpp"

#include <immintrin.h>

#include "cpu.hpp"

#define ZN_SET avx512vnni

namespace zn {
namespace avx512vnni {
namespace {

struct V {
    static constexpr int kWidth = 16;
    __m512i x;
    static V all(int32_t a) { return {_mm512_set1_epi32(a)}; }
    static V load(const void* p) { return {_mm512_loadu_si512(p)}; }
    void store(int32_t* p) const { _mm512_storeu_si512(p, x); }
    V plus(V b) const { return {_mm512_add_epi32(x, b.x)}; }
    V times(V b) const { return {_mm512_mullo_epi32(x, b.x)}; }
    V with_bits(V b) const { return {_mm512_or_si512(x, b.x)}; }
    bool is_zero() const { return _mm512_test_epi32_mask(x, x) == 0; }
    V shifted(int32_t count) const { return {_mm512_sra_epi32(x, _mm_cvtsi32_si128(count))}; }
    V at_least(V b) const { return {_mm512_max_epi32(x, b.x)}; }
    V at_most(V b) const { return {_mm512_min_epi32(x, b.x)}; }
    V plus_dot(V u, V s) const { return {_mm512_dpbusd_epi32(x, u.x, s.x)}; }
    static V packed(V a, V b, V c, V d) {
        const __m512i low = _mm512_or_si512(a.x, _mm512_slli_epi32(b.x, 8));
        const __m512i high = _mm512_or_si512(c.x, _mm512_slli_epi32(d.x, 8));
        return {_mm512_or_si512(low, _mm512_slli_epi32(high, 16))};
    }

    static size_t decode_groups(const TableView& tables, const uint16_t* table, uint8_t* symbols, size_t n, RansState& rans) {
        if (rans.lanes % kWidth != 0) return 0;
        const int groups = rans.lanes / kWidth;
        const __m512i low_slot = _mm512_set1_epi32(kProbScale - 1), low16 = _mm512_set1_epi32(0xffff), one = _mm512_set1_epi32(1), bound = _mm512_set1_epi32(kRansLow);
        size_t i = 0;
        for (; i + rans.lanes <= n && rans.end - rans.next >= 2 * rans.lanes; i += rans.lanes) {
            for (int g = 0; g < groups; ++g) {
                __m512i x = _mm512_loadu_si512(rans.lane + g * kWidth);
                const __m512i t = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(table + i + g * kWidth)));
                const __m512i slot = _mm512_and_si512(x, low_slot);
                const __m512i byte = _mm512_add_epi32(_mm512_slli_epi32(t, kLutBits), _mm512_srli_epi32(slot, kLutShift));
                __m512i symbol = _mm512_and_si512(_mm512_i32gather_epi32(byte, tables.lut, 1), _mm512_set1_epi32(255));
                const __m512i base = _mm512_slli_epi32(t, 7);
                __m512i range = _mm512_i32gather_epi32(_mm512_add_epi32(base, symbol), tables.ranges, 4);
                for (;;) {
                    const __mmask16 short_of = _mm512_cmpge_epu32_mask(slot, _mm512_srli_epi32(range, 16));
                    if (short_of == 0) break;
                    symbol = _mm512_mask_add_epi32(symbol, short_of, symbol, one);
                    range = _mm512_mask_i32gather_epi32(range, short_of, _mm512_add_epi32(base, symbol), tables.ranges, 4);
                }
                const __m512i start = _mm512_and_si512(range, low16);
                const __m512i width = _mm512_sub_epi32(_mm512_srli_epi32(range, 16), start);
                x = _mm512_add_epi32(_mm512_mullo_epi32(width, _mm512_srli_epi32(x, kProbBits)), _mm512_sub_epi32(slot, start));
                const __mmask16 small = _mm512_cmplt_epu32_mask(x, bound);
                const __m512i words = _mm512_maskz_expand_epi32(small, _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(rans.next))));
                x = _mm512_mask_or_epi32(x, small, _mm512_slli_epi32(x, 16), words);
                rans.next += 2 * __builtin_popcount(small);
                _mm512_storeu_si512(rans.lane + g * kWidth, x);
                _mm_storeu_si128(reinterpret_cast<__m128i*>(symbols + i + g * kWidth), _mm512_cvtepi32_epi8(symbol));
            }
        }
        return i;
    }

    static __m512i divided(__m512i x, __m512i width) {
        // 32-bit numbers are exact in float64, and so is the floor of their correctly rounded quotient
        const __m256i x0 = _mm512_castsi512_si256(x), x1 = _mm512_extracti64x4_epi64(x, 1);
        const __m256i w0 = _mm512_castsi512_si256(width), w1 = _mm512_extracti64x4_epi64(width, 1);
        const __m256i q0 = _mm512_cvttpd_epu32(_mm512_div_pd(_mm512_cvtepu32_pd(x0), _mm512_cvtepu32_pd(w0)));
        const __m256i q1 = _mm512_cvttpd_epu32(_mm512_div_pd(_mm512_cvtepu32_pd(x1), _mm512_cvtepu32_pd(w1)));
        return _mm512_inserti64x4(_mm512_castsi256_si512(q0), q1, 1);
    }

    static size_t encode_groups(const uint32_t* ranges, size_t n, uint32_t* state, int lanes, uint8_t*& first) {
        if (lanes % kWidth != 0) return n;
        const __m512i low16 = _mm512_set1_epi32(0xffff);
        for (size_t i = n; i > 0; i -= kWidth) {
            uint32_t* lane = state + (i - kWidth) % lanes;
            __m512i x = _mm512_loadu_si512(lane);
            const __m512i range = _mm512_loadu_si512(ranges + i - kWidth);
            const __m512i start = _mm512_and_si512(range, low16), width = _mm512_sub_epi32(_mm512_srli_epi32(range, 16), start);
            // a full width of 2^14 makes no symbol: there are always two
            const __mmask16 large = _mm512_cmpge_epu32_mask(x, _mm512_slli_epi32(width, 32 - kProbBits));
            const int count = __builtin_popcount(large);
            first -= 2 * count;
            const __m256i words = _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(large, x));
            _mm256_mask_storeu_epi16(first, static_cast<__mmask16>((1u << count) - 1), words);
            x = _mm512_mask_srli_epi32(x, large, x, 16);
            const __m512i q = divided(x, width);
            const __m512i rest = _mm512_sub_epi32(x, _mm512_mullo_epi32(q, width));
            _mm512_storeu_si512(lane, _mm512_add_epi32(_mm512_add_epi32(_mm512_slli_epi32(q, kProbBits), rest), start));
        }
        return 0;
    }
};

}  // namespace
}  // namespace avx512vnni
}  // namespace zn

#include "kernels_body.hpp"
#include "transform_kernels_body.hpp"

namespace zn {
extern const Kernels kAvx512 = {"avx512vnni", cpu_has_avx512vnni, avx512vnni::predict, avx512vnni::describe, avx512vnni::infer, avx512vnni::choose, avx512vnni::restore, avx512vnni::rank, avx512vnni::decode, avx512vnni::decode_path, avx512vnni::encode, &avx512vnni::transform::kTable};
}
