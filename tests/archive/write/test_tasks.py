"""Tasks side by side: bounded, in threads where there are several, and none left behind by an error."""

import threading
from collections.abc import Iterator

import pytest

from zarr_neural.archive.write.tasks import side_by_side


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
def test_every_item_is_worked_on_once(count: int) -> None:
    """All results come, whatever the number of items; a single item is worked on where it was asked for."""
    threads = set()

    def work(item: int) -> int:
        threads.add(threading.current_thread())
        return item * item

    assert sorted(side_by_side(work, range(count), 3)) == [item * item for item in range(count)]
    assert (threading.main_thread() in threads) == (count == 1)


def test_few_are_open_at_a_time() -> None:
    """Items are drawn as tasks end, so that a source of millions takes no memory."""
    drawn, ended = 0, 0

    def items() -> Iterator[int]:
        nonlocal drawn
        for item in range(40):
            drawn += 1
            assert drawn - ended <= 2 * 3 + 2
            yield item

    for _ in side_by_side(abs, items(), 3):
        ended += 1
    assert (drawn, ended) == (40, 40)


@pytest.mark.parametrize("count", [1, 20])
def test_an_error_calls_off_the_rest(count: int) -> None:
    """The error of a task comes out, and what was not begun is never done."""
    begun = []

    def work(item: int) -> None:
        begun.append(item)
        raise ValueError(item)

    with pytest.raises(ValueError, match=r"[0-9]"):
        list(side_by_side(work, range(count), 2))
    assert len(begun) <= 5
