"""What was lost, and whether it is what was promised: verify reads stores again, promise and measure compare pixels.

compare (chunks beside the source), recorded (what the store says of itself), spread (percentiles), report (what a
conversion returns), saving (what a loss within the noise would have saved). May import: tiff, ask, and what lies beside
them. Tests: tests/archive/check.
"""
