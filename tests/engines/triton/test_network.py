"""The network's kernels beside eager PyTorch in float64: values, losses, residuals and all gradients."""

import itertools

import pytest
import torch

from inr.activations import activations
from inr.engines._triton import _network
from inr.engines._triton._network import Runner, Waves, _Parts
from inr.networks import networks
from tests.tables import mostly_long

# one formula and one number of planes each; test_maths.py has the others
ACTIVATIONS = ("finer", "finer-gabor", "gabor", "gaussian", "linear", "relu", "silu", "sine")
WIDTHS = (16, 24, 64, 181, 256)

# Distances relative to the exact numbers, of values and of gradients. float32: sums of some hundred products in another
# order, and three layers of them. float16: operands have 11 bits, and every gradient passes through some ten roundings,
# that mostly cancel; a rounding of a phase of gabor's counts omega times.
BOUNDS = {"float32": (2e-6, 1e-5), "tf32": (6e-3, 1e-2), "float16": (6e-3, 1e-2)}
# A unit of relu within rounding of its kink may be counted on either side: where a share p of them is, the distance is
# sqrt(p). p is about the rounding of its input: 1e-7 and 1e-3.
KINKS = {"float32": 2e-3, "tf32": 4e-2, "float16": 4e-2}
# Deep networks of wavelets magnify roundings, eager's as well: where its own distance, in float32, times this is more
# than the bounds above, it is what counts. Roundings of 11 bits are 2^13 times as large as those of 24.
TIMES = {"float32": 8, "tf32": 2 * 2**13, "float16": 2 * 2**13}
SCALE = {"float32": 1.0, "tf32": 1.0, "float16": 16.0, "bfloat16": 1.0}


class Case:
    """A network with inputs, what kernels make of it, and what float64 does."""

    def __init__(
        self, activation, width, depth, points, device, *, dim=2, values=3, precision="float32", waves=0, bias=True,
        importance=None, memory=2**28,
    ):  # fmt: skip
        torch.manual_seed(0)
        self.points, self.values, self.precision, self.device = points, values, precision, device
        spec = f"mlp:depth={depth},width={width},bias={str(bias).lower()}"
        self.network = networks.build(spec, 2 * waves or dim, values, activations.build(activation))
        self.x = torch.rand(points, dim) * 2 - 1
        self.targets = torch.randn(points, values) * 0.3
        self.importance = None if importance is None else torch.rand(*importance) + 0.5
        self.waves = Waves(torch.randn(dim, waves) * 3, torch.randn(waves)) if waves else None
        self.runner = Runner(self.network, self.waves, precision, torch.device(device), memory)
        self.runner.weights.load(
            {f"network.{name}": parameter.to(device) for name, parameter in self.network.named_parameters()}
        )

    def learn(self, **options):
        importance = None if self.importance is None else self.importance.to(self.device)
        scale = SCALE[self.precision]
        given = {
            "task": "fit", "scale": scale, "factor": 1 / (scale * max(self.targets.numel(), 1)),
            "of_features": self.waves is None,
        } | options  # fmt: skip
        return self.runner.learn(self.x.to(self.device), self.targets.to(self.device), importance, **given)

    def exact(self, dtype=torch.float64):
        """Values, loss, and gradients of parameters by name and of the inputs, by eager PyTorch."""
        network = type(self.network)(
            self.network.in_dim, self.values, self.network.activation,
            depth=self.network.depth, width=self.network.width, bias=self.network.layers[0].bias is not None,
        ).to(dtype)  # fmt: skip
        network.load_state_dict(self.network.state_dict())
        x = self.x.to(dtype).requires_grad_()
        features = x
        if self.waves is not None:
            phases = x @ self.waves.slopes.to(dtype) + self.waves.shifts.to(dtype)
            features = torch.cat((phases.sin(), phases.cos()), dim=1)
        values = network(features)
        squares = (values - self.targets.to(dtype)).square()
        if self.importance is not None:
            squares = squares * self.importance.to(dtype)
        loss = squares.mean()
        loss.backward()
        return values.detach(), loss.detach(), {n: p.grad for n, p in network.named_parameters()}, x.grad

    def check(self):
        bound, slope_bound = BOUNDS[self.precision]
        slope_bound += KINKS[self.precision] if self.network.activation.smoothness < 1 else 0
        values, loss, grads, of_x = self.exact()
        eager, eager_loss, eager_grads, eager_of_x = self.exact(torch.float32)

        def close(found, exact, eager, least):
            distance = float((eager - exact).norm() / exact.norm())
            self.close(found, exact, max(least, TIMES[self.precision] * distance))

        close(self.runner.values(self.x.to(self.device)), values, eager, bound)
        learned = self.learn()
        close(learned.residuals, values - self.targets.double(), eager - self.targets, bound)
        close(learned.losses.sum() / self.targets.numel(), loss, eager_loss, bound)
        assert {f"network.{name}" for name in grads} == set(self.runner.weights.names)
        for name, exact in grads.items():
            close(learned.gradient(f"network.{name}"), exact, eager_grads[name], slope_bound)
        if self.waves is None:
            close(learned.feature_gradients, of_x, eager_of_x, slope_bound)

    @staticmethod
    def close(found, exact, bound):
        assert found.dtype == torch.float32
        assert found.shape == exact.shape
        assert (found.cpu() - exact).norm() <= bound * exact.norm()


