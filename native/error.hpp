// The one exception of the extension; the Python layer turns it into an error of zarr_neural.errors.
#pragma once

#include <stdexcept>
#include <string>

namespace zn {

struct DamagedStream : std::runtime_error {
    explicit DamagedStream(const std::string& what) : std::runtime_error(what) {}
};

}  // namespace zn
