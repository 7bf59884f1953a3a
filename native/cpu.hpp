// What this processor, and the operating system on it, can run.
#pragma once

namespace zn {

bool cpu_has_avx2();
bool cpu_has_avx512vnni();
bool cpu_has_sse42();
bool cpu_has_neon_dot();

}  // namespace zn
