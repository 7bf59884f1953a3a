// The two streams of a coded plane: interleaved rANS symbols, and raw bits for what tables cannot shorten.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "error.hpp"
#include "format.hpp"
#include "kernels.hpp"
#include "tables.hpp"

namespace zn {

// Lanes of the interleaved coder for a plane of that many pixels: each costs two bytes.
inline int lane_count(size_t pixels) { return pixels >= 65536 ? 32 : pixels >= 16384 ? 16 : pixels >= 4096 ? 8 : 1; }

inline uint32_t low_bits(uint32_t value, int count) { return count >= 32 ? value : value & ((1u << count) - 1); }

// Bits are filled from the lowest of each byte upwards.
class RawWriter {
  public:
    void put(uint32_t value, int count) {
        held_ |= static_cast<uint64_t>(low_bits(value, count)) << used_;
        used_ += count;
        if (used_ >= 32) flush(4);
    }
    // Exponential Golomb code of order 2: values 0..3 in 3 bits, then twice as many for two bits more.
    void put_golomb(uint32_t value);
    const std::vector<uint8_t>& finish() {
        flush((used_ + 7) / 8);
        return bytes_;
    }

  private:
    void flush(int count) {
        const size_t at = bytes_.size();
        bytes_.resize(at + count);
        for (int k = 0; k < count; ++k) bytes_[at + k] = static_cast<uint8_t>(held_ >> 8 * k);
        held_ >>= 8 * count;
        used_ -= 8 * count;
    }
    std::vector<uint8_t> bytes_;
    uint64_t held_ = 0;
    int used_ = 0;
};

class RawReader {
  public:
    RawReader(const uint8_t* begin, const uint8_t* end) : next_(begin), end_(end) {}
    uint32_t get(int count) {
        if (available_ < count) refill();
        const uint32_t value = low_bits(static_cast<uint32_t>(held_), count);
        held_ >>= count;
        available_ -= count;
        return value;
    }
    uint32_t get_golomb();
    // All bytes were used, none was missing, and the bits that fill up the last one are zero.
    bool clean() const { return next_ == end_ && missing_ * 8 <= available_ && available_ - missing_ * 8 < 8 && held_ == 0; }

  private:
    void refill() {
        if (end_ - next_ >= 4) {
            held_ |= static_cast<uint64_t>(static_cast<uint32_t>(next_[0]) | static_cast<uint32_t>(next_[1]) << 8 | static_cast<uint32_t>(next_[2]) << 16 | static_cast<uint32_t>(next_[3]) << 24)
                     << available_;
            next_ += 4;
            available_ += 32;
            return;
        }
        while (available_ <= 24) {
            if (next_ < end_) {
                held_ |= static_cast<uint64_t>(*next_++) << available_;
            } else {
                ++missing_;
            }
            available_ += 8;
        }
    }
    const uint8_t* next_;
    const uint8_t* end_;
    uint64_t held_ = 0;
    int available_ = 0;
    int64_t missing_ = 0;
};

// What a symbol of a table means. Rows past the last table share its four, with `bits` raw bits below the symbol.
struct Row {
    uint16_t table;  // of fraction 0, where the row has fractions
    uint8_t fractions;  // mask: 7 or 0
    uint8_t bits;
};
Row row_of(int shape, int row);

// Residuals in the order of coding; the rANS words come out backwards at the end.
class SymbolWriter {
  public:
    // most_symbols bounds the number of `put`s.
    SymbolWriter(const Tables& tables, const Kernels& kernels, int lanes, size_t most_symbols)
        : tables_(tables), kernels_(kernels), lanes_(lanes), ranges_(new uint32_t[most_symbols]) {}
    // Symbols from here on are assigned to lanes from the first again.
    void start_block() { starts_.push_back(count_); }
    void put(int table, int bits, int32_t residual) {
        const int32_t shifted = residual + ((1 << bits) >> 1), symbol = shifted >> bits;
        const int half = tables_.half(table);
        if (symbol >= -half && symbol <= half) {
            ranges_[count_++] = tables_.range(table, symbol + half);
        } else {
            put_escape(table, symbol, half);
        }
        if (bits > 0) raw_.put(static_cast<uint32_t>(shifted), bits);
    }
    // A symbol given by its range alone.
    void put_range(uint32_t range) { ranges_[count_++] = range; }
    // Room for the ranges of the next n symbols; to be followed by `add` or, without raw bits, `skip`, or not.
    uint32_t* next() { return ranges_.get() + count_; }
    void skip(int n) { count_ += n; }
    void add(const uint32_t* raw, const uint8_t* bits, int n) {
        count_ += n;
        for (int i = 0; i < n; ++i) raw_.put(raw[i], bits[i]);
    }
    RawWriter& raw() { return raw_; }
    // states and words, then raw bits; `words_nbytes` tells them apart
    std::vector<uint8_t> finish(size_t& words_nbytes);

  private:
    void put_escape(int table, int32_t symbol, int half);

    const Tables& tables_;
    const Kernels& kernels_;
    int lanes_;
    std::unique_ptr<uint32_t[]> ranges_;  // of every symbol; never zeroed, so that unused pages cost nothing
    size_t count_ = 0;
    std::vector<size_t> starts_;
    RawWriter raw_;
};

class SymbolReader {
  public:
    // Throws DamagedStream unless the first words_nbytes hold the states of all lanes and whole words.
    SymbolReader(const Tables& tables, const Kernels& kernels, int lanes, const uint8_t* data, size_t nbytes, size_t words_nbytes);
    // n symbols; the first belongs to the first lane.
    void get(const uint16_t* tables, uint8_t* symbols, size_t n) { kernels_.decode(view_, tables, symbols, n, rans_); }
    int32_t residual(int table, int bits, int symbol) {
        const int half = tables_.half(table);
        int32_t value = symbol - half;
        if (symbol == 2 * half + 1) value = escaped(half, bits);
        if (bits == 0) return value;
        return value * (1 << bits) + static_cast<int32_t>(raw_.get(bits)) - (1 << (bits - 1));
    }
    // The same for phases coded by trellis: `quantisers` says which of the two tables of a row each symbol took.
    void get_path(const uint16_t* tables, uint8_t* symbols, uint8_t* quantisers, size_t n, uint8_t* states) { kernels_.decode_path(view_, tables, symbols, quantisers, n, states, rans_); }
    RawReader& raw() { return raw_; }
    int lanes() const { return rans_.lanes; }
    const TableView& tables() const { return view_; }
    bool exhausted() const { return rans_.exhausted; }
    // Throws DamagedStream unless both streams ended exactly here.
    void check_end() const;

  private:
    // Throws DamagedStream where the escape lies beyond any sample, so that sums of it stay small.
    int32_t escaped(int half, int bits);

    const Tables& tables_;
    const Kernels& kernels_;
    TableView view_;
    RansState rans_;
    RawReader raw_;
};

}  // namespace zn
