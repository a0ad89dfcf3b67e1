"""Codebooks: exact where clusters are plain, never worse than their parts, and learned from straight through."""

import math

import pytest
import torch

from inr import InrError
from inr.compression.encoder import codebook as _codebook
from inr.compression.encoder.codebook import Codebook, look_up, make_codebook, nearest_entries, straight_through


def table(rows: int, features: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, features, generator=torch.Generator().manual_seed(seed))


def mean_error(rows: torch.Tensor, codebook: Codebook) -> float:
    return (look_up(codebook) - rows).square().sum(1).mean().item()


def test_separable_clusters_are_found() -> None:
    for seed in range(8):
        generator = torch.Generator().manual_seed(seed)
        centres = torch.tensor([[0.0, 0], [10, 0], [0, 10], [10, 10], [-20, 5]])
        membership = torch.arange(100) % 5
        offsets = torch.randn(20, 2, generator=generator)
        offsets -= offsets.mean(0)
        rows = centres[membership] + offsets.repeat_interleave(5, 0)
        codebook = make_codebook(rows, 5, seed=seed)
        ordered = centres.unique(dim=0)
        torch.testing.assert_close(codebook.entries, ordered, atol=1e-5, rtol=0)
        torch.testing.assert_close(ordered[codebook.indices.long()], centres[membership])


@pytest.mark.parametrize("features", [1, 2, 5])
def test_few_different_rows_are_kept_exactly(features: int) -> None:
    different = table(7, features) * 100
    rows = different[torch.randint(7, (200,), generator=torch.Generator().manual_seed(3))]
    for size in (7, 8, 300):
        codebook = make_codebook(rows, size)
        assert len(codebook.entries) == 7
        assert torch.equal(look_up(codebook), rows)


@pytest.mark.parametrize("value", [0.0, -2.5])
def test_constant_table(value: float) -> None:
    codebook = make_codebook(torch.full((50, 2), value), 4)
    assert codebook.entries.tolist() == [[value, value]]
    assert not codebook.indices.any()


def test_one_row_and_one_entry() -> None:
    row = table(1, 3)
    assert torch.equal(look_up(make_codebook(row, 16)), row)
    rows = table(100, 3)
    single = make_codebook(rows, 1)
    torch.testing.assert_close(single.entries[0], rows.mean(0))


def test_one_feature_as_scalars_are_best_quantised() -> None:
    """The four-level quantiser of a normal distribution has mean squared error 0.1175 (Max 1960)."""
    codebook = make_codebook(table(100_000, 1), 4)
    assert mean_error(table(100_000, 1), codebook) == pytest.approx(0.1175, rel=0.02)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("shift", [0.0, 300.0])
def test_rows_have_their_nearest_entries(half: bool, shift: float) -> None:
    rows = table(3000, 2) + shift
    codebook = make_codebook(rows, 40, half=half)
    assert codebook.entries.dtype == (torch.float16 if half else torch.float32)
    assert codebook.indices.dtype == torch.int32
    squares = (rows[:, None].double() - codebook.entries.double()).square().sum(2)
    chosen = squares.gather(1, codebook.indices.long()[:, None]).squeeze(1)
    assert (chosen <= squares.amin(1) + 1e-5).all()
    assert torch.equal(codebook.indices.unique(), torch.arange(len(codebook.entries)).int())
    assert torch.equal(codebook.entries.float(), codebook.entries.float().unique(dim=0))


def test_rounded_entries_that_meet_are_one() -> None:
    rows = 1 + table(500, 1) * 1e-5
    codebook = make_codebook(rows, 8, half=True)
    assert codebook.entries.tolist() == [[1.0]]


def test_more_entries_less_error() -> None:
    rows = table(4000, 2)
    errors = [mean_error(rows, make_codebook(rows, size)) for size in (1, 4, 16, 64, 256)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.02 * errors[0]


def test_entries_are_means_of_their_rows() -> None:
    """What Lloyd's iterations end at, as nearly as they are let."""
    rows = table(2000, 3)
    codebook = make_codebook(rows, 20)
    indices = codebook.indices.long()
    means = torch.stack([rows[indices == index].mean(0) for index in range(20)])
    better = (means[indices] - rows).square().sum(1).mean().item()
    assert mean_error(rows, codebook) <= 1.002 * better


def test_empty_entries_take_the_farthest_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """All entries start at one place: only those that are given rows again can serve the clusters."""
    rows = torch.cat([table(30, 2) * 0.01 + centre for centre in (0.0, 5.0, -7.0)])
    monkeypatch.setattr(_codebook, "_seeds", lambda table, size, generator: table[:1].repeat(size, 1))
    codebook = make_codebook(rows, 3)
    assert len(codebook.entries) == 3
    assert [(codebook.indices[start : start + 30].unique()).numel() for start in (0, 30, 60)] == [1, 1, 1]


def test_seeding_of_a_large_table_looks_at_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_codebook, "_LEAST_SEEN", 50)
    rows = table(4, 2).repeat(100, 1) * 10 + table(400, 2, seed=1) * 0.01
    assert mean_error(rows, make_codebook(rows, 4)) < 1e-3


def test_equal_arguments_equal_codebooks() -> None:
    rows = table(3000, 2)
    first = make_codebook(rows, 32, seed=4)
    torch.rand(3)
    again = make_codebook(rows, 32, seed=4)
    assert torch.equal(first.entries, again.entries)
    assert torch.equal(first.indices, again.indices)


def test_nearest_by_hand() -> None:
    entries = torch.tensor([[0.0], [1.0], [1.0], [4.0]])
    rows = torch.tensor([[-3.0], [0.5], [0.6], [2.6], [9.0]])
    assert nearest_entries(rows, entries).tolist() == [0, 0, 1, 3, 3]


def test_straight_through_slopes() -> None:
    rows, entries = table(6, 2).requires_grad_(), table(3, 2, seed=1).requires_grad_()
    indices = torch.tensor([2, 0, 0, 2, 2, 0]).int()
    values = straight_through(rows, entries, indices)
    assert torch.equal(values, entries[indices.long()])
    grad = table(6, 2, seed=2)
    values.backward(grad)
    assert torch.equal(rows.grad, grad)
    expected = torch.stack([grad[1] + grad[2] + grad[5], torch.zeros(2), grad[0] + grad[3] + grad[4]])
    torch.testing.assert_close(entries.grad, expected)


def test_fitting_through_a_codebook() -> None:
    """Rows find to the right entries, and entries to the right values, from wrong ones of each."""
    wanted = torch.tensor([[1.0, 1.0], [-1.0, 0.5]])[torch.arange(40) % 2]
    rows = (table(40, 2) * 0.1).requires_grad_()
    entries = torch.tensor([[0.3, 0.0], [-0.3, 0.0]], requires_grad=True)
    adam = torch.optim.Adam([rows, entries], lr=0.05)
    for _ in range(120):
        indices = nearest_entries(rows.detach(), entries.detach())
        loss = (straight_through(rows, entries, indices) - wanted).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert loss < 1e-3


def test_refusals() -> None:
    with pytest.raises(InrError, match="at least 1 entry, got 0"):
        make_codebook(table(3, 2), 0)
    with pytest.raises(InrError, match="NaN"):
        make_codebook(table(3, 2) * math.nan, 4)
    with pytest.raises(InrError, match="no values"):
        make_codebook(torch.empty(0, 2), 4)
    with pytest.raises(InrError, match="65504, the table to 1e\\+06"):
        make_codebook(torch.tensor([[1e6]]), 4, half=True)
