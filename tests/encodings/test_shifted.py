"""The shifted encoding: directions, shares and norms; and that what jumps has no derivatives."""

import math

import pytest
import torch

import inr
from inr import Field, InrError
from inr.encodings import ShiftedBasis, basis, encodings


def points(count: int, in_dim: int) -> torch.Tensor:
    return torch.rand(count, in_dim, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) * 2 - 1


def test_two_axes_and_their_diagonals():
    encoding, coords = encodings.build("shifted:features=64,width=0.05", 2), points(30, 2)
    x, y = ((coords + 1) / 2).unbind(1)
    one = basis("gaussian", 16, width=0.05)
    expected = torch.cat([one(u) for u in (x, y, (x + y) / 2, (x - y + 1) / 2)], dim=1) / 2
    torch.testing.assert_close(encoding(coords), expected)


@pytest.mark.parametrize(
    ("spec", "in_dim", "directions"), [("", 1, 1), ("", 3, 3), ("", 4, 4), ("basis=linf,", 1, 1), ("basis=linf,", 2, 2)]
)
def test_else_the_axes_alone(spec, in_dim, directions):
    encoding, coords = encodings.build(f"shifted:{spec}features=48", in_dim), points(30, in_dim)
    assert len(encoding.bases) == directions
    blocks = encoding(coords).chunk(directions, dim=1)
    for axis, (made, block) in enumerate(zip(encoding.bases, blocks, strict=True)):
        torch.testing.assert_close(block, made((coords[:, axis] + 1) / 2) / math.sqrt(directions))


def test_pictures_get_the_published_widths():
    assert ShiftedBasis(2).config()["width"] == pytest.approx(0.006)
    assert ShiftedBasis(2).out_dim == 512
    assert ShiftedBasis(3).out_dim == 192
    assert ShiftedBasis(2, basis="triangle").config()["width"] == pytest.approx(2.5 / 128)
    # as many spacings where there are fewer centres
    assert ShiftedBasis(3).config()["width"] == pytest.approx(0.012)


def test_random_ones_are_drawn_for_every_direction():
    torch.manual_seed(0)
    first, second = ShiftedBasis(2, basis="rff").bases
    assert not torch.equal(first.frequencies, second.frequencies)


@pytest.mark.parametrize("kind", ["gaussian", "triangle", "square", "sine", "impulse", "noise", "rff", "linf", "logf"])
def test_no_row_is_longer_than_one(kind):
    torch.manual_seed(0)
    norms = ShiftedBasis(2, basis=kind)(points(4000, 2)).norm(dim=1)
    assert 0.9 < norms.max() <= 1 + 1e-5


@pytest.mark.parametrize("kind", ["square", "impulse", "noise"])
def test_what_jumps_is_refused_derivatives(kind):
    torch.manual_seed(0)
    signal = inr.Signal.from_array(torch.rand(6, 5).numpy(), kind="image")
    field = Field.build(signal.domain, encoding=f"shifted:basis={kind},features=16", network="mlp:depth=1,width=8")
    for derivative in (field.gradient, field.jacobian, field.laplacian):
        with pytest.raises(InrError, match="'shifted'"):
            derivative(torch.zeros(3, 2))
    assert field(torch.zeros(3, 2)).isfinite().all()
