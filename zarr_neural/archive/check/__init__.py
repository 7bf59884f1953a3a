"""What was lost, and whether it is what was promised: verify reads stores again, promise and measure compare pixels.

report is what a conversion returns. May import: tiff, ask, and what lies beside them. Tests: tests/archive/check.
"""
