// CRC-32C (Castagnoli), as in RFC 3720.
#pragma once

#include <cstddef>
#include <cstdint>

namespace zn {

uint32_t crc32c(const uint8_t* data, size_t n, uint32_t crc = 0);

}  // namespace zn
