// Bodies of the kernels of path Y; included after kernels_body.hpp by every translation unit of an instruction set.
//
// Value ranges: |v| < 2^20 and weights of a mean |w| <= 127, eight of them < 2^30; lifting and dequantising wrap round.

namespace zn {
namespace ZN_SET {
namespace transform {

static void gather(BandSegment& s) {
    const int n = (s.n + 15) & ~15;
    for (int g = 0; g < kFeatures / 4; ++g) {
        const uint8_t* __restrict a = s.log[4 * g];
        const uint8_t* __restrict b = s.log[4 * g + 1];
        const uint8_t* __restrict c = s.log[4 * g + 2];
        const uint8_t* __restrict d = s.log[4 * g + 3];
        uint32_t* __restrict f = s.features[g];
        for (int i = 0; i < n; ++i) f[i] = static_cast<uint32_t>(a[i]) | static_cast<uint32_t>(b[i]) << 8 | static_cast<uint32_t>(c[i]) << 16 | static_cast<uint32_t>(d[i]) << 24;
    }
}

static void infer(const Network& net, int zero_row, BandSegment& s) {
    const V zero = V::all(0), four = V::all(4), half = V::all(128), most = V::all(127), least = V::all(-127), limit = V::all(kRowLimit);
    const Layer& last = net.output;
    for (int i = 0; i < s.n; i += 2 * V::kWidth) {
        V in[kFeatures / 4][2], h1[kMaxHidden / 4][2], h2[kMaxHidden / 4][2];
        V any = zero;
        for (int g = 0; g < kFeatures / 4; ++g) {
            for (int t = 0; t < 2; ++t) {
                in[g][t] = V::load(&s.features[g][i + t * V::kWidth]);
                any = any.with_bits(in[g][t]);
            }
        }
        if (any.is_zero()) {  // smooth surroundings, common at low rates
            for (int t = 0; t < 2; ++t) {
                V::all(zero_row).store(&s.row[i + t * V::kWidth]);
                zero.store(&s.mean[i + t * V::kWidth]);
            }
            continue;
        }
        dense(net.hidden1, in, h1);
        dense(net.hidden2, h1, h2);
        for (int t = 0; t < 2; ++t) {
            const int at = i + t * V::kWidth;
            V mean = half;
            for (int r = 0; r < kOutputs; ++r) {
                V acc = V::all(last.bias[r]);
                for (int g = 0; g < last.groups; ++g) acc = acc.plus_dot(h2[g][t], V::all(last.weights[r * last.groups + g]));
                acc = acc.shifted(last.shift[r]);
                if (r == 0) {
                    acc.plus(four).shifted(3).at_least(zero).at_most(limit).store(&s.row[at]);
                } else {
                    mean = mean.plus(acc.at_least(least).at_most(most).times(V::load(s.near[r - 1] + at)));
                }
            }
            mean.shifted(8).store(&s.mean[at]);
        }
    }
}

static void lift(const LiftingStep& step, int32_t* __restrict t, const int32_t* a, const int32_t* b, int n) {
    const uint32_t factor = static_cast<uint32_t>(step.factor), round = static_cast<uint32_t>(step.round);
    const int shift = step.shift;
    const uint32_t sign = step.add ? 0u : ~0u;  // x ^ ~0 + 1 == -x
    for (int i = 0; i < n; ++i) {
        const uint32_t sum = factor * (static_cast<uint32_t>(a[i]) + static_cast<uint32_t>(b[i])) + round;
        const uint32_t moved = static_cast<uint32_t>(static_cast<int32_t>(sum) >> shift);
        t[i] = static_cast<int32_t>(static_cast<uint32_t>(t[i]) + ((moved ^ sign) - sign));
    }
}

static void widen(int32_t* t, int n) {
    for (int i = 0; i < n; ++i) t[i] = static_cast<int32_t>(194u * static_cast<uint32_t>(t[i]) + 64u) >> 7;
}

static void lift_float(float factor, float* __restrict t, const float* a, const float* b, int n) {
    for (int i = 0; i < n; ++i) t[i] += factor * (a[i] + b[i]);
}

static void dequantise(int band_step, const int32_t* __restrict v, int32_t* __restrict out, int n) {
    const int e = band_step >> 6;
    const uint32_t power = static_cast<uint32_t>(kPower[band_step & 63]);
    if (e < 16) {
        const uint32_t round = 1u << (15 - e);
        const int shift = 16 - e;
        for (int i = 0; i < n; ++i) out[i] = static_cast<int32_t>(static_cast<uint32_t>(v[i]) * power + round) >> shift;
    } else {
        const int shift = e - 16;
        for (int i = 0; i < n; ++i) out[i] = static_cast<int32_t>(static_cast<uint32_t>(v[i]) * power << shift);
    }
}

static bool restore(const TableView& tables, const uint16_t* __restrict table, const uint8_t* __restrict quantisers, const uint8_t* __restrict symbols, const int32_t* __restrict mean, int n,
                    int32_t* __restrict value, uint8_t* __restrict log) {
    const int32_t* __restrict half = tables.half;
    uint32_t special = 0;
    for (int i = 0; i < n; ++i) {
        const int32_t q = quantisers[i], h = half[table[i] + kTableRows * q], symbol = symbols[i], k = symbol - h;
        const int32_t v = mean[i] + 8 * k - 4 * (k > 0 ? q : (k < 0 ? -q : 0));
        const int32_t sign = v >> 31, a = (v ^ sign) - sign;
        special |= static_cast<uint32_t>(symbol > 2 * h) | static_cast<uint32_t>(a >= kValueEnd);
        value[i] = v;
        log[i] = static_cast<uint8_t>(log_magnitude(a));
    }
    return special == 0;
}

static bool rank(const TableView& tables, const int32_t* __restrict row, const uint8_t* __restrict quantisers, const int32_t* __restrict index, const int32_t* __restrict mean, int n, int32_t* __restrict value,
                 uint8_t* __restrict log, uint32_t* __restrict ranges) {
    const int32_t* __restrict half = tables.half;
    const uint32_t* __restrict all = tables.ranges;
    uint32_t special = 0;
    for (int i = 0; i < n; ++i) {
        const int32_t k = index[i], q = quantisers[i];
        const int32_t raw = static_cast<int32_t>(row[i] >= kTableRows), table = (row[i] & (raw - 1)) + kTableRows * q, h = half[table];
        const int32_t out_of_table = static_cast<int32_t>(k > h) | static_cast<int32_t>(k < -h);
        const int32_t symbol = (k + h) & (out_of_table - 1);
        const int32_t v = mean[i] + 8 * k - 4 * (k > 0 ? q : (k < 0 ? -q : 0));
        const int32_t sign = v >> 31, a = (v ^ sign) - sign;
        special |= static_cast<uint32_t>(raw | out_of_table | static_cast<int32_t>(a >= kValueEnd));
        ranges[i] = all[table * kTableStride + symbol];
        value[i] = v;
        log[i] = static_cast<uint8_t>(log_magnitude(a & (kValueEnd - 1)));
    }
    return special == 0;
}

static void aim(const float* __restrict coefficients, float scale, const int32_t* __restrict mean, int n, float* __restrict target, float* __restrict y) {
    for (int i = 0; i < n; ++i) {
        const float x = coefficients[2 * i] * scale;
        target[i] = x;
        y[i] = x - 0.25f * static_cast<float>(mean[i]);
    }
}

static inline int32_t cost_at(int quantiser, int32_t row, int32_t k) { return (quantiser * (kRowLimit + 1) + row) * kCostReach + (k < kCostReach ? k : kCostReach - 1); }

// Sums go into so many numbers at once, in the same order on every instruction set.
constexpr int kPartialSums = 16, kSummed = 256;

// x holds kSummed numbers.
static float sum_of(const float* __restrict x) {
    float part[kPartialSums] = {};
    for (int i = 0; i < kSummed; i += kPartialSums) {
        for (int j = 0; j < kPartialSums; ++j) part[j] += x[i + j];
    }
    float sum = 0;
    for (int j = 0; j < kPartialSums; ++j) sum += part[j];
    return sum;
}

static double energy(const float* __restrict x, size_t count) {
    float square[kSummed];
    double sum = 0;
    for (size_t from = 0; from < count; from += kSummed) {
        const int n = static_cast<int>(count - from < kSummed ? count - from : kSummed);
        for (int i = 0; i < n; ++i) square[i] = x[from + i] * x[from + i];
        for (int i = n; i < kSummed; ++i) square[i] = 0;
        sum += sum_of(square);
    }
    return sum;
}

static PathCost choose_scalar(const PathSearch& p, int32_t* __restrict out) {
    const float* __restrict costs = p.costs;
    const float lambda = p.lambda;
    float error[kSummed], bits[kSummed];
    PathCost sum{0, 0};
    for (size_t from = 0; from < p.n; from += kSummed) {
        const int n = static_cast<int>(p.n - from < kSummed ? p.n - from : kSummed);
        const float* __restrict y = p.y + from;
        const int32_t* __restrict row = p.row + from;
        int32_t* __restrict index = out + from;
#pragma GCC ivdep
        for (int i = 0; i < n; ++i) {
            const float a = y[i] < 0 ? -y[i] : y[i];
            const int32_t low = static_cast<int32_t>(0.5f * a);
            const float e0 = a * a, e1 = (a - 2 * static_cast<float>(low)) * (a - 2 * static_cast<float>(low));
            const float e2 = (a - 2 * static_cast<float>(low) - 2) * (a - 2 * static_cast<float>(low) - 2);
            const float b0 = costs[cost_at(0, row[i], 0)], b1 = costs[cost_at(0, row[i], low)], b2 = costs[cost_at(0, row[i], low + 1)];
            const bool up = e2 + lambda * b2 < e1 + lambda * b1;
            const float e = up ? e2 : e1, b = up ? b2 : b1;
            const int32_t k = up ? low + 1 : low;
            const bool none = e0 + lambda * b0 < e + lambda * b;
            error[i] = none ? e0 : e;
            bits[i] = none ? b0 : b;
            index[i] = none ? 0 : (y[i] < 0 ? -k : k);
        }
        for (int i = n; i < kSummed; ++i) error[i] = bits[i] = 0;
        sum.error += sum_of(error);
        sum.bits += sum_of(bits);
    }
    return sum;
}

// Viterbi's algorithm, all lanes side by side. State e is reached from the two states e2 | (e0 ^ e2) << 1 | s << 2,
// s = 0 or 1, by an index whose lowest bit is e1 ^ s; both have the quantiser e2.
static PathCost choose_path(const PathSearch& p, int32_t* __restrict out, uint8_t* __restrict quantisers) {
    constexpr int kStates = 8, kLanes = 32;
    const float* __restrict costs = p.costs;
    const float lambda = p.lambda;
    const int lanes = p.lanes;
    const size_t rounds = (p.n + lanes - 1) / lanes;
    int32_t* const candidates = p.candidates;
    uint8_t* const decisions = p.decisions;
    float metric[kStates][kLanes], next[kStates][kLanes], cost[4][kLanes];
    double base[kLanes];
    for (int j = 0; j < kLanes; ++j) base[j] = 0;
    for (int s = 0; s < kStates; ++s) {
        for (int j = 0; j < kLanes; ++j) metric[s][j] = s == 0 ? 0.0f : 1e30f;
    }
    for (size_t t = 0; t < rounds; ++t) {
        const size_t at = t * lanes;
        const int m = static_cast<int>(p.n - at < static_cast<size_t>(lanes) ? p.n - at : lanes);
        const float* __restrict y = p.y + at;
        const int32_t* __restrict row = p.row + at;
        for (int q = 0; q < 2; ++q) {
            int32_t* __restrict even = candidates + (t * 4 + 2 * q) * lanes;
            int32_t* __restrict odd = even + lanes;
            float* __restrict even_cost = cost[2 * q];
            float* __restrict odd_cost = cost[2 * q + 1];
            const float offset = static_cast<float>(q);
#pragma GCC ivdep
            for (int j = 0; j < m; ++j) {
                const float a = y[j] < 0 ? -y[j] : y[j];
                const int32_t low = static_cast<int32_t>(0.5f * (a + offset)), high = low + 1;
                const float r1 = 2 * static_cast<float>(low) - (low > 0 ? offset : 0.0f), r2 = 2 * static_cast<float>(high) - offset;
                const float c0 = a * a + lambda * costs[cost_at(q, row[j], 0)];
                const float c1 = (a - r1) * (a - r1) + lambda * costs[cost_at(q, row[j], low)];
                const float c2 = (a - r2) * (a - r2) + lambda * costs[cost_at(q, row[j], high)];
                const bool low_odd = (low & 1) != 0;
                const float ce = low_odd ? c2 : c1;
                const int32_t ke = low_odd ? high : low;
                odd_cost[j] = low_odd ? c1 : c2;
                odd[j] = low_odd ? low : high;
                even_cost[j] = c0 < ce ? c0 : ce;
                even[j] = c0 < ce ? 0 : ke;
            }
        }
        uint8_t* __restrict decision = decisions + at;
        int32_t bits[kLanes] = {};
        for (int e = 0; e < kStates; ++e) {
            const int e0 = e & 1, e1 = e >> 1 & 1, e2 = e >> 2;
            const float* __restrict m0 = metric[e2 | (e0 ^ e2) << 1];
            const float* __restrict m1 = metric[e2 | (e0 ^ e2) << 1 | 4];
            const float* __restrict c0 = cost[2 * e2 + e1];
            const float* __restrict c1 = cost[2 * e2 + (e1 ^ 1)];
            float* __restrict to = next[e];
            for (int j = 0; j < m; ++j) {
                const float v0 = m0[j] + c0[j], v1 = m1[j] + c1[j];
                to[j] = v1 < v0 ? v1 : v0;
                bits[j] |= v1 < v0 ? 1 << e : 0;
            }
        }
        for (int j = 0; j < m; ++j) decision[j] = static_cast<uint8_t>(bits[j]);
        if ((t & 63) == 63) {  // keep the numbers small
            for (int j = 0; j < m; ++j) {
                float least = next[0][j];
                for (int e = 1; e < kStates; ++e) least = next[e][j] < least ? next[e][j] : least;
                for (int e = 0; e < kStates; ++e) metric[e][j] = next[e][j] - least;
                base[j] += least;
            }
        } else {
            for (int e = 0; e < kStates; ++e) {
                for (int j = 0; j < m; ++j) metric[e][j] = next[e][j];
            }
        }
    }
    PathCost sum{0, 0};
    int32_t state[kLanes];
    for (int j = 0; j < lanes; ++j) {
        int32_t e = 0;
        for (int s = 1; s < kStates; ++s) e = metric[s][j] < metric[e][j] ? s : e;
        if (static_cast<size_t>(j) < p.n) sum.error += base[j] + metric[e][j];
        state[j] = e;
    }
    for (size_t t = rounds; t-- > 0;) {
        const size_t at = t * lanes;
        const int m = static_cast<int>(p.n - at < static_cast<size_t>(lanes) ? p.n - at : lanes);
        const uint8_t* __restrict decision = decisions + at;
        const int32_t* __restrict candidate = candidates + 4 * at;
        const float* __restrict y = p.y + at;
        int32_t* __restrict k = out + at;
        uint8_t* __restrict q = quantisers + at;
#pragma GCC ivdep
        for (int j = 0; j < m; ++j) {
            const int32_t e = state[j], s = decision[j] >> e & 1, quantiser = e >> 2, lowest = (e >> 1 & 1) ^ s;
            const int32_t a = candidate[(2 * quantiser + lowest) * lanes + j];
            k[j] = y[j] < 0 ? -a : a;
            q[j] = static_cast<uint8_t>(quantiser);
            state[j] = quantiser | ((e & 1) ^ quantiser) << 1 | s << 2;
        }
    }
    return sum;  // error and bits together, as `error`
}

const TransformKernels kTable = {gather, infer, lift, widen, lift_float, dequantise, restore, aim, energy, choose_scalar, choose_path, rank};

}  // namespace transform
}  // namespace ZN_SET
}  // namespace zn
