"""The codecs of a study by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eval.study import entries_classical, entries_learned, entries_ours
from eval.study.entry import Entry
from eval.study.errors import StudyError


def chosen(names: Sequence[str] | None) -> tuple[list[Entry], list[Entry]]:
    """Return the codecs called `names` (default: all), and those of them that are not available here.

    A name may be that of a kind, such as "ours" or "classical".

    Raises
    ------
    StudyError
        A name is unknown, or nothing is left; the message lists what there is.
    """
    known = {entry.name: entry for entry in everything()}
    kinds = {entry.kind for entry in known.values()}
    wanted: dict[str, Entry] = {}
    for name in names if names is not None else known:
        found = [entry for entry in known.values() if name in (entry.name, entry.kind)]
        if not found:
            raise StudyError(
                f"no codec or kind of codecs is called {name!r}; there are: {', '.join([*sorted(kinds), *known])}"
            )
        wanted |= {entry.name: entry for entry in found}
    here = [entry for entry in wanted.values() if not entry.missing]
    missing = [entry for entry in wanted.values() if entry.missing]
    if not here:
        raise StudyError("no codec is left: " + "; ".join(f"{entry.name}: {entry.missing}" for entry in missing))
    return here, missing


def everything() -> Iterator[Entry]:
    """Yield every codec that a study knows, in the order of tables."""
    yield from entries_ours.entries()
    yield from entries_classical.entries()
    yield from entries_learned.entries()
