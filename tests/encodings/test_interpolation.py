"""What lies between vertices: polynomials whose derivatives meet at the borders of cells."""

import pytest
import torch

from inr.encodings import encodings
from inr.encodings._interpolation import SMOOTHNESS, upper_weight
from inr.field import Reads, jet
from tests.tables import mostly_long

_NEAR = 1e-9
# of one level or resolution, with vertices at places that `_border` knows
_ENCODINGS = {
    "dense": "dense:levels=1,finest=5,features=3",
    "hash": "hash:levels=1,finest=5,features=3,log2_size=3",
    "triplane": "triplane:features=3,resolution=5",
    "kplanes": "kplanes:features=3,resolution=5,scales=1",
    "cp": "cp:rank=3,resolution=5",
    "vm": "vm:rank=3,resolution=5",
}


def _weights(smoothness: int) -> list[torch.Tensor]:
    """The weight and its derivatives to third order, at 101 places."""
    place = torch.linspace(0, 1, 101, dtype=torch.float64, requires_grad=True)
    found = [upper_weight(place, smoothness)]
    for _ in range(3):
        last = found[-1]
        found.append(torch.autograd.grad(last.sum(), place, create_graph=True)[0] if last.requires_grad else 0 * last)
    return [each.detach() for each in found]


@pytest.mark.parametrize("smoothness", [0, 1, 2])
def test_weights_go_from_0_to_1_and_are_symmetric(smoothness):
    weight, slope, *_ = _weights(smoothness)
    assert (weight[0], weight[-1]) == (0, 1)
    assert (slope >= 0).all()
    torch.testing.assert_close(weight + weight.flip(0), torch.ones_like(weight))


@pytest.mark.parametrize(("smoothness", "last"), [(1, 6.0), (2, 60.0)])
def test_the_derivatives_up_to_the_smoothness_end_at_0_and_the_next_does_not(smoothness, last):
    _, *derivatives = _weights(smoothness)
    for derivative in derivatives[:smoothness]:
        assert derivative[[0, -1]].abs().max() < 1e-12
    assert derivatives[smoothness][[0, -1]].abs().tolist() == pytest.approx([last, last])


def _border(name: str) -> float:
    """A border of cells on every axis."""
    return 2 * (2 - 0.5) / 4 - 1 if name in ("dense", "hash") else -0.5  # the second vertex of five


def _beside(name: str, interpolation: str, in_dim: int, side: int) -> list[torch.Tensor]:
    """Values, first and second derivatives a little beside a border of all axes but the last."""
    torch.manual_seed(0)
    encoding = encodings.build(f"{_ENCODINGS[name]},interpolation={interpolation}", in_dim).double()
    for parameter in encoding.parameters():
        torch.nn.init.normal_(parameter)
    place = torch.full((1, in_dim), _border(name), dtype=torch.float64)
    place[0, -1] = 0.123
    place[0, :-1] += side * _NEAR
    pairs = [(i, j) for i in range(in_dim) for j in range(i + 1)]
    one = torch.eye(in_dim, dtype=torch.float64)
    second = tuple(
        tuple(map(tuple, (torch.outer(one[i], one[j]) + torch.outer(one[j], one[i])).tolist())) for i, j in pairs
    )
    return [each.detach() for each in jet(encoding, place, Reads(tuple(range(in_dim)), second))]


@pytest.mark.parametrize("in_dim", mostly_long([2, 3]))
@pytest.mark.parametrize("name", _ENCODINGS)
def test_as_many_derivatives_as_promised_agree_from_both_sides_of_a_border(name, in_dim):
    for interpolation, smoothness in SMOOTHNESS.items():
        below, above = (_beside(name, interpolation, in_dim, side) for side in (-1, 1))
        for order, (left, right) in enumerate(zip(below, above, strict=True)):
            jump = float((left - right).abs().max())
            assert jump < 1e-5 if order <= smoothness else jump > 1e-2
