#include "streams.hpp"

namespace zn {

void RawWriter::put_golomb(uint32_t value) {
    int bits = 2;
    while (value >= 1u << bits) {
        value -= 1u << bits;
        ++bits;
        put(1, 1);
    }
    put(0, 1);
    put(value, bits);
}

uint32_t RawReader::get_golomb() {
    int bits = 2;
    uint32_t base = 0;
    while (get(1) == 1) {
        if (bits == 24) throw DamagedStream("an escape code is longer than any value needs");
        base += 1u << bits;
        ++bits;
    }
    return base + get(bits);
}

Row row_of(int shape, int row) {
    if (row < kFineRows) return {static_cast<uint16_t>(TableSet::first_of_row(shape, row)), 7, 0};
    return {static_cast<uint16_t>(TableSet::first_of_row(shape, kFineRows + (row & 3))), 0, static_cast<uint8_t>((row - kFineRows) >> 2)};
}

void SymbolWriter::put(int table, int bits, int32_t residual) {
    const int32_t shifted = residual + (bits > 0 ? 1 << (bits - 1) : 0);
    const int32_t symbol = shifted >> bits;
    const int half = tables_.half(table);
    if (symbol >= -half && symbol <= half) {
        ranges_.push_back(tables_.range(table, symbol + half));
    } else {
        ranges_.push_back(tables_.range(table, 2 * half + 1));
        raw_.put(symbol < 0, 1);
        raw_.put_golomb(static_cast<uint32_t>((symbol < 0 ? -symbol : symbol) - half - 1));
    }
    if (bits > 0) raw_.put(static_cast<uint32_t>(shifted), bits);
}

std::vector<uint8_t> SymbolWriter::finish(size_t& words_nbytes) {
    std::vector<uint32_t> state(lanes_, kRansLow);
    std::vector<uint16_t> words;  // last word first
    words.reserve(ranges_.size() / 4);
    size_t end = ranges_.size();
    for (size_t b = starts_.size(); b-- > 0; end = starts_[b]) {
        const size_t start = starts_[b];
        for (size_t i = end; i-- > start;) {
            uint32_t& x = state[(i - start) % lanes_];
            const uint32_t from = ranges_[i] & 0xffff, width = (ranges_[i] >> 16) - from;
            if (x >= static_cast<uint64_t>(width) << (32 - kProbBits)) {
                words.push_back(static_cast<uint16_t>(x));
                x >>= 16;
            }
            x = ((x / width) << kProbBits) + x % width + from;
        }
    }
    words_nbytes = 4 * lanes_ + 2 * words.size();
    const std::vector<uint8_t>& raw = raw_.finish();
    std::vector<uint8_t> out;
    out.reserve(words_nbytes + raw.size());
    for (uint32_t x : state) {
        for (int k = 0; k < 4; ++k) out.push_back(static_cast<uint8_t>(x >> 8 * k));
    }
    for (size_t i = words.size(); i-- > 0;) {
        out.push_back(static_cast<uint8_t>(words[i]));
        out.push_back(static_cast<uint8_t>(words[i] >> 8));
    }
    out.insert(out.end(), raw.begin(), raw.end());
    return out;
}

namespace {

size_t checked(size_t words_nbytes, size_t nbytes, int lanes) {
    if (words_nbytes > nbytes || words_nbytes < static_cast<size_t>(4 * lanes) || words_nbytes % 2 != 0) throw DamagedStream("the symbol section has an impossible length");
    return words_nbytes;
}

}  // namespace

SymbolReader::SymbolReader(const TableSet& tables, const Kernels& kernels, int lanes, const uint8_t* data, size_t nbytes, size_t words_nbytes)
    : tables_(tables), kernels_(kernels), view_(tables.view()), raw_(data + checked(words_nbytes, nbytes, lanes), data + nbytes) {
    rans_.lanes = lanes;
    for (int k = 0; k < lanes; ++k) {
        const uint8_t* p = data + 4 * k;
        rans_.lane[k] = static_cast<uint32_t>(p[0]) | static_cast<uint32_t>(p[1]) << 8 | static_cast<uint32_t>(p[2]) << 16 | static_cast<uint32_t>(p[3]) << 24;
    }
    rans_.next = data + 4 * lanes;
    rans_.end = data + words_nbytes;
    rans_.exhausted = false;
}

int32_t SymbolReader::residual(int table, int bits, int symbol) {
    const int half = tables_.half(table);
    int32_t value = symbol - half;
    if (symbol == 2 * half + 1) {
        const bool negative = raw_.get(1) != 0;
        const int32_t magnitude = static_cast<int32_t>(raw_.get_golomb()) + half + 1;
        value = negative ? -magnitude : magnitude;
    }
    if (bits == 0) return value;
    // A damaged escape may be large: unsigned arithmetic keeps the overflow harmless, the range check comes later.
    const uint32_t shifted = static_cast<uint32_t>(value) << bits | raw_.get(bits);
    return static_cast<int32_t>(shifted - (1u << (bits - 1)));
}

void SymbolReader::check_end() const {
    if (rans_.exhausted || rans_.next != rans_.end) throw DamagedStream("the symbol section does not end where its symbols do");
    for (int k = 0; k < rans_.lanes; ++k) {
        if (rans_.lane[k] != kRansLow) throw DamagedStream("the entropy coder does not end in its initial state");
    }
    if (!raw_.clean()) throw DamagedStream("the raw bits do not end where the pixels do");
}

}  // namespace zn