# in the interpreter every tile takes a while: the first of these run by default
SHORT = [
    ("sine", 16, 3, 1), ("relu", 24, 2, 129), ("gabor", 16, 2, 37), ("gabor", 24, 1, 1), ("gaussian", 181, 1, 37),
    ("sine", 24, 1, 37), ("sine", 181, 2, 70), ("sine", 64, 3, 257), ("relu", 64, 2, 37), ("gaussian", 16, 2, 37),
    ("gabor", 64, 2, 129), ("gabor", 181, 2, 37), ("sine", 256, 2, 37), ("finer", 24, 2, 37), ("silu", 24, 2, 37),
]  # fmt: skip
DEPTHS, COUNTS = (1, 2, 4), (1, 65, 200)
# A GPU takes all of them within seconds. The interpreter would take half an hour: it has every pair of two of the four.
EVERYTHING = [*SHORT, *itertools.product(ACTIVATIONS, WIDTHS, DEPTHS, COUNTS)] if torch.cuda.is_available() else [
    *SHORT, *(
        (activation, width, DEPTHS[(one + two) % 3], COUNTS[(one + 2 * two) % 3])
        for one, activation in enumerate(ACTIVATIONS) for two, width in enumerate(WIDTHS)
    )
]  # fmt: skip


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize(("activation", "width", "depth", "points"), mostly_long(dict.fromkeys(EVERYTHING), 5))
def test_values_and_gradients(activation, width, depth, points, precision, device):
    Case(activation, width, depth, points, device, precision=precision).check()


@pytest.mark.parametrize("dim", mostly_long([1, 9, 70, 3, 4, 8, 24], 3))
def test_any_number_of_inputs(dim, device):
    Case("relu", 32, 2, 65, device, dim=dim).check()


@pytest.mark.parametrize("values", mostly_long([1, 17, 4, 16, 40], 2))
def test_any_number_of_values(values, device):
    Case("sine", 32, 2, 65, device, values=values).check()


@pytest.mark.parametrize(
    ("waves", "dim", "width"), mostly_long([(5, 2, 32), (16, 4, 16), (40, 3, 64), (70, 1, 181)], 2)
)
def test_fourier_features_are_computed_on_the_way(waves, dim, width, device):
    Case("relu", width, 2, 65, device, waves=waves, dim=dim).check()


@pytest.mark.parametrize(
    ("activation", "width"), mostly_long([("sine", 24), ("gabor", 24), ("sine", 181), ("gabor", 181)], 2)
)
def test_without_biases(activation, width, device):
    Case(activation, width, 2, 65, device, bias=False).check()


@pytest.mark.parametrize("importance", [(65, 1), (65, 3)])
def test_importance_of_samples_and_values(importance, device):
    Case("sine", 24, 2, 65, device, importance=importance).check()


def test_eight_layers(device):
    Case("sine", 16, 8, 65, device).check()


