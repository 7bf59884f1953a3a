"""Research and classical codecs for comparison, behind the same interface as ours: real bitstreams in real stores.

In: ndarrays. Out: bytes, and back. Nothing here is portable between machines as our own format is: each chunk holds a
checksum of what its encoder decoded, so that a machine that rounds differently raises `MismatchError`, never shows
other pixels. May import ``chunk`` and below, numcodecs, imagecodecs, torch and CompressAI (the extras ``zoo`` and
``train``), the heavy ones on first use only. Tests: ``tests/zoo``.
"""
