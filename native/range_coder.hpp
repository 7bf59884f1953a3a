// Adaptive binary range coder: 32-bit range, carries propagated by the encoder.
// Source: G. N. N. Martin, "Range encoding" (1979), with the carry handling of I. Pavlov's LZMA.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace zn {

// Probability that a bit is set, in 1/65536: the mean of a fast and a slow estimate.
struct AdaptiveBit {
    uint16_t fast = 32768, slow = 32768;
    uint32_t probability() const { return (static_cast<uint32_t>(fast) + slow) >> 1; }  // 15 .. 65520
    void learn(bool set) {
        if (set) {
            fast = static_cast<uint16_t>(fast + ((65535 - fast) >> 4));
            slow = static_cast<uint16_t>(slow + ((65535 - slow) >> 7));
        } else {
            fast = static_cast<uint16_t>(fast - (fast >> 4));
            slow = static_cast<uint16_t>(slow - (slow >> 7));
        }
    }
};

// Encoder and decoder have one interface, so that one description of the model drives both: `bit` takes the bit that
// is to be encoded (the decoder ignores it) and returns the bit.
class RangeEncoder {
  public:
    bool bit(AdaptiveBit& model, bool set) {
        const uint32_t bound = (range_ >> 16) * model.probability();
        if (set) {
            range_ = bound;
        } else {
            low_ += bound;
            range_ -= bound;
        }
        model.learn(set);
        while (range_ < 1u << 24) shift();
        return set;
    }
    bool even_bit(bool set) {
        range_ >>= 1;
        if (!set) low_ += range_;
        while (range_ < 1u << 24) shift();
        return set;
    }
    std::vector<uint8_t> finish() {
        range_ = 0;
        for (int k = 0; k < 5; ++k) shift();
        bytes_.erase(bytes_.begin());  // the first byte is always zero
        return std::move(bytes_);
    }

  private:
    void shift() {
        if (static_cast<uint32_t>(low_) < 0xff000000u || low_ >> 32 != 0) {
            bytes_.push_back(static_cast<uint8_t>(held_ + (low_ >> 32)));
            for (; waiting_ > 0; --waiting_) bytes_.push_back(static_cast<uint8_t>(0xff + (low_ >> 32)));
            held_ = static_cast<uint8_t>(low_ >> 24);
        } else {
            ++waiting_;
        }
        low_ = static_cast<uint32_t>(low_) << 8;
        range_ <<= 8;
    }
    std::vector<uint8_t> bytes_;
    uint64_t low_ = 0;
    uint32_t range_ = 0xffffffffu;
    uint8_t held_ = 0;
    size_t waiting_ = 0;
};

class RangeDecoder {
  public:
    RangeDecoder(const uint8_t* begin, const uint8_t* end) : next_(begin), end_(end) {
        for (int k = 0; k < 4; ++k) code_ = code_ << 8 | byte();
        damaged_ = damaged_ || code_ >= range_;  // no encoder starts so, and sums would wrap round
    }
    bool bit(AdaptiveBit& model, bool) {
        const uint32_t bound = (range_ >> 16) * model.probability();
        const bool set = code_ < bound;
        if (set) {
            range_ = bound;
        } else {
            code_ -= bound;
            range_ -= bound;
        }
        model.learn(set);
        fill();
        return set;
    }
    bool even_bit(bool) {
        range_ >>= 1;
        const bool set = code_ < range_;
        if (!set) code_ -= range_;
        fill();
        return set;
    }
    // All bytes were used, none was missing, and the encoder's last state is met.
    bool clean() const { return next_ == end_ && !damaged_ && code_ == 0; }

  private:
    void fill() {
        while (range_ < 1u << 24) {
            range_ <<= 8;
            code_ = code_ << 8 | byte();
        }
    }
    uint32_t byte() {
        if (next_ < end_) return *next_++;
        damaged_ = true;
        return 0;
    }
    const uint8_t* next_;
    const uint8_t* end_;
    uint32_t range_ = 0xffffffffu, code_ = 0;
    bool damaged_ = false;  // a byte was missing, or the first four are no state
};

}  // namespace zn
