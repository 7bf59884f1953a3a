from concurrent.futures import ThreadPoolExecutor

from eval.timing import best_interleaved, loops_for, wall_seconds


def test_works_take_turns_and_short_ones_are_repeated() -> None:
    calls: list[str] = []

    def long() -> None:
        calls.append("long")
        sum(range(400_000))

    def short() -> None:
        calls.append("short")

    seconds = best_interleaved([long, short], 3)
    assert seconds[0] > seconds[1]
    runs = [name for i, name in enumerate(calls) if i == 0 or calls[i - 1] != name]
    assert runs == ["long", "short"] * 3
    assert calls.count("long") < 20 < calls.count("short")
    assert loops_for(1.0) == 1


def test_wall_time_covers_every_item() -> None:
    done: list[int] = []
    with ThreadPoolExecutor(2) as pool:
        assert wall_seconds(done.append, range(10), pool, 2) > 0
    assert sorted(done) == sorted([*range(10), *range(10)])
