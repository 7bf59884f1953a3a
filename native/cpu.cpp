#include "cpu.hpp"

#if defined(__x86_64__)

namespace zn {
bool cpu_has_avx2() { return __builtin_cpu_supports("avx2"); }
bool cpu_has_avx512vnni() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
}
bool cpu_has_sse42() { return __builtin_cpu_supports("sse4.2"); }
bool cpu_has_neon_dot() { return false; }
}  // namespace zn

#elif defined(__aarch64__)

#if defined(__linux__)
#include <sys/auxv.h>
namespace {
bool has_dot() { return (getauxval(AT_HWCAP) >> 20 & 1) != 0; }  // HWCAP_ASIMDDP
}
#else
namespace {
bool has_dot() { return true; }  // every 64-bit Apple processor that is still supported
}
#endif

namespace zn {
bool cpu_has_avx2() { return false; }
bool cpu_has_avx512vnni() { return false; }
bool cpu_has_sse42() { return false; }
bool cpu_has_neon_dot() { return has_dot(); }
}  // namespace zn

#else

namespace zn {
bool cpu_has_avx2() { return false; }
bool cpu_has_avx512vnni() { return false; }
bool cpu_has_sse42() { return false; }
bool cpu_has_neon_dot() { return false; }
}  // namespace zn

#endif
