"""What stops a study, or one row of it."""

from __future__ import annotations


class StudyError(ValueError):
    """The study was asked for something that is not there or does not fit: a store, a channel, a codec, a model."""
