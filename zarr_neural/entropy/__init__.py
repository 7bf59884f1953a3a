"""Entropy coder of path L, written out in slow Python: integers and frequency tables on one side, bytes on the other.

In: residuals (integers), the table that each is coded with, and the few parameters that an encoder fits to a phase.
Out: the two streams of a coded plane (interleaved rANS words, raw bits), and back.
May import: NumPy and `zarr_neural.errors`; nothing else of ours, above all not the compiled engine.
This room is the specification by code (`zarr_neural/spec/path_l.md` says the same in words); the engine that users run
is `native/{tables,streams,side}.cpp`, and `tests/entropy` holds both to the same bytes. `repeats` is the raster coder
that stands beside path L (`zarr_neural/spec/repeats.md`). Everything is bounds-checked:
streams that no encoder writes end in `DamagedChunkError`.
"""

from zarr_neural.entropy.rans import SymbolReader, SymbolWriter, lane_count
from zarr_neural.entropy.rawbits import RawReader, RawWriter
from zarr_neural.entropy.repeats import decode_repeats_reference
from zarr_neural.entropy.side import PhaseOffer, PhaseParameters, read_parameters, write_parameters
from zarr_neural.entropy.tables import RowRule, TableSet, row_of

__all__ = [
    "PhaseOffer",
    "PhaseParameters",
    "RawReader",
    "RawWriter",
    "RowRule",
    "SymbolReader",
    "SymbolWriter",
    "TableSet",
    "decode_repeats_reference",
    "lane_count",
    "read_parameters",
    "row_of",
    "write_parameters",
]
