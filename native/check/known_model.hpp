// The fixed small models and the fixed planes of zarr_neural/intnet/known_answer.py, for programs without Python.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "model.hpp"
#include "transform_model.hpp"

namespace zn {

std::unique_ptr<Model> known_model();
std::unique_ptr<TransformModel> known_transform_model();
std::vector<uint16_t> known_plane(int height, int width, int top);

// Number i of the sequence `seed`, in 0..below-1.
uint32_t scrambled(uint32_t i, uint32_t seed, uint32_t below);

}  // namespace zn
