"""What `verify` found, in words."""

from __future__ import annotations

from zarr_neural.archive import VerifyReport
from zarr_neural.cli.terminal import say


def print_verified(report: VerifyReport) -> None:
    """Print whether a store is sound, and the errors against its source where they were measured."""
    state = "sound" if report.sound else f"{len(report.damaged)} faults"
    say(f"{report.store}: {report.chunks} chunks, {state}")
    for entry in report.measured:
        decibel = "exact" if entry["psnr_db"] is None else f"PSNR {entry['psnr_db']:.2f} dB"
        say(f"  {entry['channel']}: max error {entry['max_error']:g}, RMSE {entry['rmse']:.4g}, {decibel}")
