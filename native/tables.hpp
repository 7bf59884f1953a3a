// Frequency tables of the entropy coder, built from integer tails of a few unit distributions.
#pragma once

#include <cstdint>
#include <vector>

#include "format.hpp"
#include "kernels.hpp"

namespace zn {

// Tables by number, as the coder reads them.
class Tables {
  public:
    int count() const { return static_cast<int>(half_.size()); }
    int half(int table) const { return half_[table]; }
    // start | (start of the next symbol) << 16
    uint32_t range(int table, int symbol) const { return ranges_[table * kTableStride + symbol]; }
    TableView view() const { return {lut_.data(), ranges_.data(), half_.data()}; }

  protected:
    explicit Tables(int count);
    // width[0..symbols) are positive and sum to 2^14.
    void set(int table, int half, const uint32_t* width, int symbols);

  private:
    std::vector<uint8_t> lut_;      // per table: the first symbol that a slot can belong to, by the slot's upper bits
    std::vector<uint32_t> ranges_;  // per table and symbol: start and end
    std::vector<int32_t> half_;     // per table: symbols run from -half to half
};

// A table is named by (shape, row, fraction). Row j stands for a standard deviation of 2^(j/4 - 4) grey levels;
// the fraction 0..7 says where in the unit interval, in eighths from -4 to +3, the mean lies.
class TableSet : public Tables {
  public:
    // tails: shapes x (kTailSteps + 1) upper tails Q(i/64) in units of 2^-30, not increasing, Q(0) = 2^29.
    TableSet(const uint32_t* tails, int shapes);

    int shapes() const { return shapes_; }

    static int first_of_row(int shape, int row) {
        const int fine = row < kFineRows ? row * 8 : kFineRows * 8 + (row - kFineRows);
        return shape * kTablesPerShape + fine;
    }

  private:
    void build(const uint32_t* tail, int table, int row, int fraction);

    int shapes_;
};

}  // namespace zn
