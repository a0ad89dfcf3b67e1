"""The field as a function in own units: closed forms, finite differences, the chain rule, points outside."""

import math

import numpy as np
import pytest
import torch

import inr
from inr import Field, InrError
from inr.signals import Axis, Domain, ValueMap

pytestmark = pytest.mark.quick

# seconds and degrees, far from [-1, 1]
DOMAIN = Domain(
    "volume", (Axis("x", 8, "degree", -20.0, 60.0), Axis("t", 5, "s", 100.0, 100.5)), 2, ValueMap((200.0,), (300.0,))
)


def one_sine() -> tuple[Field, float, np.ndarray, np.ndarray, np.ndarray]:
    """A field sin(ω (Wx + b)) mixed by V, in float64, and its numbers."""
    torch.manual_seed(3)
    field = Field.build(DOMAIN, activation="sine:omega=3", network="mlp:depth=1,width=6").double()
    first, last = field.network.layers
    weight, bias, mix = (each.detach().numpy() for each in (first.weight, first.bias, last.weight))
    return field, 3.0, weight, bias, mix


def closed_form(points: np.ndarray, nu: tuple[int, int]) -> np.ndarray:
    """The derivative of `one_sine` by x and t, in own units."""
    field, omega, weight, bias, mix = one_sine()
    coords = np.stack([(points[:, 0] - 20) / 40, (points[:, 1] - 100.25) / 0.25], axis=1)
    order = sum(nu)
    waves = np.sin(omega * (coords @ weight.T + bias) + order * math.pi / 2)
    factors = (omega * weight[:, 0] / 40) ** nu[0] * (omega * weight[:, 1] / 0.25) ** nu[1]
    values = (waves * factors) @ mix.T
    return 50 * values + (0 if order else 250 + 50 * field.network.layers[1].bias.detach().numpy())


POINTS = np.array([[-20.0, 100.0], [3.5, 100.31], [59.0, 100.5]])


@pytest.mark.parametrize("nu", [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (1, 2), (3, 1)])
def test_derivatives_have_their_closed_form_in_own_units(nu):
    found = one_sine()[0].at(POINTS, nu)
    assert found.dtype == np.float64
    assert found.shape == (3, 2)
    np.testing.assert_allclose(found, closed_form(POINTS, nu), rtol=1e-9, atol=1e-9)


def test_derivatives_are_the_limits_of_differences():
    field = Field.build(
        DOMAIN, encoding="fourier:frequencies=5,sigma=1", activation="gaussian", network="mlp:depth=2,width=7"
    ).double()
    middle, steps = np.array([[10.0, 100.2]]), (1e-3, 1e-5)
    for axis, step in enumerate(steps):
        shift = step * np.eye(2)[axis]
        difference = (field.at(middle + shift) - field.at(middle - shift)) / (2 * step)
        np.testing.assert_allclose(field.at(middle, tuple(np.eye(2, dtype=int)[axis])), difference, rtol=1e-5)


def test_values_are_those_that_are_rendered():
    signal = inr.from_array(np.random.default_rng(0).integers(0, 255, (6, 9, 3), dtype=np.uint8))
    field = Field.build(signal.domain.resampled((6, 9)), network="mlp:depth=2,width=8")
    grid = field.grid(np.arange(9) + 0.5, np.arange(6) + 0.5)
    assert grid.dtype == np.float32
    points = torch.from_numpy(np.stack(np.meshgrid(np.arange(9) + 0.5, np.arange(6) + 0.5), axis=-1))
    np.testing.assert_allclose(grid, field.at(points).detach().numpy(), rtol=1e-6)
    coords = torch.tensor([[-1 + 1 / 9, -1 + 1 / 6]])
    np.testing.assert_allclose(grid[0, 0], field.in_units(field(coords)).detach().numpy()[0], rtol=1e-5)
    np.testing.assert_allclose(field.at((0.5, [0.5, 1.5])), grid[:2, 0], rtol=1e-6)


def test_tensors_come_back_as_tensors_with_their_graph():
    field = one_sine()[0]
    points = torch.from_numpy(POINTS).requires_grad_(True)
    (gradient,) = torch.autograd.grad(field.at(points)[:, 0].sum(), points)
    np.testing.assert_allclose(gradient[:, 1].numpy(), closed_form(POINTS, (0, 1))[:, 0], rtol=1e-9)


def test_points_of_one_axis_need_no_column():
    domain = Domain("audio", (Axis("t", 40, "s", 0.0, 0.005),), 1, ValueMap((-1.0,), (1.0,)))
    field = Field.build(domain, network="mlp:depth=1,width=4")
    seconds = np.linspace(0, 0.005, 7)
    np.testing.assert_array_equal(field.at(seconds), field.at(seconds[:, None]))
    assert field.grid(seconds, nu=1).shape == (7, 1)


