"""Steps of losses of derivatives, on grids, on the engine `cpu`, beside eager in float64."""

import copy

import numpy as np
import pytest
import torch

import inr
from inr.engines import Batch, PointSet, RowSparse, Term, plan
from inr.field import Field, Jet, Reads, laplace

# of the largest number; or some times as far from float64 as eager in float32 is
_BOUND, _TIMES = 3e-5, 8
_HASH = "hash:levels=3,coarsest=2,finest=12,log2_size=5,interpolation={}"
_DENSE = "dense:levels=2,coarsest=2,finest=5,features=3,interpolation={}"
_SHORT = "hash:levels=3,coarsest=3,finest=20,log2_size=6,last_finest=6,interpolation={}"


def _field(encoding: str, in_dim: int, channels: int = 1, network: str = "mlp:depth=2,width=24") -> Field:
    torch.manual_seed(1)
    shape = (3,) * in_dim
    domain = inr.Signal.from_array(np.zeros((*shape, channels), np.float32), kind="volume", channels_last=True).domain
    field = Field.build(domain, encoding=encoding, activation="sine:omega=2", network=network)
    torch.nn.init.normal_(field.encoding.table, std=0.3)
    return field


class _Loss:
    """Gradients of length 1, and values, or Laplacians, that are given."""

    derivative_order = 2

    def __init__(self, in_dim: int, order: int, dtype: torch.dtype, count: int = 71, *, apart: bool = True) -> None:
        every = Reads(tuple(range(in_dim)))
        draw = torch.Generator().manual_seed(2)
        self._coords = (torch.rand(2 * count, in_dim, generator=draw) * 2.2 - 1.1).to(dtype)
        self._data = torch.rand(count, 1, generator=draw).to(dtype)
        self._count = count
        alone = Reads() if apart else every  # values by a way of their own
        self.terms = [Term("eikonal", every, _eikonal, weight=0.3), Term("values", alone, _squared, ("target",))]
        if order == 2:
            self.terms[1] = Term("laplacian", Reads((0,), (laplace(in_dim),)), _poisson, ("target",), weight=0.01)

    def points(self, batch: Batch) -> list[PointSet]:
        first, second = self._coords[: self._count], self._coords[self._count :]
        return [PointSet(first, first[:, :0], self._data[:, 0] + 0.5), PointSet(second, self._data)]


def _eikonal(ops, at):
    return (sum(slope * slope for channel in at.first for slope in channel) - 1) ** 2


def _squared(ops, at):
    return (at.values[0] - at.data["target"]) ** 2


def _poisson(ops, at):
    return (at.second[0][0] - at.data["target"]) ** 2 + at.values[0] * at.first[0][0]


def _dense(grad: torch.Tensor | RowSparse) -> torch.Tensor:
    return grad.to_dense() if isinstance(grad, RowSparse) else grad


def _assert_close(found: torch.Tensor, single: torch.Tensor, exact: torch.Tensor) -> None:
    assert found.shape == exact.shape
    allowed = max(_BOUND * float(exact.abs().max()), _TIMES * float((single - exact).abs().max()))
    assert float((found - exact).abs().max()) <= allowed + 1e-9


def _check_step(field: Field, order: int, count: int = 71, *, apart: bool = True) -> None:
    in_dim = field.domain.in_dim

    def loss(dtype: torch.dtype) -> _Loss:
        return _Loss(in_dim, order, dtype, count, apart=apart)

    name, ready = plan(field, loss(torch.float32), "cpu")
    assert name == "cpu"
    assert ready.notes == ()
    tensors, batch = dict(field.named_parameters()), Batch(torch.arange(1))
    twin = copy.deepcopy(field).double()
    found = ready.loss_and_grad(tensors, batch)
    single = plan(field, loss(torch.float32), "eager")[1].loss_and_grad(tensors, batch)
    _, reference = plan(twin, loss(torch.float64), "eager")
    exact = reference.loss_and_grad(dict(twin.named_parameters()), batch)
    assert isinstance(found.grads["encoding.table"], RowSparse)
    _assert_close(found.residuals, single.residuals, exact.residuals)
    _assert_close(found.loss, single.loss, exact.loss)
    for name, grad in exact.grads.items():
        _assert_close(_dense(found.grads[name]), single.grads[name], grad)


