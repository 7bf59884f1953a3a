// A model of path Y in memory.
#pragma once

#include <cstdint>
#include <vector>

#include "network.hpp"
#include "tables.hpp"
#include "transform_format.hpp"
#include "transform_kernels.hpp"

namespace zn {

// The frequency tables of both quantisers; table kTableRows * Q + row.
class PathTables : public Tables {
  public:
    PathTables(const uint8_t* half, const uint16_t* widths);
    // Bits of index k (its raw bits and sign included) with the table of a row, for the encoder.
    float bits(int quantiser, int row, int32_t k) const;
};

// What a row means: table of quantiser 0, and raw bits inside the index.
struct TableRow {
    uint8_t table;
    uint8_t bits;
};
inline TableRow table_row(int row) {
    if (row < kTableRows) return {static_cast<uint8_t>(row), 0};
    return {static_cast<uint8_t>(kSharedRows + ((row - kSharedRows) & 3)), static_cast<uint8_t>((row - kSharedRows) >> 2)};
}


struct TransformModel {
    PathTables tables;
    std::vector<Network> networks;      // [class][band][phase]
    std::vector<int32_t> zero_row;      // of each network: the row that features of zero give
    std::vector<int16_t> gains;         // [vector][level - 1][band]
    std::vector<float> costs;           // [quantiser][row][|k| < kCostReach], bits

    TransformModel(const uint8_t* half, const uint16_t* widths);
    // Fills zero_row from the networks.
    void find_zero_rows();
    static int network_index(int level, int band, int phase) { return ((level < kBandClasses ? level - 1 : kBandClasses - 1) * kBands + band) * kBandPhases + phase; }
    // Step of a band in 1/64 octave.
    int band_step(int level, int band, int step, int quality) const;
};

// Step of the outermost rows and columns of a band.
inline int edge_step(int band_step) { return band_step > kEdgeFineness ? band_step - kEdgeFineness : 0; }

// Value v of a band with that step as a fixed-point coefficient, modulo 2^32.
inline int32_t dequantised(int32_t v, int band_step) {
    const int e = band_step >> 6;
    const uint32_t p = static_cast<uint32_t>(v) * static_cast<uint32_t>(kPower[band_step & 63]);
    if (e >= 16) return static_cast<int32_t>(p << (e - 16));
    return static_cast<int32_t>(p + (1u << (15 - e))) >> (16 - e);
}
// The same factor as a float, per step (four quarters).
float step_size(int band_step);

}  // namespace zn
