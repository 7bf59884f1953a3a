"""What pytest leaves alone where CompressAI is not installed: `make test-zoo` runs it in an environment of its own."""

import importlib.util

collect_ignore_glob = (
    []
    if importlib.util.find_spec("compressai")
    else ["tests/zoo_compressai", *(f"zarr_neural/zoo/learned/{name}.py" for name in (
        "coder", "grey_networks", "grey_training", "library", "loop", "rgb_networks", "scale", "speedups",
        "volume_networks", "wavelet_start",
    ))]
)  # fmt: skip
