"""Tables of path Y: valid integers whatever they are made of, and a loss that is their code length."""

import numpy as np
import pytest
import torch

from zarr_neural.models.lossy_contract import MAX_HALF, PROB_SCALE, QUANTISERS
from zarr_neural.training.lossy_loss import LearntTables, MeanLoss
from zarr_neural.training.lossy_tables import (
    MAGNITUDES,
    ROWS,
    TABLES,
    Tables,
    code_lengths,
    golomb_length,
    integer_tables,
    prior,
    row_scales,
    symbol_of,
    table_of,
)


def check_valid(tables: Tables) -> None:
    """Fail unless the tables are what section 2 of the format allows, and both signs alike."""
    for half, widths in zip(tables.half.ravel(), tables.widths.reshape(-1, 128), strict=True):
        symbols = 2 * int(half) + 3
        assert half % 2 == 0
        assert half <= MAX_HALF
        assert widths[:symbols].min() >= 1
        assert widths[symbols:].max() == 0
        assert widths.sum(dtype=int) == PROB_SCALE
        np.testing.assert_array_equal(widths[: symbols - 2], widths[symbols - 3 :: -1])


@pytest.mark.parametrize("seed", range(4))
def test_any_probabilities_give_valid_tables(seed: int) -> None:
    """Rounding to integers keeps the contract for probabilities smooth, extreme and zero."""
    rng = np.random.default_rng(seed)
    check_valid(integer_tables(prior()))
    check_valid(integer_tables(rng.dirichlet(np.full(MAGNITUDES, 0.02), (QUANTISERS, TABLES)) + 1e-12))
    check_valid(integer_tables(np.tile(np.eye(MAGNITUDES)[rng.integers(MAGNITUDES)], (QUANTISERS, TABLES, 1))))


def test_equal_probabilities_give_equal_tables() -> None:
    """Counts and probabilities in proportion to them make the same integers."""
    once, again = integer_tables(prior()), integer_tables(prior() * 5)
    np.testing.assert_array_equal(once.half, again.half)
    np.testing.assert_array_equal(once.widths, again.widths)


def test_rows_grow_steadily() -> None:
    """Each row is wider than the one before; from row 44 on four of them make an octave."""
    scales = row_scales()
    assert (np.diff(scales) > 0).all()
    np.testing.assert_allclose(scales[48:] / scales[44:-4], 2)
    assert (np.diff(prior()[:, :, 0], axis=1) < 0).all()


@pytest.mark.parametrize("raw_bits", [1, 2, 5])
def test_raw_bits(raw_bits: int) -> None:
    """A symbol and its raw bits give the index back as section 7 of the format has it; every index has one symbol."""
    index = np.arange(-200, 201)
    j = ((index >> (raw_bits + 1)) << 1) + (index & 1)
    np.testing.assert_array_equal(np.abs(j), symbol_of(index, np.full(index.shape, raw_bits)))
    r = (index >> 1) & ((1 << raw_bits) - 1)
    np.testing.assert_array_equal(((j >> 1) << (raw_bits + 1)) + 2 * r + (j & 1), index)


def test_code_lengths_are_those_of_a_code() -> None:
    """Kraft's sum over all indices is 1, for rows but for escapes beyond those summed."""
    index = np.arange(-(2**16) + 1, 2**16)
    for row in (0, 9, 30, 44, 47, 48, 53, 60):
        full = np.full(index.shape, row)
        for quantiser in (0, 1):
            bits = code_lengths(integer_tables(prior()), full, np.full(index.shape, quantiser), index)
            total = np.exp2(-bits).sum()
            assert total == pytest.approx(1, abs=1e-3)
            assert total <= 1 + 1e-9


def test_golomb_lengths() -> None:
    """Lengths agree with the code written out: ones, a zero, a number."""
    for n in range(300):
        k = 0
        while n >= sum(2 ** (2 + i) for i in range(k + 1)):
            k += 1
        assert golomb_length(np.array(n)) == k + 1 + 2 + k


def test_loss_is_code_length() -> None:
    """On whole rows the loss of training is the code length under integer tables, up to their rounding."""
    rng = np.random.default_rng(1)
    learnt = LearntTables()
    tables = integer_tables(learnt.probabilities().detach().numpy().astype(float))
    row = rng.integers(20, ROWS, 4000)
    quantiser = rng.integers(0, 2, 4000)
    index = np.rint(rng.laplace(0, row_scales()[row] / 2)).astype(np.int64)
    table, raw_bits = table_of(row)
    half = tables.half[quantiser, table]
    common = tables.widths[quantiser, table, half + np.minimum(symbol_of(index, raw_bits), half)] > 60
    common &= symbol_of(index, raw_bits) <= half
    expected = code_lengths(tables, row, quantiser, index)
    with torch.no_grad():
        found = learnt(torch.from_numpy(8.0 * row).float(), torch.from_numpy(quantiser), torch.from_numpy(index))
    np.testing.assert_allclose(found.numpy()[common], expected[common], atol=0.05)
    assert found.numpy().mean() == pytest.approx(expected.mean(), rel=0.01)


def test_loss_of_escapes() -> None:
    """Where the table has all its sixty magnitudes, escapes cost in training what they cost in the code."""
    learnt = LearntTables()
    with torch.no_grad():
        learnt.logits.copy_(torch.linspace(0, -4, MAGNITUDES))
    probabilities = learnt.probabilities().detach().numpy().astype(float)
    tables = integer_tables(probabilities)
    quantiser, row = (a[:1].repeat(5) for a in np.nonzero(tables.half == MAX_HALF))
    index = np.array([61, -62, 75, 300, -4000])
    with torch.no_grad():
        found = learnt(torch.from_numpy(8.0 * row).float(), torch.from_numpy(quantiser), torch.from_numpy(index))
    np.testing.assert_allclose(found.numpy(), code_lengths(tables, row, quantiser, index), atol=0.05)


def test_rows_between_are_mixtures() -> None:
    """Halfway between two rows the probability is the mean of both, and the gradient points to the cheaper one."""
    learnt = LearntTables()
    index, quantiser = torch.tensor([5, 5, 5]), torch.zeros(3, dtype=torch.int64)
    first = torch.tensor([8.0 * 25, 8.0 * 25.5, 8.0 * 26], requires_grad=True)
    bits = learnt(first, quantiser, index)
    low, between, high = torch.exp2(-bits.detach()).tolist()
    assert between == pytest.approx((low + high) / 2, rel=1e-4)
    bits[1].backward()
    assert first.grad is not None
    assert (first.grad[1] < 0) == (high > low)


def test_means() -> None:
    """The loss of a mean that meets the target is 0; weights act as they do in the format, in quarters of a step."""
    outputs = torch.zeros(1, 9)
    outputs[0, 1:3] = torch.tensor([64.0, -500.0])
    neighbours = torch.tensor([[8.0, 4.0, 0, 0, 0, 0, 0, 0]])
    target = torch.tensor([(8 * 64 - 4 * 127) / 256 / 4])
    assert float(MeanLoss()(outputs, neighbours, target)) == 0
    assert float(MeanLoss()(outputs, neighbours, target + 0.35)) == pytest.approx(0.125)
