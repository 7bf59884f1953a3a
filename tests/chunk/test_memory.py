"""A chunk takes the memory that is promised: 12 times its bytes and 50 MB, to encode as to decode."""

import json
import subprocess
import sys
from typing import Any

import pytest

PROGRAM = """
import json, re, sys
import numpy as np
from zarr_neural import NeuralCodec

def peak():
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])

config, dtype, side = json.loads(sys.argv[1])
codec = NeuralCodec(verify=False, **config)
random = np.random.default_rng(0)
rows = random.poisson(300, (side, side)) if side else None
image = (rows % np.iinfo(dtype).max).astype(dtype)
del rows
codec.decode(codec.encode(image[:200, :200]))
open("/proc/self/clear_refs", "w").write("5")
before = peak()
data = codec.encode(image)
encoding = peak() - before
del image
open("/proc/self/clear_refs", "w").write("5")
decoded = codec.decode(data)
print(json.dumps([encoding, peak() - before, decoded.nbytes]))
"""


@pytest.mark.parametrize(
    "case",
    [
        [{"lossless": True}, "u2", 2048],
        [{"lossless": True}, "u1", 3000],
        [{"noise": 1.0}, "u2", 2048],
        [{"max_error": 3}, "i2", 2048],
        [{"lossless": True}, "i8", 1024],
    ],
    ids=["lossless-u2", "lossless-u1", "noise-u2", "max_error-i2", "lossless-i8"],
)
def test_memory(case: list[Any]) -> None:
    """Encoding and decoding a chunk of millions of pixels stay within the promise."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(case)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    encoding, decoding, nbytes = json.loads(done.stdout)
    print(f"{encoding / nbytes:.1f} and {decoding / nbytes:.1f} times {nbytes} bytes")
    assert encoding <= 12 * nbytes + 50_000_000
    assert decoding <= 12 * nbytes + 50_000_000
