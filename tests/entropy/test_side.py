"""The parameters of a phase come back as they went in, and numbers out of range are refused by name."""

import numpy as np
import pytest

from zarr_neural.entropy import (
    PhaseOffer,
    PhaseParameters,
    SymbolReader,
    SymbolWriter,
    TableSet,
    read_parameters,
    row_of,
    write_parameters,
)
from zarr_neural.errors import DamagedChunkError
from zarr_neural.intnet.known_answer import known_arrays

ARRAYS = known_arrays()
TABLES = TableSet(ARRAYS["tails"])
OFFER = PhaseOffer(ARRAYS["bank"][1].astype(np.int64), ARRAYS["rules"][0, 1].astype(np.int64), 3)


def random_parameters(random: np.random.Generator, before: np.ndarray) -> PhaseParameters:
    expert, which = int(random.integers(2)), int(random.integers(4))
    linear = OFFER.bank[which] if which < 3 else random.integers(-511, 512, 16)
    curve = before.copy() if random.random() < 0.3 else np.full(84, random.integers(256))
    first, last = sorted(random.integers(0, 84, 2))
    if random.random() < 0.7:
        curve[first : last + 1] = random.integers(0, 256, last + 1 - first)
    rules = OFFER.rules[expert].copy()
    first, last = sorted(random.integers(0, 42, 2))
    if random.random() < 0.7:
        rules[first : last + 1] = np.stack(
            [random.integers(-64, 64, last + 1 - first), random.integers(0, 3, last + 1 - first)], axis=1
        )
    return PhaseParameters(expert, which, linear, curve, rules)


def test_parameters_come_back() -> None:
    """Any parameters within their ranges survive, phase after phase."""
    random = np.random.default_rng(5)
    writer = SymbolWriter(TABLES, 8)
    before, sent = np.full(84, 40), []
    for _ in range(60):
        now = random_parameters(random, before)
        write_parameters(OFFER, now, before, writer)
        before = now.curve
        sent.append(now)
    reader = SymbolReader(TABLES, 8, *writer.finish())
    before = np.full(84, 40)
    for now in sent:
        got = read_parameters(OFFER, before, reader)
        assert (got.expert, got.filter) == (now.expert, now.filter)
        for name in ("linear", "curve", "rules"):
            np.testing.assert_array_equal(getattr(got, name), getattr(now, name))
        before = got.curve
    reader.check_end()


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([(14, 2)], "network index"),
        ([(14, -1)], "network index"),
        ([(14, 0), (22, 4)], "filter index"),
        ([(14, 0), (22, 3), (36, 600)], "filter coefficient"),
        ([(14, 0), (22, 0), (18, 256)], "move of the noise curve"),
        ([(14, 0), (22, 0), (18, 230), (6, 0)], "noise level"),
        ([(14, 0), (22, 0), (18, 0), (6, 2)], "noise curve's flag"),
        ([(14, 0), (22, 0), (18, 0), (6, 1), (34, 84)], "first noise bin"),
        ([(14, 0), (22, 0), (18, 0), (6, 1), (34, 80), (34, 4)], "number of noise bins"),
        ([(14, 0), (22, 0), (18, 0), (6, 0), (6, 1), (30, 41), (30, 1)], "number of scale groups"),
        ([(14, 0), (22, 0), (18, 0), (6, 0), (6, 1), (30, 0), (30, 0), (16, 90)], "scale shift"),
        ([(14, 0), (22, 0), (18, 0), (6, 0), (6, 1), (30, 0), (30, 0), (16, 0), (12, 9)], "shape index"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_numbers_out_of_range_are_refused(numbers: list[tuple[int, int]], message: str) -> None:
    """Every number is checked when it is read, and the error names it."""
    writer = SymbolWriter(TABLES, 1)
    for row, value in numbers:
        rule = row_of(2, row)
        writer.put_block([rule.table + (rule.fractions & 4)], [rule.bits], [value])
    with pytest.raises(DamagedChunkError, match=message):
        read_parameters(OFFER, np.full(84, 40), SymbolReader(TABLES, 1, *writer.finish()))
