"""Derivatives on the engine cpu beside eager in float64: jets, their gradients, and steps of losses that read them."""

import copy

import numpy as np
import pytest
import torch

import inr
from inr.activations import activations
from inr.engines import Batch, DerivativePlan, PointSet, Term
from inr.engines import plan as choose
from inr.engines._cpu import _ways
from inr.field import Field, Jet, Reads, laplace
from tests.engines.cpu.test_plan import REFUSED
from tests.engines.losses import assert_close
from tests.tables import mostly_long

ENGINE = "cpu:threads=2,tile=24,backward=float32"
TILE = 24
MIXED = {2: ((0.0, 0.5), (0.5, 0.3)), 3: ((0.0, 0.0, 0.2), (0.0, 1.0, 0.0), (0.2, 0.0, -0.4))}
BATCH = Batch(torch.arange(1))


def built(in_dim, channels=1, width=20, depth=2, encoding="identity", **parts):
    torch.manual_seed(0)
    samples = np.zeros((*[3] * in_dim, channels), np.float32)
    domain = inr.Signal.from_array(samples, kind="volume", channels_last=True).domain
    field = Field.build(domain, encoding=encoding, network=f"mlp:depth={depth},width={width}", **parts)
    for name, parameter in field.network.named_parameters():  # every derivative is to count
        torch.nn.init.uniform_(parameter, -0.3, 0.3) if "bias" in name else None
    return field


def points(count, in_dim, seed=0):
    return torch.rand(count, in_dim, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def doubled(tensors):
    return type(tensors)(*(each.double() for each in tensors))


def compare(field, reads, count, engine=ENGINE):
    """Assert that jets and gradients by them are those of eager in float64."""
    _, ready = choose(field, None, engine)
    _, eager = choose(field, None, "eager")
    assert isinstance(ready, DerivativePlan)
    twin = copy.deepcopy(field).double()
    _, exact = choose(twin, None, "eager")
    coords = points(count, field.domain.in_dim)
    tensors, precise = dict(field.named_parameters()), dict(twin.named_parameters())
    jets = [
        ready.jet(tensors, coords, reads), eager.jet(tensors, coords, reads), exact.jet(precise, coords.double(), reads)
    ]  # fmt: skip
    assert not ready.notes
    for each in zip(*jets, strict=True):
        if each[0].numel():
            assert_close(*each)
    draw = torch.Generator().manual_seed(1)
    adjoint = Jet(*(torch.randn(each.shape, generator=draw) for each in jets[0]))
    pulled = [
        ready.pull(tensors, coords, adjoint, reads), eager.pull(tensors, coords, adjoint, reads),
        exact.pull(precise, coords.double(), doubled(adjoint), reads),
    ]  # fmt: skip
    for name, gradient in pulled[2].items():
        assert_close(pulled[0][name], pulled[1][name], gradient)


SECOND = Reads((0, 2), (laplace(3), MIXED[3]))  # the plane of axis 1 is not read
FIRST = Reads((0, 1, 2))


@pytest.mark.parametrize("count", mostly_long([TILE + 1, 1, 7, 131], 2))
@pytest.mark.parametrize(
    "reads", [SECOND, FIRST, pytest.param(Reads(), marks=pytest.mark.long)], ids=["second", "first", "values"]
)
def test_of_any_number_of_points(reads, count):
    compare(built(3, activation="sine:omega=4"), reads, count)


@pytest.mark.parametrize(
    ("reads", "channels", "width", "depth"),
    # the way in reverse is compiled for every number of channels
    mostly_long([(SECOND, 2, 16, 1), (FIRST, 1, 33, 3), (FIRST, 2, 16, 1), (SECOND, 1, 33, 3), (SECOND, 5, 7, 2)], 2),
)
def test_of_any_shape(reads, channels, width, depth):
    compare(built(3, channels, width, depth, activation="sine:omega=4"), reads, 50)


@pytest.mark.parametrize("reads", [SECOND, FIRST], ids=["second", "first"])
def test_programs_of_several_blocks_and_fourier_features(reads, monkeypatch):
    monkeypatch.setattr(_ways, "MAX_FEATURE_BYTES", 1)
    encoding = "fourier:frequencies=9,sigma=0.5"
    compare(built(3, encoding=encoding, activation="sine:omega=4"), reads, 5 * TILE + 3)


@pytest.mark.parametrize("reads", [Reads((1,), (laplace(2), MIXED[2])), Reads((0, 1))], ids=["second", "first"])
@pytest.mark.long
def test_complex_networks(reads):
    compare(built(2, 1, activation="gabor:omega=2,scale=2"), reads, 50)


SMOOTH = [name for name in activations.names() if activations.build(name).smoothness >= 1 and name not in REFUSED]


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "in_dim"), [*((name, 2) for name in SMOOTH), *((name, d) for name in ("gabor", "sine") for d in (1, 3, 4))]
)
def test_every_activation(name, in_dim):
    field = built(in_dim, 2 if in_dim == 2 else 1, activation=name)
    axes = tuple(range(in_dim))
    compare(field, Reads(axes), 50)
    compare(field, Reads(axes[:1]), 50)
    if activations.build(name).smoothness >= 2:
        compare(field, Reads(axes[:1], (laplace(in_dim),)), 50)


