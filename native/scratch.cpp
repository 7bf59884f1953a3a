#include "scratch.hpp"

#include <cstdlib>

namespace zn {
namespace {

#ifdef ZN_PLAIN_MEMORY  // so that a sanitizer sees the end of every block
constexpr bool kReuse = false;
#else
constexpr bool kReuse = true;
#endif
constexpr size_t kLeast = size_t{64} << 10;  // smaller blocks are left to malloc
constexpr size_t kKept = size_t{16} << 20;
constexpr int kSlots = 48;

// Sizes are rounded up to quarters of an octave, so that planes of nearly one size share blocks.
size_t rounded(size_t nbytes) {
    size_t unit = kLeast / 4;
    while (nbytes > 8 * unit) unit *= 2;
    return (nbytes + unit - 1) / unit * unit;
}

struct Shelf {
    struct Block {
        void* data;
        size_t nbytes;
    };
    Block blocks[kSlots];
    int count = 0;
    size_t kept = 0;
    ~Shelf() {
        for (int k = 0; k < count; ++k) std::free(blocks[k].data);
        count = 0;
        kept = kKept;  // what is returned later goes straight back
    }
};
thread_local Shelf shelf;

}  // namespace

void* take_scratch(size_t nbytes) {
    if (kReuse && nbytes >= kLeast) {
        nbytes = rounded(nbytes);
        for (int k = shelf.count; k-- > 0;) {
            if (shelf.blocks[k].nbytes != nbytes) continue;
            void* data = shelf.blocks[k].data;
            shelf.blocks[k] = shelf.blocks[--shelf.count];
            shelf.kept -= nbytes;
            return data;
        }
    }
    if (void* data = std::malloc(nbytes > 0 ? nbytes : 1)) return data;
    throw std::bad_alloc();
}

void return_scratch(void* block, size_t nbytes) noexcept {
    if (kReuse && nbytes >= kLeast) {
        nbytes = rounded(nbytes);
        if (shelf.count < kSlots && shelf.kept + nbytes <= kKept) {
            shelf.blocks[shelf.count++] = {block, nbytes};
            shelf.kept += nbytes;
            return;
        }
    }
    std::free(block);
}

}  // namespace zn
