// Numbers that path Y fixes (zarr_neural/spec/path_y.md gives each its reason).
#pragma once

#include <cstdint>

#include "format.hpp"

namespace zn {

constexpr int kBands = 3;             // HL, LH, HH
constexpr int kBandPhases = 4;        // of a band: even rows and columns, odd and odd, even and odd, odd and even
constexpr int kBandClasses = 4;       // networks differ for levels 1, 2, 3, and 4 or coarser
constexpr int kBandNetworks = kBandClasses * kBands * kBandPhases;
constexpr int kNearValues = 8;        // finished neighbours that a mean is made of

constexpr int kTableRows = 48;        // tables of each quantiser
constexpr int kSharedRows = 44;       // rows from here on share four tables, with raw bits from row 48 on
constexpr int kRowLimit = 87;
constexpr int kTableHalfMax = 60;     // -60..60 and two escapes
constexpr int kWidthStride = 128;

constexpr int kStepMax = 2047;        // quantiser step, 1/64 octave
constexpr int kEdgeFineness = 32;     // the outermost rows and columns of a band have a step of half an octave less
constexpr int kGainLevels = 10;
constexpr int kGainVectors = 16;      // at most
constexpr int32_t kValueEnd = 1 << 20;  // |v| is smaller
constexpr int32_t kIndexEnd = 1 << 17;  // |k| is smaller
constexpr int kCoarsestBits = 23;

constexpr int32_t kPower[64] = {
    1024, 1035, 1046, 1058, 1069, 1081, 1093, 1105, 1117, 1129, 1141, 1154, 1166, 1179, 1192, 1205, 1218, 1231, 1244, 1258, 1272, 1286,
    1300, 1314, 1328, 1342, 1357, 1372, 1387, 1402, 1417, 1433, 1448, 1464, 1480, 1496, 1512, 1529, 1545, 1562, 1579, 1596, 1614, 1631,
    1649, 1667, 1685, 1704, 1722, 1741, 1760, 1779, 1798, 1818, 1838, 1858, 1878, 1898, 1919, 1940, 1961, 1983, 2004, 2026};

enum Way { kEmpty = 0, kScalar = 1, kTrellis = 2 };
constexpr int kMinFlagged = 64;       // smaller phases are scalar without a word

// Fractional bits of the transform for samples up to `top`.
inline int fraction_bits(int top) {
    int bits = 0;
    while (top >> bits) ++bits;
    return bits > 11 ? 19 - bits : 8;
}

// State of a trellis after a symbol whose index has the lowest bit b; the state's lowest bit is the quantiser.
static inline uint32_t next_state(uint32_t t, uint32_t b) { return ((t ^ t >> 1) & 1) | ((t >> 2 ^ b) & 1) << 1 | (t & 1) << 2; }

}  // namespace zn