def eikonal(ops, at):
    norm = ops.root(sum(each * each for each in at.first[0]))
    return ops.abs(at.values[0]) + at.data["share"] * (norm - 1) ** 2 * at.coords[2]


def helmholtz(ops, at):
    return (at.second[0][0] + at.numbers["k"] * at.values[0]) ** 2 + abs(at.second[0][1])


def logarithmic(ops, at):
    return torch.log1p((at.numbers["k"] * at.first[0][0]) ** 2)


TERMS = (
    Term("eikonal", FIRST, eikonal, ("share",), weight=3.0),
    Term("helmholtz", SECOND, helmholtz, numbers=("k",), weight=0.01),
    Term("values", Reads(), lambda ops, at: ops.exp(-(at.values[0] ** 2))),
)
ODD = Term("odd", FIRST, logarithmic, numbers=("k",), weight=2.0)


class Terms:
    """Terms over points of their own, some of them with importance; the last one has none."""

    derivative_order = 2

    def __init__(self, terms, dtype=torch.float32, counts=(61, 50, 31, 40)):
        self.terms, self.dtype, self.counts = terms, dtype, counts

    def points(self, batch):
        sets = []
        for index, (term, count) in enumerate(zip(self.terms, self.counts, strict=False)):
            coords = points(count, 3, seed=index)
            data = points(count, len(term.columns), seed=9)
            importance = points(count, 1, seed=5)[:, 0].abs() if index == 0 else None
            sets.append(
                PointSet(*(each if each is None else each.to(self.dtype) for each in (coords, data, importance)))
            )
        return sets


def with_number(field):
    dtype = next(field.parameters()).dtype
    return dict(field.named_parameters()) | {"numbers.k": torch.tensor(0.7, dtype=dtype, requires_grad=True)}


def compare_step(field, terms, engine=ENGINE, **options):
    """Assert that a step is that of eager in float64; the plan and the step."""
    name, ready = choose(field, Terms(terms, **options), engine)
    assert name == engine.partition(":")[0] or engine == "auto"
    twin = copy.deepcopy(field).double()
    found = ready.loss_and_grad(with_number(field), BATCH)
    eager = choose(field, Terms(terms, **options), "eager")[1].loss_and_grad(with_number(field), BATCH)
    exact_plan = choose(twin, Terms(terms, torch.float64, **options), "eager")[1]
    exact = exact_plan.loss_and_grad(with_number(twin), BATCH)
    assert found.loss.item() == pytest.approx(exact.loss.item(), rel=3e-5)
    assert found.squared == pytest.approx(found.loss.item())
    assert torch.equal(found.coords, eager.coords)
    assert_close(found.residuals, eager.residuals, exact.residuals)
    assert found.grads.keys() == exact.grads.keys()
    for name, gradient in exact.grads.items():
        assert_close(found.grads[name], eager.grads[name], gradient)
    return ready, found


