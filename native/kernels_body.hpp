// Bodies of the kernels. A translation unit defines its vector type V (see kernels_portable.cpp for the meaning of
// its members) inside namespace zn::ZN_SET and includes this file once.
//
// Value ranges (they make every step exact in int32): samples <= 65535, |coef| <= 511, so |acc| < 2^30;
// prediction < 2^20; |difference| < 2^20 and |weight| <= 127, eight of them < 2^30; network sums < 2^23 by contract.

namespace zn {
namespace ZN_SET {

static inline int32_t clamp32(int32_t x, int32_t lo, int32_t hi) { return x < lo ? lo : (x > hi ? hi : x); }

static void predict(const LinearPredictor& linear, Segment& s) {
    const uint16_t* const* nb = s.neighbour;
    const int n = (s.n + 15) & ~15;
    int32_t total = 0;
    for (int k = 0; k < kNeighbours; ++k) total += linear.coef[k];
    const int32_t top = 8 * s.top;
    int32_t* __restrict out = s.predicted;
    for (int i = 0; i < n; ++i) {
        const int32_t base = (nb[0][i] + nb[1][i] + nb[2][i] + nb[3][i] + 2) >> 2;
        int32_t acc = -base * total;
        for (int k = 0; k < kNeighbours; ++k) acc += linear.coef[k] * nb[k][i];
        out[i] = clamp32(8 * base + ((acc + (1 << (kCoefBits - 4))) >> (kCoefBits - 3)), 0, top);
    }
}

static void describe(const NoiseCurve& curve, Segment& s) {
    const int n = (s.n + 15) & ~15;
    const int32_t top = 8 * s.top;
    const int32_t* __restrict p = s.predicted;
    for (int k = 0; k < kNear; ++k) {
        const uint16_t* __restrict nb = s.neighbour[k];
        int32_t* __restrict d = s.difference[k];
        for (int i = 0; i < n; ++i) d[i] = 8 * nb[i] - p[i];
    }
    // 0..7: signed log differences, centred at 128; 8..19: log magnitudes of the differences to the twelve nearest
    const auto magnitude = [](int32_t d, int32_t sign) { return log_magnitude((d ^ sign) - sign); };
    const auto signed_log = [](int32_t m, int32_t sign) {
        const int32_t small = m > 127 ? 127 : m;
        return static_cast<uint32_t>(128 + ((small ^ sign) - sign));
    };
    for (int g = 0; g < 2; ++g) {
        uint32_t* __restrict with_sign = s.features[g];
        uint32_t* __restrict without = s.features[2 + g];
        const int32_t* __restrict d0 = s.difference[4 * g];
        const int32_t* __restrict d1 = s.difference[4 * g + 1];
        const int32_t* __restrict d2 = s.difference[4 * g + 2];
        const int32_t* __restrict d3 = s.difference[4 * g + 3];
        for (int i = 0; i < n; ++i) {
            const int32_t s0 = d0[i] >> 31, s1 = d1[i] >> 31, s2 = d2[i] >> 31, s3 = d3[i] >> 31;
            const int32_t m0 = magnitude(d0[i], s0), m1 = magnitude(d1[i], s1), m2 = magnitude(d2[i], s2), m3 = magnitude(d3[i], s3);
            with_sign[i] = signed_log(m0, s0) | signed_log(m1, s1) << 8 | signed_log(m2, s2) << 16 | signed_log(m3, s3) << 24;
            without[i] = static_cast<uint32_t>(m0) | static_cast<uint32_t>(m1) << 8 | static_cast<uint32_t>(m2) << 16 | static_cast<uint32_t>(m3) << 24;
        }
    }
    {
        uint32_t* __restrict f = s.features[4];
        const uint16_t* __restrict n0 = s.neighbour[8];
        const uint16_t* __restrict n1 = s.neighbour[9];
        const uint16_t* __restrict n2 = s.neighbour[10];
        const uint16_t* __restrict n3 = s.neighbour[11];
        const auto to = [&](const uint16_t* nb, int i) {
            const int32_t d = 8 * nb[i] - p[i];
            return static_cast<uint32_t>(magnitude(d, d >> 31));
        };
        for (int i = 0; i < n; ++i) f[i] = to(n0, i) | to(n1, i) << 8 | to(n2, i) << 16 | to(n3, i) << 24;
    }
    // 20..27: log magnitudes of earlier errors
    for (int g = 0; g < 2; ++g) {
        uint32_t* __restrict f = s.features[5 + g];
        const uint8_t* __restrict a = s.past[4 * g];
        const uint8_t* __restrict b = s.past[4 * g + 1];
        const uint8_t* __restrict c = s.past[4 * g + 2];
        const uint8_t* __restrict d = s.past[4 * g + 3];
        for (int i = 0; i < n; ++i) f[i] = static_cast<uint32_t>(a[i]) | static_cast<uint32_t>(b[i]) << 8 | static_cast<uint32_t>(c[i]) << 16 | static_cast<uint32_t>(d[i]) << 24;
    }
    {
        const uint32_t* __restrict f = s.features[5];
        int32_t* __restrict sum = s.past_sum;
        for (int i = 0; i < n; ++i) sum[i] = static_cast<int32_t>((f[i] & 255) + (f[i] >> 8 & 255) + (f[i] >> 16 & 255) + (f[i] >> 24));
    }
    // 28..31: noise curve at the prediction, distance to the smallest and largest value, spread of the four nearest
    {
        uint32_t* __restrict f = s.features[7];
        const uint16_t* __restrict n0 = s.neighbour[0];
        const uint16_t* __restrict n1 = s.neighbour[1];
        const uint16_t* __restrict n2 = s.neighbour[2];
        const uint16_t* __restrict n3 = s.neighbour[3];
        const int32_t* __restrict level = curve.level;
#pragma GCC ivdep
        for (int i = 0; i < n; ++i) {
            const int32_t a = n0[i] < n1[i] ? n0[i] : n1[i], b = n0[i] < n1[i] ? n1[i] : n0[i];
            const int32_t c = n2[i] < n3[i] ? n2[i] : n3[i], d = n2[i] < n3[i] ? n3[i] : n2[i];
            const int32_t spread = (b > d ? b : d) - (a < c ? a : c);
            const int32_t low = log_magnitude(p[i]);
            f[i] = static_cast<uint32_t>(level[low >> 1]) | static_cast<uint32_t>(low) << 8 |
                   static_cast<uint32_t>(log_magnitude(top - p[i])) << 16 | static_cast<uint32_t>(log_magnitude(8 * spread)) << 24;
        }
    }
}

// One hidden layer for two vectors of pixels: `in` and `out` hold u8 activations in groups of four.
static inline void dense(const Layer& layer, const V (*in)[2], V (*out)[2]) {
    const V zero = V::all(0), full = V::all(255);
    const int32_t* w = layer.weights;
    for (int r = 0; r < layer.outputs; r += 4) {
        V acc[4][2];
        for (int q = 0; q < 4; ++q) acc[q][0] = acc[q][1] = V::all(layer.bias[r + q]);
        for (int g = 0; g < layer.groups; ++g) {
            const V a = in[g][0], b = in[g][1];
            for (int q = 0; q < 4; ++q) {
                const V weight = V::all(w[(r + q) * layer.groups + g]);
                acc[q][0] = acc[q][0].plus_dot(a, weight);
                acc[q][1] = acc[q][1].plus_dot(b, weight);
            }
        }
        for (int q = 0; q < 4; ++q) {
            for (int t = 0; t < 2; ++t) acc[q][t] = acc[q][t].shifted(layer.shift[r + q]).at_least(zero).at_most(full);
        }
        for (int t = 0; t < 2; ++t) out[r / 4][t] = V::packed(acc[0][t], acc[1][t], acc[2][t], acc[3][t]);
    }
}

static void infer(const Network& net, Segment& s) {
    const V top = V::all(8 * s.top), zero = V::all(0), half = V::all(128), most = V::all(127), least = V::all(-127), limit = V::all(kScaleMax);
    const Layer& last = net.output;
    for (int i = 0; i < s.n; i += 2 * V::kWidth) {
        V in[kFeatures / 4][2], h1[kMaxHidden / 4][2], h2[kMaxHidden / 4][2];
        for (int g = 0; g < kFeatures / 4; ++g) {
            in[g][0] = V::load(&s.features[g][i]);
            in[g][1] = V::load(&s.features[g][i + V::kWidth]);
        }
        dense(net.hidden1, in, h1);
        dense(net.hidden2, h1, h2);
        for (int t = 0; t < 2; ++t) {
            const int at = i + t * V::kWidth;
            V correction = half;
            for (int r = 0; r < kOutputs; ++r) {
                V acc = V::all(last.bias[r]);
                for (int g = 0; g < last.groups; ++g) acc = acc.plus_dot(h2[g][t], V::all(last.weights[r * last.groups + g]));
                acc = acc.shifted(last.shift[r]);
                if (r == 0) {
                    acc = acc.plus(V::load(&s.past_sum[at])).at_least(zero).at_most(limit);
                    acc.store(&s.scale[at]);
                } else {
                    correction = correction.plus(acc.at_least(least).at_most(most).times(V::load(&s.difference[r - 1][at])));
                }
            }
            V::load(&s.predicted[at]).plus(correction.shifted(8)).at_least(zero).at_most(top).store(&s.mean[at]);
        }
    }
}

static void choose(const PackedRow* rows, Segment& s) {
    const int n = s.n;  // what lies behind is no scale
    const int32_t* __restrict scale = s.scale;
    const int32_t* __restrict mean = s.mean;
    uint16_t* __restrict table = s.table;
    uint8_t* __restrict bits = s.bits;
    int32_t* __restrict rounded = s.rounded;
    for (int i = 0; i < n; ++i) {
        const uint32_t row = rows[scale[i]];
        rounded[i] = mean[i] + 4;
        table[i] = static_cast<uint16_t>((row & 0xffff) + (static_cast<uint32_t>(rounded[i]) & (row >> 16 & 7)));
        bits[i] = static_cast<uint8_t>(row >> 24);
    }
}

static inline int32_t past_error(int32_t sample, int32_t predicted) {
    const int32_t error = 8 * sample - predicted, sign = error >> 31;
    return log_magnitude((error ^ sign) - sign);
}

static bool restore(const TableView& tables, const uint16_t* __restrict table, const uint8_t* __restrict bits, const uint8_t* __restrict symbols, const uint32_t* __restrict raw,
                    const int32_t* __restrict rounded, const int32_t* __restrict predicted, int n, int32_t top, uint16_t* __restrict samples, uint8_t* __restrict past) {
    const int32_t* __restrict half = tables.half;
    uint32_t special = 0;
    for (int i = 0; i < n; ++i) {
        const int32_t h = half[table[i]], symbol = symbols[i], count = bits[i];
        const int32_t residual = ((symbol - h) * (1 << count) + static_cast<int32_t>(raw[i])) - ((1 << count) >> 1);
        const int32_t sample = (rounded[i] >> 3) + unfold(residual, rounded[i], top);
        special |= static_cast<uint32_t>(symbol > 2 * h) | static_cast<uint32_t>(static_cast<uint32_t>(sample) > static_cast<uint32_t>(top));
        samples[i] = static_cast<uint16_t>(sample);
        past[i] = static_cast<uint8_t>(past_error(sample, predicted[i]));
    }
    return special == 0;
}

static bool rank(const TableView& tables, const Segment& s, int at, int n, const uint16_t* __restrict samples, uint32_t* __restrict ranges, uint32_t* __restrict raw, uint8_t* __restrict past) {
    const int32_t* __restrict half = tables.half;
    const uint32_t* __restrict all = tables.ranges;
    const uint16_t* __restrict table = s.table + at;
    const uint8_t* __restrict bits = s.bits + at;
    const int32_t* __restrict rounded = s.rounded + at;
    const int32_t* __restrict predicted = s.predicted + at;
    uint32_t special = 0;
    for (int i = 0; i < n; ++i) {
        const int32_t h = half[table[i]], count = bits[i];
        const int32_t shifted = fold(samples[i] - (rounded[i] >> 3), rounded[i], s.top) + ((1 << count) >> 1);
        const uint32_t symbol = static_cast<uint32_t>((shifted >> count) + h);
        const uint32_t escapes = static_cast<uint32_t>(symbol > static_cast<uint32_t>(2 * h));
        special |= escapes;
        ranges[i] = all[table[i] * kTableStride + (symbol & (escapes - 1))];
        raw[i] = static_cast<uint32_t>(shifted) & ((1u << count) - 1);
        past[i] = static_cast<uint8_t>(past_error(samples[i], predicted[i]));
    }
    return special == 0;
}

static void decode(const TableView& tables, const uint16_t* table, uint8_t* symbols, size_t n, RansState& rans) {
    const size_t whole = V::decode_groups(tables, table, symbols, n, rans);
    const uint8_t* lut = tables.lut;
    const uint32_t* ranges = tables.ranges;
    for (size_t i = whole; i < n; ++i) {
        uint32_t& x = rans.lane[i % rans.lanes];
        const uint32_t slot = x & (kProbScale - 1);
        uint32_t symbol = lut[(static_cast<size_t>(table[i]) << kLutBits) + (slot >> kLutShift)];
        uint32_t range = ranges[table[i] * kTableStride + symbol];
        while (slot >= range >> 16) range = ranges[table[i] * kTableStride + ++symbol];
        const uint32_t start = range & 0xffff;
        x = ((range >> 16) - start) * (x >> kProbBits) + slot - start;
        if (x < kRansLow) {
            uint32_t word = 0;
            if (rans.next < rans.end) {
                word = static_cast<uint32_t>(rans.next[0]) | static_cast<uint32_t>(rans.next[1]) << 8;
                rans.next += 2;
            } else {
                rans.exhausted = true;
            }
            x = x << 16 | word;
        }
        symbols[i] = static_cast<uint8_t>(symbol);
    }
}

static void decode_path(const TableView& tables, const uint16_t* table, uint8_t* symbols, uint8_t* quantisers, size_t n, uint8_t* states, RansState& rans) {
    const int lanes = rans.lanes;
    for (size_t i = 0; i < n; i += lanes) {
        const int m = static_cast<int>(n - i < static_cast<size_t>(lanes) ? n - i : lanes);
        uint16_t chosen[32];
        for (int j = 0; j < m; ++j) {
            quantisers[i + j] = states[j] & 1;
            chosen[j] = static_cast<uint16_t>(table[i + j] + kTableRows * (states[j] & 1));
        }
        decode(tables, chosen, symbols + i, m, rans);
        for (int j = 0; j < m; ++j) states[j] = static_cast<uint8_t>(next_state(states[j], symbols[i + j] & 1));
    }
}

static void encode(const uint32_t* ranges, size_t n, uint32_t* state, int lanes, uint8_t*& first) {
    const auto encode_one = [&](size_t i) {
        uint32_t& x = state[i % lanes];
        const uint32_t from = ranges[i] & 0xffff, width = (ranges[i] >> 16) - from;
        if (x >= static_cast<uint64_t>(width) << (32 - kProbBits)) {
            *--first = static_cast<uint8_t>(x >> 8);
            *--first = static_cast<uint8_t>(x);
            x >>= 16;
        }
        x = ((x / width) << kProbBits) + x % width + from;
    };
    size_t whole = n / lanes * lanes;
    for (size_t i = n; i-- > whole;) encode_one(i);
    for (size_t i = V::encode_groups(ranges, whole, state, lanes, first); i-- > 0;) encode_one(i);
}

}  // namespace ZN_SET
}  // namespace zn
