#include "transform_shared.hpp"

#include <algorithm>
#include <utility>

namespace zn {

Grid<int32_t> join_level(const TransformModel& model, const Kernels& kernels, const BandLevel& bands, int level, int step, int quality, Grid<int32_t> coarse, int height, int width) {
    Split<int32_t> parts;
    parts.coarse = std::move(coarse);
    std::vector<int32_t> values(static_cast<size_t>(width) + 1);
    for (int band = 0; band < kBands; ++band) {
        parts.band[band] = Grid<int32_t>(bands.rows(band), bands.columns(band));
        const int band_step = model.band_step(level, band, step, quality);
        const int rows = bands.rows(band), columns = bands.columns(band), edge = edge_step(band_step);
        for (int i = 0; i < rows; ++i) {
            bands.merge_row(band, i, values.data());
            int32_t* out = parts.band[band].row(i);
            kernels.transform->dequantise(i == 0 || i == rows - 1 ? edge : band_step, values.data(), out, columns);
            for (const int j : {0, columns - 1}) {
                if (columns > 0) out[j] = dequantised(values[j], edge);
            }
        }
    }
    return join(*kernels.transform, std::move(parts), height, width);
}

void to_samples(const Grid<int32_t>& grid, int top, uint16_t* samples) {
    const int bits = fraction_bits(top);
    const int32_t middle = (top + 1) >> 1;
    const uint32_t round = 1u << (bits - 1);
    for (size_t i = 0; i < grid.data.size(); ++i) {
        const int32_t x = middle + (static_cast<int32_t>(static_cast<uint32_t>(grid.data[i]) + round) >> bits);
        samples[i] = static_cast<uint16_t>(x < 0 ? 0 : (x > top ? top : x));
    }
}

}  // namespace zn