def test_points_outside_are_refused_or_treated_as_asked():
    field = one_sine()[0]
    points = np.array([[0.0, 100.1], [61.0, 100.1], [math.nan, 100.1]])
    with pytest.raises(InrError, match=r"x = 61 lies outside of the domain, -20 to 60 degree"):
        field.at(points)
    found = field.at(points, outside="nan")
    np.testing.assert_array_equal(np.isnan(found).all(axis=1), [False, True, True])
    np.testing.assert_allclose(field.at(points[:2], outside="extrapolate"), closed_form(points[:2], (0, 0)))
    with pytest.raises(InrError, match="outside is error, nan or extrapolate"):
        field.at(points, outside="clamp")


@pytest.mark.parametrize(
    ("points", "nu", "words"),
    [
        (np.zeros((4, 3)), None, r"points must have shape \(…, 2\), columns x, t"),
        ("here", None, "array of numbers"),
        (POINTS, (1,), "nu must be 2 whole numbers"),
        (POINTS, (-1, 0), "nu must be 2 whole numbers"),
    ],
)
def test_what_is_no_point_is_refused(points, nu, words):
    with pytest.raises(InrError, match=words):
        one_sine()[0].at(points, nu)


def test_a_field_with_kinks_has_one_derivative():
    field = Field.build(DOMAIN, activation="relu", network="mlp:depth=1,width=6")
    assert field.at(POINTS, (1, 0)).shape == (3, 2)
    with pytest.raises(InrError, match="order 2 needs a smoother field: 'relu'"):
        field.at(POINTS, (1, 1))
    with pytest.raises(InrError, match="one row of positions for each axis: xs, ts"):
        field.grid([1.0])


@pytest.mark.parametrize(
    ("interpolation", "orders", "lacks"),
    [
        ("linear", 1, "no second derivatives"), ("smoothstep", 1, "second derivatives that jump"),
        ("quintic", 2, "third derivatives that jump"),
    ],
)  # fmt: skip
def test_derivatives_of_grids_that_jump_are_refused_from_second_order_on(interpolation, orders, lacks):
    encoding = f"dense:levels=1,coarsest=2,finest=2,interpolation={interpolation}"
    field = Field.build(DOMAIN, encoding=encoding, activation="sine", network="mlp:depth=1,width=6")
    for order in range(orders + 1):
        assert field.at(POINTS, (order, 0)).shape == (3, 2)
    with pytest.raises(InrError, match=f"'dense' has {lacks}"):
        field.at(POINTS, (orders + 1, 0))


def test_an_array_of_a_field_is_what_it_renders():
    field = Field.build(DOMAIN, network="mlp:depth=1,width=6")
    np.testing.assert_array_equal(np.asarray(field), field.render())
    assert np.asarray(field, dtype=np.float64).dtype == np.float64


AFFINE = [[-1.9, 0.3, 0.1, 90.0], [0.2, 2.1, -0.4, -126.0], [0.0, 0.5, 2.4, -72.0], [0.0, 0.0, 0.0, 1.0]]


def scanned() -> Field:
    axes = tuple(Axis(name, size, "mm", 0.0, 2.0 * size) for name, size in zip("xyz", (9, 7, 5), strict=True))
    domain = Domain("volume", axes, 1, ValueMap((0.0,), (80.0,)), meta={"affine": AFFINE})
    torch.manual_seed(1)
    return Field.build(domain, activation="sine:omega=3", network="mlp:depth=1,width=6").double()


def test_positions_in_a_scanner_are_those_of_its_affine_map():
    field = scanned()
    voxels = np.array([[0.0, 0.0, 0.0], [8.0, 6.0, 4.0], [3.25, 2.0, 1.5]])
    scanner = voxels @ np.array(AFFINE)[:3, :3].T + np.array(AFFINE)[:3, 3]
    np.testing.assert_allclose(field.at(scanner, space="scanner"), field.at(2 * (voxels + 0.5)), rtol=1e-9)
    middle = scanner[2:]
    for axis in range(3):
        shift = 1e-4 * np.eye(3)[axis]
        ends = [field.at(middle + sign * shift, space="scanner") for sign in (1, -1)]
        slope = field.at(middle, tuple(np.eye(3, dtype=int)[axis]), space="scanner")
        np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-4, rtol=1e-6)


def test_what_a_scanner_is_not_known_for_is_refused():
    with pytest.raises(InrError, match="NIfTI"):
        one_sine()[0].at(POINTS, space="scanner")
    with pytest.raises(InrError, match="first order"):
        scanned().at(np.zeros((1, 3)), (2, 0, 0), space="scanner")
    with pytest.raises(InrError, match="axes or scanner"):
        scanned().at(np.zeros((1, 3)), space="world")
    with pytest.raises(InrError, match="lies outside"):
        scanned().at(np.full((1, 3), 500.0), space="scanner")
