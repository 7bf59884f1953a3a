// NEON with the dot product (Armv8.2): activations go in as u8 - 128, whose share of the sum is added back.
#include "kernels.hpp"
#include "fold.hpp"
#include "log_magnitude.hpp"
#include "transform_kernels.hpp"

#include <arm_neon.h>

#include "cpu.hpp"

#define ZN_SET neon

namespace zn {
namespace neon {
namespace {

struct V {
    static constexpr int kWidth = 4;
    int32x4_t x;
    static V all(int32_t a) { return {vdupq_n_s32(a)}; }
    static V load(const void* p) { return {vld1q_s32(static_cast<const int32_t*>(p))}; }
    void store(int32_t* p) const { vst1q_s32(p, x); }
    V plus(V b) const { return {vaddq_s32(x, b.x)}; }
    V times(V b) const { return {vmulq_s32(x, b.x)}; }
    V with_bits(V b) const { return {vorrq_s32(x, b.x)}; }
    bool is_zero() const { return vmaxvq_u32(vreinterpretq_u32_s32(x)) == 0; }
    V shifted(int32_t count) const { return {vshlq_s32(x, vdupq_n_s32(-count))}; }
    V at_least(V b) const { return {vmaxq_s32(x, b.x)}; }
    V at_most(V b) const { return {vminq_s32(x, b.x)}; }
    V plus_dot(V u, V s) const {
        const int8x16_t weight = vreinterpretq_s8_s32(s.x);
        const int8x16_t centred = vreinterpretq_s8_u8(veorq_u8(vreinterpretq_u8_s32(u.x), vdupq_n_u8(128)));  // u - 128
        const int32x4_t sum = vdotq_s32(x, centred, weight);
        return {vdotq_s32(vdotq_s32(sum, weight, vdupq_n_s8(127)), weight, vdupq_n_s8(1))};
    }
    static V packed(V a, V b, V c, V d) {
        const int32x4_t low = vorrq_s32(a.x, vshlq_n_s32(b.x, 8)), high = vorrq_s32(c.x, vshlq_n_s32(d.x, 8));
        return {vorrq_s32(low, vshlq_n_s32(high, 16))};
    }
    static size_t decode_groups(const TableView&, const uint16_t*, uint8_t*, size_t, RansState&) { return 0; }  // no gather on NEON
    static size_t encode_groups(const uint32_t*, size_t n, uint32_t*, int, uint8_t*&) { return n; }
};

}  // namespace
}  // namespace neon
}  // namespace zn

#include "kernels_body.hpp"
#include "transform_kernels_body.hpp"

namespace zn {
extern const Kernels kNeon = {"neon", cpu_has_neon_dot, neon::predict, neon::describe, neon::infer, neon::choose, neon::restore, neon::rank, neon::decode, neon::decode_path, neon::encode, &neon::transform::kTable};
}
