"""A second decoder of planes coded by a transform, written from `path_y.md` and nothing else, number by number.

It shares no code with the package. Integers are Python's, which never wrap round; where the text says modulo 2^32,
`int32` does it. A plane is a dictionary from (row, column) to a number, so that what lies outside is simply not there.
"""

from collections.abc import Mapping

import numpy as np

Arrays = Mapping[str, np.ndarray]
Grid = dict[tuple[int, int], int]

PHASES = [(0, 0), (1, 1), (0, 1), (1, 0)]
N, W, E, S, NW, NE, SW, SE = (-1, 0), (0, -1), (0, 1), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)
POWER = [int(2 ** (10 + i / 64) + 0.5) for i in range(64)]


class NotAPlaneError(ValueError):
    """The bytes are not a plane that this reader takes for whole."""


def require(truth: bool, what: str) -> None:
    """Raise `NotAPlaneError` unless something is true."""
    if not truth:
        raise NotAPlaneError(what)


def int32(x: int) -> int:
    """The number of 32 bits in two's complement that equals x modulo 2^32."""
    return (x + 0x80000000) % 0x100000000 - 0x80000000


def lm(a: int) -> int:
    """The log magnitude of path L."""
    octave = a.bit_length() - 1
    return 8 * octave + ((8 * a) >> octave) if a else 0


def clamp(x: int, low: int, high: int) -> int:
    """The number in low..high that is nearest to x."""
    return max(low, min(x, high))


class Streams:
    """Both streams of a payload (path L, section 6)."""

    def __init__(self, payload: bytes, words_nbytes: int, lanes: int) -> None:
        require(4 * lanes <= words_nbytes <= len(payload) and words_nbytes % 2 == 0, "the symbol section")
        numbers = np.frombuffer(payload[: 4 * lanes], "<u4")
        self.states = [int(x) for x in numbers]
        self.words = [int(x) for x in np.frombuffer(payload[4 * lanes : words_nbytes], "<u2")]
        self.bits = [byte >> k & 1 for byte in payload[words_nbytes:] for k in range(8)]
        self.word = self.bit = 0

    def symbol(self, lane: int, widths: np.ndarray) -> int:
        x = self.states[lane]
        slot = x & 16383
        start, symbol = 0, 0
        while start + int(widths[symbol]) <= slot:
            start += int(widths[symbol])
            symbol += 1
        x = int(widths[symbol]) * (x >> 14) + slot - start
        if x < 65536:
            require(self.word < len(self.words), "no word is left")
            x = x * 65536 + self.words[self.word]
            self.word += 1
        self.states[lane] = x
        return symbol

    def raw(self, count: int) -> int:
        require(self.bit + count <= len(self.bits), "no raw bit is left")
        value = sum(bit << k for k, bit in enumerate(self.bits[self.bit : self.bit + count]))
        self.bit += count
        return value

    def golomb(self) -> int:
        ones = 0
        while self.raw(1):
            ones += 1
            require(ones <= 22, "a Golomb code")
        return sum(4 << k for k in range(ones)) + self.raw(2 + ones)

    def finish(self) -> None:
        require(self.word == len(self.words), "words are left")
        require(all(x == 65536 for x in self.states), "a final state")
        left = self.bits[self.bit :]
        require(len(left) < 8 and not any(left), "raw bits are left")


