#include "tables.hpp"

#include <cstdlib>

namespace zn {
namespace {

constexpr uint32_t kOne = 1u << 30;
constexpr uint32_t kInverseQuarter[4] = {65536, 55109, 46341, 38968};  // round(2^16 * 2^(-r/4))

// Probability, in units of 2^-30, that a variate of row `row` lies below t eighths of a grey level.
uint32_t below(const uint32_t* tail, int row, int t) {
    const uint32_t z = (static_cast<uint32_t>(std::abs(t)) * kInverseQuarter[row & 3]) >> (5 + (row >> 2));  // 1/1024 sigma
    uint32_t q;
    const uint32_t i = z >> 4, fraction = z & 15;
    if (i >= static_cast<uint32_t>(kTailSteps)) {
        q = tail[kTailSteps];
    } else {
        q = static_cast<uint32_t>((static_cast<uint64_t>(tail[i]) * (16 - fraction) + static_cast<uint64_t>(tail[i + 1]) * fraction) >> 4);
    }
    return t > 0 ? kOne - q : q;
}

}  // namespace

Tables::Tables(int count) {
    lut_.resize(static_cast<size_t>(count) * (1 << kLutBits) + 4);  // 32-bit gathers may read 3 bytes further
    half_.resize(count);
    ranges_.assign(static_cast<size_t>(count) * kTableStride, 0);
}

void Tables::set(int table, int half, const uint32_t* width, int symbols) {
    half_[table] = half;
    uint32_t start = 0;
    uint8_t* lut = lut_.data() + static_cast<size_t>(table) * (1 << kLutBits);
    int bucket = 0;
    for (int i = 0; i < symbols; ++i) {
        ranges_[table * kTableStride + i] = start | ((start + width[i]) << 16);
        start += width[i];
        for (; bucket < (1 << kLutBits) && (static_cast<uint32_t>(bucket) << kLutShift) < start; ++bucket) lut[bucket] = static_cast<uint8_t>(i);
    }
}

TableSet::TableSet(const uint32_t* tails, int shapes) : Tables(shapes * kTablesPerShape), shapes_(shapes) {
    for (int shape = 0; shape < shapes; ++shape) {
        const uint32_t* tail = tails + shape * (kTailSteps + 1);
        for (int row = 0; row < kRows; ++row) {
            const int first = first_of_row(shape, row);
            if (row >= kFineRows) {
                build(tail, first, row, 4);
            } else {
                for (int fraction = 0; fraction < 8; ++fraction) build(tail, first + fraction, row, fraction);
            }
        }
    }
}

void TableSet::build(const uint32_t* tail, int table, int row, int fraction) {
    const auto mass = [&](int symbol) {
        const int centre = 8 * symbol - (fraction - 4);
        return below(tail, row, centre + 4) - below(tail, row, centre - 4);
    };
    int half = 0;
    while (half < kMaxHalf && mass(half + 1) + mass(-half - 1) >= (kOne >> 13)) ++half;
    const int symbols = 2 * half + 2;  // the last one is the escape
    std::vector<uint32_t> width(symbols);
    uint32_t mass_kept = 0, total = 0;
    for (int i = 0; i < symbols; ++i) {
        const uint32_t p = i + 1 < symbols ? mass(i - half) : kOne - mass_kept;
        mass_kept += p;
        width[i] = 1 + static_cast<uint32_t>((static_cast<uint64_t>(p) * (kProbScale - symbols)) >> 30);
        total += width[i];
    }
    width[half] += kProbScale - total;
    set(table, half, width.data(), symbols);
}

}  // namespace zn
