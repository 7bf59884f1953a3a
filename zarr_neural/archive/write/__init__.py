"""Images become stores: many files (batch), one image (image), one task (regions), resumable and complete or not there.

writers (a codec for each channel), pyramid (overviews), journal and lock (resuming, replacing, one process at a time).
May import: tiff, ask, check and what lies beside them in the archive. Tests: tests/archive/write.
"""
