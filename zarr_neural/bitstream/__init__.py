"""Fields <-> bytes: the room that knows how numbers are laid out and nothing of pixels.

In: integers and byte strings. Out: bytes, and back. May import ``zarr_neural.errors`` and the compiled extension.
Specification: ``zarr_neural/spec/v1.md``, sections 2 and 3. Tests: ``tests/bitstream``.
"""

from zarr_neural.bitstream.crc import crc32c
from zarr_neural.bitstream.fields import Field, pack, unpack, unzigzag, zigzag
from zarr_neural.bitstream.reader import Reader, pack_varint

__all__ = ["Field", "Reader", "crc32c", "pack", "pack_varint", "unpack", "unzigzag", "zigzag"]
