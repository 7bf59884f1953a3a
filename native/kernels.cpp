#include "kernels.hpp"

#include <stdexcept>

namespace zn {

extern const Kernels kPortable;
#if defined(ZN_X86)
extern const Kernels kAvx2, kAvx512;
#endif
#if defined(ZN_ARM)
extern const Kernels kNeon;
#endif

namespace {

const std::vector<const Kernels*>& all_sets() {  // fastest first
    static const std::vector<const Kernels*> sets = {
#if defined(ZN_X86)
        &kAvx512, &kAvx2,
#endif
#if defined(ZN_ARM)
        &kNeon,
#endif
        &kPortable,
    };
    return sets;
}

}  // namespace

const Kernels& kernels(const std::string& name) {
    for (const Kernels* set : all_sets()) {
        if (set->supported() && (name.empty() || name == set->name)) return *set;
    }
    throw std::invalid_argument("no kernels named '" + name + "' run on this processor");
}

std::vector<std::string> kernel_names() {
    std::vector<std::string> names;
    for (const Kernels* set : all_sets()) {
        if (set->supported()) names.emplace_back(set->name);
    }
    return names;
}

}  // namespace zn