@pytest.mark.parametrize(
    ("activation", "width", "points"),
    mostly_long([("sine", 32, 140), ("sine", 32, 300), ("sine", 130, 300), ("gabor", 72, 300)]),
)
def test_chunks_add_up(activation, width, points, device):
    """With room for one tile, points are done a tile at a time."""
    small = Case(activation, width, 2, points, device, memory=1)
    assert small.runner._chunk == small.runner.shape.block_m < points
    small.check()


class _Smaller(_Parts):
    """Parts of fewer points."""

    def __init__(self, shape, points, *options):
        super().__init__(shape, 16 * points, *options)


def test_parts_of_few_points_add_up(device, monkeypatch):
    monkeypatch.setattr(_network, "_Parts", _Smaller)
    case = Case("sine", 16, 2, 200, device)
    parts = _Smaller(case.runner.shape, 200, 4, torch.device(device))
    assert min(len(parts.first), len(parts.hidden), len(parts.last)) > 1
    case.check()


@pytest.mark.long
@pytest.mark.parametrize("activation", ["sine", "gabor"])
def test_parts_of_weight_gradients_add_up(activation, device):
    case = Case(activation, 16, 2, 3200, device)
    parts = _Parts(case.runner.shape, 3200, 4, torch.device(device))
    assert min(len(parts.first), len(parts.hidden), len(parts.last)) > 1
    case.check()


def test_tf32_operands(device):
    Case("sine", 64, 2, 65, device, precision="tf32").check()


def test_bfloat16_operands(device):
    if device == "cpu":
        pytest.skip("the interpreter does no arithmetic on bfloat16")
    case = Case("sine", 64, 2, 500, device, precision="bfloat16")
    values, _, grads, _ = case.exact()
    case.close(case.runner.values(case.x.to(device)), values, 4e-2)
    for name, exact in grads.items():
        case.close(case.learn().gradient(f"network.{name}"), exact, 0.1)


@pytest.mark.parametrize(("activation", "width"), mostly_long([("sine", 24), ("gabor", 24), ("sine", 181)], 2))
def test_given_gradients_go_back_through_the_network(activation, width, device):
    """The vector-Jacobian product that automatic differentiation asks for."""
    case = Case(activation, width, 2, 65, device)
    values, _, grads, of_x = case.exact()
    case.targets = (2 * (values - case.targets) / values.numel()).float()
    learned = case.learn(task="backward", factor=1.0)
    assert learned.residuals.numel() == 0
    for name, exact in grads.items():
        case.close(learned.gradient(f"network.{name}"), exact, BOUNDS["float32"][1])
    case.close(learned.feature_gradients, of_x, BOUNDS["float32"][1])


@pytest.mark.parametrize("width", mostly_long([24, 181]))
def test_the_same_bits_every_time(width, device):
    case = Case("sine", width, 2, 140, device, precision="float16")
    first, second = case.learn(), case.learn()
    assert torch.equal(first.residuals, second.residuals)
    for name in case.runner.weights.names:
        assert torch.equal(first.gradient(name), second.gradient(name))


@pytest.mark.parametrize("width", [24, 181])
def test_no_points(width, device):
    case = Case("sine", width, 2, 0, device)
    assert case.runner.values(case.x.to(device)).shape == (0, 3)
    learned = case.learn()
    assert learned.residuals.shape == (0, 3)
    assert not any(learned.gradient(name).any() for name in case.runner.weights.names)


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")  # by the interpreter's numpy
@pytest.mark.parametrize("width", mostly_long([24, 181]))
def test_gradients_that_overflow_are_found(width, device):
    case = Case("sine", width, 2, 65, device, precision="float16")
    assert case.learn().finite() == 1
    assert case.learn(scale=2.0**30).finite() == 0


def test_padding_is_no_part_of_weights(device):
    """What kernels leave in the padding of one step is not seen by the next."""
    case = Case("gaussian", 24, 2, 65, device)
    first = case.runner.values(case.x.to(device))
    case.learn()
    assert torch.equal(case.runner.values(case.x.to(device)), first)
    assert case.runner.weights.matrices.shape == (1, 1, 32, 32)
    assert not case.runner.weights.matrices[0, 0, 24:].any()
