#include "side.hpp"

#include <algorithm>
#include <string>

namespace zn {
namespace {

// Side numbers are coded, each in a block of its own, as residuals of mean 0 by tables of this shape; the row says
// how large they tend to be.
constexpr int kSideShape = 2;
enum SideRow { kRowFlag = 6, kRowExpert = 14, kRowShape = 12, kRowShift = 16, kRowCurve = 18, kRowFilter = 22, kRowGroup = 30, kRowBin = 34, kRowCoef = 36 };

void put(SymbolWriter& writer, SideRow row, int value) {
    const Row r = row_of(kSideShape, row);
    writer.start_block();
    writer.put(r.table + (r.fractions & 4), r.bits, value);
}

int get(SymbolReader& reader, SideRow row, int least, int most, const char* what) {
    const Row r = row_of(kSideShape, row);
    const uint16_t table = static_cast<uint16_t>(r.table + (r.fractions & 4));
    uint8_t symbol;
    reader.get(&table, &symbol, 1);
    const int value = reader.residual(table, r.bits, symbol);
    if (value < least || value > most) {
        throw DamagedStream(std::string(what) + " is " + std::to_string(value) + ", allowed are " + std::to_string(least) + " to " + std::to_string(most));
    }
    return value;
}

bool same(const ScaleRule& a, const ScaleRule& b) { return a.shift == b.shift && a.shape == b.shape; }

}  // namespace

PhaseParameters defaults(const Model& model, int level, int phase, const NoiseCurve& curve) {
    PhaseParameters p;
    p.linear = model.filter(phase, 0);
    p.curve = curve;
    std::copy_n(model.get(level, phase, 0).rules, kScaleGroups, p.rules);
    return p;
}

void write_parameters(const Model& model, int level, int phase, const PhaseParameters& now, const NoiseCurve& before, SymbolWriter& writer) {
    put(writer, kRowExpert, now.expert);
    put(writer, kRowFilter, now.filter);
    if (now.filter == model.filters) {
        for (int k = 0; k < kNeighbours; ++k) put(writer, kRowCoef, now.linear.coef[k] - model.filter(phase, 0).coef[k]);
    }
    // The noise curve moves as a whole, then in a part of its bins by steps.
    const int whole = now.curve.level[kNoiseBins - 1] - before.level[kNoiseBins - 1];
    const auto move = [&](int bin) { return bin < 0 ? whole : now.curve.level[bin] - before.level[bin]; };
    int first = 0, last = kNoiseBins - 1;
    while (first < kNoiseBins && move(first) == whole) ++first;
    while (last > first && move(last) == whole) --last;
    put(writer, kRowCurve, whole);
    put(writer, kRowFlag, first < kNoiseBins);
    if (first < kNoiseBins) {
        put(writer, kRowBin, first);
        put(writer, kRowBin, last - first);
        for (int i = first; i <= last; ++i) put(writer, kRowCurve, move(i) - move(i - 1));
    }
    const ScaleRule* usual = model.get(level, phase, now.expert).rules;
    first = 0;
    last = kScaleGroups - 1;
    while (first < kScaleGroups && same(now.rules[first], usual[first])) ++first;
    while (last > first && same(now.rules[last], usual[last])) --last;
    put(writer, kRowFlag, first < kScaleGroups);
    if (first < kScaleGroups) {
        put(writer, kRowGroup, first);
        put(writer, kRowGroup, last - first);
        for (int i = first; i <= last; ++i) {
            put(writer, kRowShift, now.rules[i].shift - usual[i].shift);
            put(writer, kRowShape, now.rules[i].shape - usual[i].shape);
        }
    }
}

PhaseParameters read_parameters(const Model& model, int level, int phase, const NoiseCurve& before, SymbolReader& reader) {
    PhaseParameters p;
    p.expert = get(reader, kRowExpert, 0, model.experts - 1, "the network index");
    p.filter = get(reader, kRowFilter, 0, model.filters, "the filter index");
    p.linear = model.filter(phase, p.filter < model.filters ? p.filter : 0);
    if (p.filter == model.filters) {
        for (int k = 0; k < kNeighbours; ++k) {
            const int usual = p.linear.coef[k];
            p.linear.coef[k] = static_cast<int16_t>(usual + get(reader, kRowCoef, -kCoefMax - usual, kCoefMax - usual, "a filter coefficient"));
        }
    }
    const int whole = get(reader, kRowCurve, -255, 255, "the move of the noise curve");
    int first = kNoiseBins, last = kNoiseBins - 1;
    if (get(reader, kRowFlag, 0, 1, "the noise curve's flag") == 1) {
        first = get(reader, kRowBin, 0, kNoiseBins - 1, "the first noise bin");
        last = first + get(reader, kRowBin, 0, kNoiseBins - 1 - first, "the number of noise bins");
    }
    for (int i = 0, move = whole; i < kNoiseBins; ++i) {
        if (i >= first && i <= last) move += get(reader, kRowCurve, -510, 510, "a step of the noise curve");
        if (i > last) move = whole;
        p.curve.level[i] = before.level[i] + move;
        if (p.curve.level[i] < 0 || p.curve.level[i] > 255) throw DamagedStream("a noise level is " + std::to_string(p.curve.level[i]) + ", allowed are 0 to 255");
    }
    std::copy_n(model.get(level, phase, p.expert).rules, kScaleGroups, p.rules);
    if (get(reader, kRowFlag, 0, 1, "the scale rules' flag") == 1) {
        first = get(reader, kRowGroup, 0, kScaleGroups - 1, "the first scale group");
        last = first + get(reader, kRowGroup, 0, kScaleGroups - 1 - first, "the number of scale groups");
        for (int i = first; i <= last; ++i) {
            ScaleRule& r = p.rules[i];
            r.shift = static_cast<int8_t>(r.shift + get(reader, kRowShift, -64 - r.shift, 63 - r.shift, "a scale shift"));
            r.shape = static_cast<uint8_t>(r.shape + get(reader, kRowShape, -r.shape, model.tables.shapes() - 1 - r.shape, "a shape index"));
        }
    }
    return p;
}

}  // namespace zn
