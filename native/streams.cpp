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

void SymbolWriter::put_escape(int table, int32_t symbol, int half) {
    ranges_[count_++] = tables_.range(table, 2 * half + 1);
    raw_.put(symbol < 0, 1);
    raw_.put_golomb(static_cast<uint32_t>((symbol < 0 ? -symbol : symbol) - half - 1));
}

std::vector<uint8_t> SymbolWriter::finish(size_t& words_nbytes) {
    uint32_t state[32];
    for (uint32_t& x : state) x = kRansLow;
    // A symbol gives at most one word. Words fill the buffer from its end.
    const size_t room = 2 * count_;
    const std::unique_ptr<uint8_t[]> words(new uint8_t[room]);
    uint8_t* first = words.get() + room;
    size_t end = count_;
    for (size_t b = starts_.size(); b-- > 0; end = starts_[b]) kernels_.encode(ranges_.get() + starts_[b], end - starts_[b], state, lanes_, first);

    const size_t words_size = static_cast<size_t>(words.get() + room - first);
    words_nbytes = 4 * lanes_ + words_size;
    const std::vector<uint8_t>& raw = raw_.finish();
    std::vector<uint8_t> out;
    out.reserve(words_nbytes + raw.size());
    for (int lane = 0; lane < lanes_; ++lane) {
        for (int k = 0; k < 4; ++k) out.push_back(static_cast<uint8_t>(state[lane] >> 8 * k));
    }
    out.insert(out.end(), first, first + words_size);
    out.insert(out.end(), raw.begin(), raw.end());
    return out;
}

namespace {

size_t checked(size_t words_nbytes, size_t nbytes, int lanes) {
    if (words_nbytes > nbytes || words_nbytes < static_cast<size_t>(4 * lanes) || words_nbytes % 2 != 0) throw DamagedStream("the symbol section has an impossible length");
    return words_nbytes;
}

}  // namespace

SymbolReader::SymbolReader(const Tables& tables, const Kernels& kernels, int lanes, const uint8_t* data, size_t nbytes, size_t words_nbytes)
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

int32_t SymbolReader::escaped(int half, int bits) {
    const bool negative = raw_.get(1) != 0;
    const int32_t magnitude = static_cast<int32_t>(raw_.get_golomb()) + half + 1;
    if (magnitude > 1 << (17 - bits)) throw DamagedStream("an escape lies beyond any sample");
    return negative ? -magnitude : magnitude;
}

void SymbolReader::check_end() const {
    if (rans_.exhausted || rans_.next != rans_.end) throw DamagedStream("the symbol section does not end where its symbols do");
    for (int k = 0; k < rans_.lanes; ++k) {
        if (rans_.lane[k] != kRansLow) throw DamagedStream("the entropy coder does not end in its initial state");
    }
    if (!raw_.clean()) throw DamagedStream("the raw bits do not end where the pixels do");
}

}  // namespace zn