@pytest.mark.parametrize("count", [13, 71])
def test_first_derivatives_in_reverse(count):
    _check_step(_field(_HASH.format("smoothstep"), 3), 1, count, apart=False)


@pytest.mark.long
@pytest.mark.parametrize(
    ("encoding", "in_dim", "order"),
    # second derivatives of grids, and those of networks, have default tests of their own
    [
        *((_HASH, 3, 1), (_HASH, 2, 2), (_DENSE, 3, 2), (_HASH, 1, 2), (_HASH, 2, 1), (_HASH, 3, 2)),
        *((_DENSE, 2, 1), (_DENSE, 3, 1), (_DENSE, 2, 2), (_SHORT, 2, 2), (_HASH, 4, 1), (_HASH, 4, 2)),
    ],
)
def test_steps_are_the_eager_ones(encoding, in_dim, order):
    _check_step(_field(encoding.format({1: "smoothstep", 2: "quintic"}[order]), in_dim), order)


@pytest.mark.long
@pytest.mark.parametrize("channels", [1, 3])  # in reverse, and on planes
@pytest.mark.parametrize("count", [13, 1, 1031])
def test_any_number_of_points_and_channels(channels, count):
    _check_step(_field(_HASH.format("smoothstep"), 3, channels), 1, count)


@pytest.mark.parametrize(("order", "interpolation"), [(1, "smoothstep"), (2, "quintic")])
@pytest.mark.long
def test_jets_and_their_gradients_are_the_eager_ones(order, interpolation):
    field, twin = (_field(_HASH.format(interpolation), 2, 2) for _ in range(2))
    twin = twin.double()
    reads = Reads((1,)) if order == 1 else Reads((0,), (laplace(2), ((0.0, 0.5), (0.5, 0.0))))
    coords = torch.rand(77, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    (_, ready), (_, eager), (_, exact) = plan(field, None, "cpu"), plan(field, None, "eager"), plan(twin, None, "eager")
    weights, doubles = dict(field.named_parameters()), dict(twin.named_parameters())
    jets = (
        ready.jet(weights, coords, reads),
        eager.jet(weights, coords, reads),
        exact.jet(doubles, coords.double(), reads),
    )
    for part in zip(*jets, strict=True):
        if part[0].numel():
            _assert_close(*part)
    adjoint = Jet(*(torch.randn(each.shape, generator=torch.Generator().manual_seed(1)) for each in jets[0]))
    found = ready.pull(weights, coords, adjoint, reads)
    single = eager.pull(weights, coords, adjoint, reads)
    doubled = exact.pull(doubles, coords.double(), Jet(*(each.double() for each in adjoint)), reads)
    for name, grad in doubled.items():
        _assert_close(_dense(found[name]), single[name], grad)
    assert ready.notes == ()


@pytest.mark.parametrize(
    ("encoding", "order", "told"),
    [
        (_HASH.format("linear"), 1, "encoding 'hash' has kinks; interpolation=smoothstep has gradients"),
        (_HASH.format("linear"), 2, "encoding 'hash' has kinks; .* quintic Laplacians"),
        (_DENSE.format("smoothstep"), 2, "encoding 'dense' has second .* jump; interpolation=quintic has Laplacians"),
        ("vm:rank=2,resolution=4", 1, "encoding 'vm' runs on eager: there is no kernel for it"),
    ],
)
def test_a_loss_of_derivatives_that_the_interpolation_lacks_is_refused_with_what_has_them(encoding, order, told):
    domain = inr.Signal.from_array(np.zeros((3, 3, 1), np.float32), kind="volume", channels_last=True).domain
    field = Field.build(domain, encoding=encoding, activation="sine", network="mlp:depth=1,width=8")
    with pytest.raises(inr.InrError, match=told):
        plan(field, _Loss(2, order, torch.float32), "cpu")
