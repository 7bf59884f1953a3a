#include "repeats.hpp"

#include <algorithm>

#include "error.hpp"
#include "range_coder.hpp"

namespace zn {
namespace {

constexpr int kCandidates = 4;      // west, north, north-east, north-west
constexpr int kLengths = 17;        // bits of the magnitude of a residual: 0..16
constexpr int kModelledBits = 3;    // of those below the leading one; the rest are even

int bit_length(int value) {
    int n = 0;
    for (; value > 0; value >>= 1) ++n;
    return n;
}

struct Contexts {
    AdaptiveBit hit[16 * kCandidates * 9 * 3];       // [who has the value][candidates refused][activity / 2][misses nearby]
    AdaptiveBit length[kLengths][kLengths];          // [activity][bits so far]
    AdaptiveBit negative[kLengths];                  // [activity]
    AdaptiveBit mantissa[kLengths][kModelledBits][8];  // [length][bits done][those bits]
};

// Samples and misses of the row before and of this one, with a border that repeats the nearest sample.
template <class Coder>
class RepeatModel {
  public:
    RepeatModel(Coder& coder, int top, int width) : coder_(coder), top_(top), missed_before_(width + 2), missed_(width + 2) {}

    // Codes one row; `before` is the row above, or null.
    void row(const uint16_t* before, uint16_t* samples, int width) {
        std::swap(missed_before_, missed_);
        missed_[0] = missed_[width + 1] = 0;
        for (int j = 0; j < width; ++j) {
            const int west = j > 0 ? samples[j - 1] : before != nullptr ? before[0] : 0;
            const int north = before != nullptr ? before[j] : west;
            const int north_west = before != nullptr ? before[j > 0 ? j - 1 : 0] : west;
            const int north_east = before != nullptr ? before[j + 1 < width ? j + 1 : j] : west;
            const int near = missed_[j] + missed_before_[j] + missed_before_[j + 1] + missed_before_[j + 2];
            samples[j] = static_cast<uint16_t>(sample(west, north, north_east, north_west, (near + 1) / 2, samples[j], missed_[j + 1]));
        }
    }

  private:
    int sample(int west, int north, int north_east, int north_west, int near, int wanted, uint8_t& missed) {
        const int neighbour[kCandidates] = {west, north, north_east, north_west};
        const int most = std::max(std::max(west, north), std::max(north_east, north_west));
        const int least = std::min(std::min(west, north), std::min(north_east, north_west));
        const int activity = bit_length(most - least);

        // distinct values and who has them; those that more neighbours have come first, otherwise in the order above
        int value[kCandidates], owners[kCandidates], votes[kCandidates], count = 0;
        for (int k = 0; k < kCandidates; ++k) {
            int c = 0;
            while (c < count && value[c] != neighbour[k]) ++c;
            if (c == count) {
                value[count] = neighbour[k];
                owners[count] = votes[count] = 0;
                ++count;
            }
            owners[c] |= 1 << k;
            ++votes[c];
        }
        missed = 0;
        for (int refused = 0; refused < count; ++refused) {
            int best = -1;
            for (int c = 0; c < count; ++c) {
                if (votes[c] > 0 && (best < 0 || votes[c] > votes[best])) best = c;
            }
            votes[best] = 0;
            AdaptiveBit& hit = contexts_.hit[((owners[best] * kCandidates + refused) * 9 + activity / 2) * 3 + near];
            if (coder_.bit(hit, value[best] == wanted)) return value[best];
        }
        missed = 1;
        const int low = std::min(west, north), high = std::max(west, north);
        const int predicted = north_west >= high ? low : north_west <= low ? high : west + north - north_west;
        const int result = predicted + residual(activity, wanted - predicted);
        if (result < 0 || result > top_) throw DamagedStream("a sample lies outside the range of its plane");
        return result;
    }

    int residual(int activity, int wanted) {
        const int magnitude = wanted < 0 ? -wanted : wanted, wanted_length = bit_length(magnitude);
        int length = 0;
        while (length < kLengths - 1 && !coder_.bit(contexts_.length[activity][length], length == wanted_length)) ++length;
        if (length == 0) return 0;
        const bool negative = coder_.bit(contexts_.negative[activity], wanted < 0);
        int result = 1;
        for (int done = 0; done < length - 1; ++done) {
            const bool next = magnitude >> (length - 2 - done) & 1;
            const bool set = done < kModelledBits ? coder_.bit(contexts_.mantissa[length][done][result & 7], next) : coder_.even_bit(next);
            result = 2 * result + set;
        }
        return negative ? -result : result;
    }

    Coder& coder_;
    const int top_;
    std::vector<uint8_t> missed_before_, missed_;
    Contexts contexts_;
};

}  // namespace

std::vector<uint8_t> encode_repeats(const uint16_t* samples, int height, int width, int top) {
    RangeEncoder coder;
    RepeatModel<RangeEncoder> model(coder, top, width);
    std::vector<uint16_t> row(width);
    for (int i = 0; i < height; ++i) {
        std::copy_n(samples + static_cast<ptrdiff_t>(i) * width, width, row.data());
        model.row(i > 0 ? samples + static_cast<ptrdiff_t>(i - 1) * width : nullptr, row.data(), width);
    }
    return coder.finish();
}

void decode_repeats(const uint8_t* bytes, size_t nbytes, int height, int width, int top, uint16_t* samples) {
    RangeDecoder coder(bytes, bytes + nbytes);
    RepeatModel<RangeDecoder> model(coder, top, width);
    std::fill_n(samples, static_cast<size_t>(height) * width, static_cast<uint16_t>(0));  // "wanted" values: ignored
    for (int i = 0; i < height; ++i) {
        uint16_t* row = samples + static_cast<ptrdiff_t>(i) * width;
        model.row(i > 0 ? row - width : nullptr, row, width);
    }
    if (!coder.clean()) throw DamagedStream("the bits do not end where the pixels do");
}

}  // namespace zn
