#include "planes.hpp"

namespace zn {

// Sorted by squared distance, then |row|, row, column, all in samples of the finer grid.
const Offset kNeighbourhood[kPhases][kNeighbours] = {
    {{0, 0, 0}, {0, 0, 1}, {0, 1, 0}, {0, 1, 1},
     {0, 0, -1}, {0, 0, 2}, {0, 1, -1}, {0, 1, 2}, {0, -1, 0}, {0, -1, 1}, {0, 2, 0}, {0, 2, 1},
     {0, -1, -1}, {0, -1, 2}, {0, 2, -1}, {0, 2, 2}},
    {{0, 0, 0}, {0, 0, 1}, {1, -1, 0}, {1, 0, 0},
     {1, -1, -1}, {1, -1, 1}, {1, 0, -1}, {1, 0, 1}, {0, -1, 0}, {0, -1, 1}, {0, 1, 0}, {0, 1, 1},
     {0, 0, -1}, {0, 0, 2}, {1, -2, 0}, {1, 1, 0}},
    {{1, 0, -1}, {1, 0, 0}, {0, 0, 0}, {0, 1, 0},
     {2, 0, -1}, {2, 0, 0}, {2, 1, -1}, {2, 1, 0},
     {0, 0, -1}, {0, 0, 1}, {0, 1, -1}, {0, 1, 1}, {1, -1, -1}, {1, -1, 0}, {1, 1, -1}, {1, 1, 0}},
};

Level::Level(int height, int width, Plane<uint16_t> coarse, Plane<uint8_t> coarse_past) : height(height), width(width) {
    value[0] = std::move(coarse);
    past[0] = std::move(coarse_past);
    value[0].extend(coarse_height(), coarse_width());
    past[0].extend(coarse_height(), coarse_width());
    for (int phase = 0; phase < kPhases; ++phase) {
        value[1 + phase] = Plane<uint16_t>(coarse_height(), coarse_width());
        past[1 + phase] = Plane<uint8_t>(coarse_height(), coarse_width());
    }
}

void Level::complete(int phase) {
    if (pixels(phase) == 0) {
        value[1 + phase] = value[0];
        past[1 + phase] = past[0];
    } else {
        value[1 + phase].extend(rows(phase), columns(phase));
        past[1 + phase].extend(rows(phase), columns(phase));
    }
}

void Level::aim(int phase, int row, int column, int n, Segment& segment) const {
    segment.n = n;
    for (int k = 0; k < kNeighbours; ++k) {
        const Offset& o = kNeighbourhood[phase][k];
        segment.neighbour[k] = value[o.plane].row(row + o.row) + column + o.column;
        if (k < kNear) segment.past[k] = past[o.plane].row(row + o.row) + column + o.column;
    }
}

int level_count(int height, int width) {
    int levels = 0;
    for (int side = std::max(height, width); side > 2; side = (side + 1) / 2) ++levels;
    return levels;
}

}  // namespace zn
