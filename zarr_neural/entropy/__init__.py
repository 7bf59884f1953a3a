"""Entropy coders written out in slow Python: integers and frequency tables on one side, bytes on the other.

In: residuals (path L) or indices of quantisers (path Y), the table that each is coded with, and the few parameters that
an encoder of path L fits to a phase. Out: the two streams of a coded plane (rANS words and raw bits); and back.
May import: NumPy and `zarr_neural.errors`; nothing else of ours, above all not the compiled engine.
This room is the specification by code (`zarr_neural/spec/path_l.md` and `path_y.md` say the same in words); the engine
that users run is `native/{tables,streams,side}.cpp`, and tests hold both to the same bytes. `repeats` is the raster
coder that stands beside path L (`zarr_neural/spec/repeats.md`). Everything is bounds-checked: streams that no encoder
writes end in `DamagedChunkError`. Tests: `tests/entropy`.
"""

from zarr_neural.entropy.points import PointReader, PointTables, PointWriter, TrellisPath, point_row
from zarr_neural.entropy.rans import RansReader, RansWriter, lane_count
from zarr_neural.entropy.rawbits import RawReader, RawWriter
from zarr_neural.entropy.repeats import decode_repeats_reference
from zarr_neural.entropy.residuals import SymbolReader, SymbolWriter
from zarr_neural.entropy.side import PhaseOffer, PhaseParameters, read_parameters, write_parameters
from zarr_neural.entropy.tables import RowRule, TableSet, row_of

__all__ = [
    "PhaseOffer",
    "PhaseParameters",
    "PointReader",
    "PointTables",
    "PointWriter",
    "RansReader",
    "RansWriter",
    "RawReader",
    "RawWriter",
    "RowRule",
    "SymbolReader",
    "SymbolWriter",
    "TableSet",
    "TrellisPath",
    "decode_repeats_reference",
    "lane_count",
    "point_row",
    "read_parameters",
    "row_of",
    "write_parameters",
]
