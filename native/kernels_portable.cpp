// Plain C++: runs everywhere, and states what each member of a vector type means.
#include "kernels.hpp"
#include "fold.hpp"
#include "log_magnitude.hpp"
#include "transform_kernels.hpp"

#define ZN_SET portable

namespace zn {
namespace portable {
namespace {

struct V {
    static constexpr int kWidth = 1;
    int32_t x;
    static V all(int32_t a) { return {a}; }
    static V load(const void* p) { V v; std::memcpy(&v.x, p, 4); return v; }
    void store(int32_t* p) const { *p = x; }
    V plus(V b) const { return {x + b.x}; }
    V times(V b) const { return {x * b.x}; }
    V with_bits(V b) const { return {x | b.x}; }
    bool is_zero() const { return x == 0; }
    V shifted(int32_t count) const { return {x >> count}; }  // arithmetic
    V at_least(V b) const { return {x < b.x ? b.x : x}; }
    V at_most(V b) const { return {x > b.x ? b.x : x}; }
    // x + the dot product of four u8 with four s8
    V plus_dot(V u, V s) const {
        int32_t sum = x;
        for (int k = 0; k < 32; k += 8) sum += static_cast<int32_t>(static_cast<uint32_t>(u.x) >> k & 255) * static_cast<int8_t>(static_cast<uint32_t>(s.x) >> k & 255);
        return {sum};
    }
    // four values 0..255 in one word, the first in the low byte
    static V packed(V a, V b, V c, V d) { return {static_cast<int32_t>(static_cast<uint32_t>(a.x) | static_cast<uint32_t>(b.x) << 8 | static_cast<uint32_t>(c.x) << 16 | static_cast<uint32_t>(d.x) << 24)}; }
    // decodes as many whole vectors of symbols as it can; returns their number
    static size_t decode_groups(const TableView&, const uint16_t*, uint8_t*, size_t, RansState&) { return 0; }
    // encodes the whole rounds of lanes among the first n symbols if it can; returns how many are left to do
    static size_t encode_groups(const uint32_t*, size_t n, uint32_t*, int, uint8_t*&) { return n; }
};

bool supported() { return true; }

}  // namespace
}  // namespace portable
}  // namespace zn

#include "kernels_body.hpp"
#include "transform_kernels_body.hpp"

namespace zn {
extern const Kernels kPortable = {"portable", portable::supported, portable::predict, portable::describe, portable::infer, portable::choose, portable::restore, portable::rank, portable::decode, portable::decode_path, portable::encode, &portable::transform::kTable};
}