def decode_plane(
    arrays: Arrays,
    payload: bytes,
    words_nbytes: int,
    size: tuple[int, int],
    top: int,
    step: int,
    quality: int,
    lanes: int,
) -> np.ndarray:
    """The samples of a plane of (height, width)."""
    sides = [size]
    while max(sides[-1]) > 2:
        height, width = size
        unit = 1 << len(sides)
        sides.append(((height + unit - 1) // unit, (width + unit - 1) // unit))
    streams = Streams(payload, words_nbytes, 1 << lanes)
    rows, columns = sides[-1]
    grid = {(i, j): streams.raw(23) - 2**22 for i in range(rows) for j in range(columns)}
    finer = Level(sides[-1], [{}, {}, {}])
    way = 1
    for level in range(len(sides) - 1, 0, -1):
        finer = Level(sides[level - 1], finer.known)
        for band in range(3):
            for phase in range(4):
                spots = finer.spots(band, phase)
                here = 1
                if len(spots) >= 64:
                    if not streams.raw(1):
                        way = [other for other in range(3) if other != way][streams.raw(1)]
                    here = way
                if here == 0:
                    finer.values[band].update(dict.fromkeys(spots, 0))
                elif spots:
                    finer.read(streams, arrays, level, band, phase, here == 2)
        bands = []
        for band, values in enumerate(finer.values):
            u = band_step(arrays["gains"], level, band, step, quality)
            last = [max((at[axis] for at in values), default=0) for axis in (0, 1)]
            edge = {at for at in values if at[0] in (0, last[0]) or at[1] in (0, last[1])}
            bands.append({at: number(v, max(u - 32, 0) if at in edge else u) for at, v in values.items()})
        grid = step_back(grid, bands, *sides[level - 1])
    streams.finish()
    fraction = min(8, 19 - top.bit_length())
    middle = (top + 1) >> 1
    samples = np.zeros(size, np.int64)
    for at, x in grid.items():
        samples[at] = clamp(middle + (int32(x + (1 << (fraction - 1))) >> fraction), 0, top)
    return samples


class Level:
    """The three bands of a level while they are read, and what is known of the next coarser one."""

    def __init__(self, finer: tuple[int, int], parents: list[Grid]) -> None:
        height, width = finer
        up, down, left, right = (height + 1) // 2, height // 2, (width + 1) // 2, width // 2
        self.shapes = [(up, right), (down, left), (down, right)]
        self.parents = parents
        self.values: list[Grid] = [{}, {}, {}]
        self.known: list[Grid] = [{}, {}, {}]  # log magnitudes

    def spots(self, band: int, phase: int) -> list[tuple[int, int]]:
        height, width = self.shapes[band]
        return [(i, j) for i in range(PHASES[phase][0], height, 2) for j in range(PHASES[phase][1], width, 2)]

    def read(self, streams: Streams, arrays: Arrays, level: int, band: int, phase: int, trellis: bool) -> None:
        states = [0] * len(streams.states)
        found = {}
        network = min(level, 4) - 1, band, phase
        for n, at in enumerate(self.spots(band, phase)):
            lane = n % len(states)
            row, mean = self.predict(arrays, network, at)
            t = states[lane]
            q = t & 1
            k = self.index(streams, arrays, lane, row, q)
            if trellis:
                t0, t1, t2 = t & 1, t >> 1 & 1, t >> 2
                states[lane] = (t0 ^ t1) + 2 * (t2 ^ (k % 2)) + 4 * t0
            v = mean + 4 * (2 * k - q * ((k > 0) - (k < 0)))
            require(abs(k) < 2**17 and abs(v) < 2**20, "a k or v")
            found[at] = v
        self.values[band].update(found)
        self.known[band].update({at: lm(abs(v)) for at, v in found.items()})

    @staticmethod
    def index(streams: Streams, arrays: Arrays, lane: int, row: int, q: int) -> int:
        table, bits = (row, 0) if row < 48 else (44 + (row - 44) % 4, (row - 44) // 4)
        half = int(arrays["half"][q, table])
        symbol = streams.symbol(lane, arrays["widths"][q, table])
        j = symbol - half
        if symbol > 2 * half:
            sign = -1 if streams.raw(1) else 1
            j = sign * (half + symbol - 2 * half + 2 * streams.golomb())
        if bits == 0:
            return j
        return ((j >> 1) << (bits + 1)) + 2 * streams.raw(bits) + j % 2

    def predict(self, arrays: Arrays, network: tuple[int, int, int], at: tuple[int, int]) -> tuple[int, int]:
        outputs = np.array(self.features(network[1], network[2], at), np.int64)
        for layer in "123":
            weights, bias, shift = (arrays[f"{letter}{layer}"][network].astype(np.int64) for letter in "wbs")
            outputs = (bias + weights @ outputs) >> shift
            if layer != "3":
                outputs = np.clip(outputs, 0, 255)
        row = clamp((int(outputs[0]) + 4) >> 3, 0, 87)
        near = [self.values[network[1]].get((at[0] + a, at[1] + b), 0) for a, b in (N, W, E, S, NW, NE, SW, SE)]
        return row, (128 + sum(clamp(int(o), -127, 127) * n for o, n in zip(outputs[1:], near, strict=True))) >> 8

    def features(self, band: int, phase: int, at: tuple[int, int]) -> list[int]:
        i, j = at
        up = i >> 1, j >> 1
        p = self.parents[band]
        x, y = (self.parents[other] for other in range(3) if other != band)
        horizontal, vertical, _ = self.known

        def m(grid: Grid, place: tuple[int, int], *offsets: tuple[int, int]) -> list[int]:
            return [grid.get((place[0] + a, place[1] + b), 0) for a, b in offsets]

        here = (0, 0)
        features = m(self.known[band], at, N, W, E, S, NW, NE, SW, SE)
        if band == 0:
            features += m(p, up, NW, NE, SW, SE) + m(x, up, N, W, E, S) + m(y, up, N, S)
        elif band == 1:
            features += m(horizontal, at, here, N, W, E, S) + m(p, up, NW, NE, SW, SE) + m(y, up, N)
        else:
            features += m(horizontal, at, here, N, W, E, S) + m(vertical, at, here, N, W, E, S)
        features += m(p, up, here, N, W, E, S) + m(x, up, here) + m(y, up, here)
        features.append(self.wide_of_phase(band, 0, up) if phase > 0 else 0)
        features.append(self.wide_of_phase(band, 1, up) if phase > 1 else 0)
        features.append(self.wide_of_phase(0, 0, up) if band > 0 else 0)
        features.append(self.wide_of_phase(1, 0, up) if band > 1 else 0)
        for parent in (p, x, y):
            square = [parent.get((up[0] + a, up[1] + b), 0) for a in range(-2, 3) for b in range(-2, 3)]
            features.append((41 * sum(square)) >> 10)
        return features

    def wide_of_phase(self, band: int, phase: int, place: tuple[int, int]) -> int:
        (row, column), known = PHASES[phase], self.known[band]
        total = 0
        for a in range(place[0] - 2, place[0] + 3):
            for b in range(place[1] - 2, place[1] + 3):
                total += known.get((2 * a + row, 2 * b + column), 0)
        return (41 * total) >> 10


def band_step(gains: np.ndarray, level: int, band: int, step: int, quality: int) -> int:
    """u of section 4."""
    a = min(quality >> 4, len(gains) - 1)
    b = min(a + 1, len(gains) - 1)
    f = quality & 15
    first, second = (int(gains[n, min(level, 10) - 1, band]) for n in (a, b))
    return clamp(step + ((first * (16 - f) + second * f + 8) >> 4), 0, 2047)


def number(v: int, u: int) -> int:
    """The coefficient of a value."""
    e = u >> 6
    p = v * POWER[u & 63]
    return int32(p + (1 << (15 - e))) >> (16 - e) if e < 16 else int32(p << (e - 16))


def step_back(grid: Grid, bands: list[Grid], height: int, width: int) -> Grid:
    """From level l to level l - 1, whose grid is height x width."""
    up, left, right = (height + 1) // 2, (width + 1) // 2, width // 2
    coarse = {at: int32(194 * g + 64) >> 7 for at, g in grid.items()}
    low: Grid = {}
    high: Grid = {}
    for target, smooth, detail, count in ((low, coarse, bands[1], left), (high, bands[0], bands[2], right)):
        for j in range(count):
            line = join([smooth[i, j] for i in range(up)], [detail[i, j] for i in range(height // 2)])
            target.update({(i, j): x for i, x in enumerate(line)})
    out: Grid = {}
    for i in range(height):
        line = join([low[i, j] for j in range(left)], [high[i, j] for j in range(right)])
        out.update({(i, j): x for j, x in enumerate(line)})
    return out


def join(s: list[int], d: list[int]) -> list[int]:
    """One line."""
    if not d:
        return s
    for i in range(len(s)):
        pair = int32(d[max(i - 1, 0)] + d[min(i, len(d) - 1)])
        s[i] = int32(s[i] - (int32(227 * pair + 256) >> 9))
    for i in range(len(d)):
        d[i] = int32(d[i] - (int32(113 * (s[i] + s[min(i + 1, len(s) - 1)]) + 64) >> 7))
    for i in range(len(s)):
        pair = int32(d[max(i - 1, 0)] + d[min(i, len(d) - 1)])
        s[i] = int32(s[i] + (int32(217 * pair + 2048) >> 12))
    for i in range(len(d)):
        d[i] = int32(d[i] + (int32(203 * (s[i] + s[min(i + 1, len(s) - 1)]) + 64) >> 7))
    return [x for pair in zip(s, d, strict=False) for x in pair] + s[len(d) :]
