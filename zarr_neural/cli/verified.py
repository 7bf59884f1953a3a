"""What `verify` found, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from zarr_neural.archive import VerifyReport
from zarr_neural.cli.terminal import complain, say

_MEANING = {
    "sound": "every chunk is what was written",
    "readable, no checksums": "every chunk can be read, but there are no checksums that would reveal altered pixels",
}


def print_verified(reports: Sequence[VerifyReport]) -> None:
    """Print whether each store is sound, the errors against its source where they were measured, and a sum."""
    for report in reports:
        faults = len(report.damaged)
        found = _MEANING.get(report.status) or f"{faults} fault{'s' if faults != 1 else ''}"
        say(f"{report.store}: {report.chunks} chunks, {report.status}: {found}.")
        for entry in report.measured:
            decibel = "exact" if entry["psnr_db"] is None else f"PSNR {entry['psnr_db']:.2f} dB"
            say(f"  {entry['channel']}: max error {entry['max_error']:g}, RMSE {entry['rmse']:.4g}, {decibel}")
    if len(reports) > 1:
        count = Counter(report.status for report in reports)
        say(f"{len(reports)} stores: {'; '.join(f'{number} {status}' for status, number in count.items())}.")


def complain_of_damage(reports: Sequence[VerifyReport]) -> None:
    """Print every fault as a line on standard error."""
    for report in reports:
        for damage in report.damaged:
            place = "/".join(part for part in (report.store, damage.array, damage.chunk) if part)
            complain(f"{place}: {damage.what}")
