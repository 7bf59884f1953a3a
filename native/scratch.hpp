// Memory for planes and grids, handed on from call to call: asking the system for it anew would take a fifth of the time.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

namespace zn {

// A block of at least that many bytes, and its return. Each thread keeps at most 16 MiB of returned blocks.
void* take_scratch(size_t nbytes);
void return_scratch(void* block, size_t nbytes) noexcept;

// Allocator of vectors of plain numbers; without kZeroed, `resize` leaves them as they are.
template <class T, bool kZeroed>
struct Scratch {
    using value_type = T;
    template <class U>
    struct rebind {
        using other = Scratch<U, kZeroed>;
    };
    Scratch() = default;
    template <class U>
    Scratch(const Scratch<U, kZeroed>&) {}
    T* allocate(size_t n) { return static_cast<T*>(take_scratch(n * sizeof(T))); }
    void deallocate(T* p, size_t n) noexcept { return_scratch(p, n * sizeof(T)); }
    template <class U>
    void construct(U* p) {
        if (kZeroed) ::new (static_cast<void*>(p)) U();
    }
    template <class U, class... Args>
    void construct(U* p, Args&&... args) {
        ::new (static_cast<void*>(p)) U(std::forward<Args>(args)...);
    }
    bool operator==(const Scratch&) const { return true; }
    bool operator!=(const Scratch&) const { return false; }
};

}  // namespace zn
