"""Images become stores: many files (batch), one image (image), one task (regions), resumable and complete or not there.

places (where stores go), series (several images in one store), documents (original metadata), writers (a codec for each
channel), pixels (digests of the source), kept (what is there already), journal, lines and lock (resuming, replacing,
one process at a time), durable (power failures), tasks (threads).
May import: tiff, ask, check and what lies beside them in the archive. Tests: tests/archive/write.
"""