# values alone take a way of their own through the network, which is compiled for some seconds
every_terms = pytest.mark.parametrize(
    "terms", [TERMS[:2], pytest.param(TERMS, marks=pytest.mark.long)], ids=["derivatives", "values"]
)


@every_terms
def test_steps_of_terms(terms):
    ready, _ = compare_step(built(3, activation="sine:omega=4"), terms)
    assert ready.notes == ()


@every_terms
def test_auto_takes_it_and_a_formula_without_code_takes_two_passes(terms):
    ready, _ = compare_step(built(3, activation="sine:omega=4"), (*terms, ODD), engine="auto")
    assert any("odd" in note for note in ready.notes)


def test_sets_may_be_empty():
    compare_step(built(3, activation="sine:omega=4"), TERMS[:2], counts=(0, 50))
    _, ready = choose(built(3, activation="sine:omega=4"), Terms(TERMS[:2], counts=(0, 0)), ENGINE)
    with pytest.raises(inr.InrError, match="at least one sample"):
        ready.loss_and_grad(with_number(built(3, activation="sine:omega=4")), BATCH)


def test_steps_are_the_same_bits_again_and_gradients_do_not_add_up():
    field = built(3, activation="sine:omega=4")
    _, ready = choose(field, Terms(TERMS[:2]), ENGINE)
    steps = []
    for _ in range(3):
        step = ready.loss_and_grad(with_number(field), BATCH)
        steps.append((step.loss, {name: grad.clone() for name, grad in step.grads.items()}))
    for loss, grads in steps[1:]:
        assert torch.equal(loss, steps[0][0])
        assert all(torch.equal(grad, steps[0][1][name]) for name, grad in grads.items())


class Total:
    """A loss of all points at once."""

    derivative_order = 1
    reads = FIRST

    def coords(self, batch):
        return points(70, 3)

    def total(self, jet, batch):
        return jet.values.mean() ** 2 + (jet.first.mean(0) - 1).square().sum()


def test_losses_of_many_points_take_two_passes():
    field = built(3, activation="sine:omega=4")
    tensors = dict(field.named_parameters())
    name, ready = choose(field, Total())
    assert name == "cpu"
    found = ready.loss_and_grad(tensors, BATCH)
    exact = choose(field, Total(), "eager")[1].loss_and_grad(tensors, BATCH)
    assert found.loss.item() == pytest.approx(exact.loss.item(), rel=1e-5)
    for name, gradient in exact.grads.items():
        assert_close(found.grads[name], gradient, gradient)


@pytest.mark.parametrize(
    ("parts", "terms", "reason"),
    [
        ({"activation": "relu"}, TERMS[:1], "'silu' has them"),
        ({"activation": "finer"}, TERMS[1:2], "'sine' has them"),
        ({"activation": "sine", "encoding": "sape"}, TERMS[:1], "sape"),
    ],
)
def test_what_it_has_no_kernels_for_is_refused_in_words(parts, terms, reason):
    field = built(3, **parts)
    with pytest.raises(inr.InrError, match=reason):
        choose(field, Terms(terms), ENGINE)
    name, ready = choose(field, Terms(terms))
    assert name == "eager"
    assert any(reason in note for note in ready.notes)


def test_derivatives_without_kernels_run_on_eager_and_are_noted_once():
    field = built(3, activation="finer")
    _, ready = choose(field, None, ENGINE)
    _, eager = choose(field, None, "eager")
    tensors, coords = dict(field.named_parameters()), points(9, 3)
    for _ in range(2):
        found, expected = (each.jet(tensors, coords, SECOND) for each in (ready, eager))
        assert all(map(torch.equal, found, expected))
    assert len(ready.notes) == 1
