"""Initialisations for any activation: from the mean squares of its values and of its slopes."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Annotated

import torch
from torch import nn

from inr._parts import Config, Part, Range, Registry, format_spec
from inr.activations import Activation, Position, activations

initialisations = Registry("initialisation")

# nodes an axis by the number of planes that a unit reads, which reach so many standard deviations to either side
_NODES = {1: 4000, 2: 160, 4: 18}  # even numbers: kinks at 0 lie between two of them
_REACH = {1: 8.0, 2: 6.0, 4: 4.5}
_SPREADS = [10 ** (power / 2) for power in range(-8, 5)]  # between which a ratio is looked for, 1e-4 to 1e2
_PRECISION = 1e-8  # of a spread, relative
_STEEPEST = 1 / math.tanh(1)  # how fast gradients grow with sin at the spread 1, where no spread keeps them

Spread = Annotated[
    float | None,
    Range(0, 1e6, above=True),
    "standard deviation of what the activation reads (none: from the activation)",
]


class Initialisation(Part):
    """How a perceptron begins, whatever its activation.

    Attributes:
        spread: the standard deviation of what hidden units read; None: `balanced_spread` of the activation.
    """

    spread: float | None

    def init_(self, layers: Sequence[nn.Module], activation: Activation, square: float) -> None:
        """Draw the parameters again, from torch's global generator.

        Args:
            layers: affine layers from first to last, initialised by the activation.
            activation: what stands between them.
            square: mean square of a feature that the first layer reads.
        """
        raise NotImplementedError


@initialisations.register(
    "variance",
    source="Koneputugodage et al., VI3NR: Variance Informed Initialization for Implicit Neural Representations, "
    "CVPR 2025",
    formula="Var W = σ²/(n E f(z)²), z ∼ N(0, σ²), with σ such that n Var W E f'(z)² = 1",
    limits="no σ keeps gradients where f is odd: there it is 1/ω for a sine, and as steep for others",
)
class Variance(Initialisation):
    """Every layer's sums have the same variance σ², so chosen that gradients keep theirs on the way back too.

    The means are integrals, not samples. Rectifiers get Var W = 2/n (He et al. 2015), whatever σ. For odd functions,
    sine and tanh among them, gradients grow at any σ, the less the smaller it is; there σ is where they grow by
    1/tanh(1) in a layer, which is 1/ω for a sine. The authors search about this value, which `spread` is for.

    The first layer is the activation's own where that has a `first_omega`, for the frequencies lie in it; others keep
    the variance there too, their bias counted as the weight of one more feature. Other biases begin at 0. Features of
    encodings count as sines and cosines, of mean square 1/2; coordinates as U(±1).
    """

    def __init__(self, *, spread: Spread = None) -> None:
        self.spread = spread

    @torch.no_grad()
    def init_(self, layers: Sequence[nn.Module], activation: Activation, square: float) -> None:
        """Draw the parameters again; see `Initialisation.init_`."""
        spread = self.spread or balanced_spread(activation)
        first, *others = layers
        if "first_omega" not in activation.frequencies:
            _draw(first, spread**2 / (_inputs(first) * square + (_bias(first) is not None)), weigh_bias=True)
        read, position = _spread_of(first, square), _FIRST
        for layer in others:
            value, _ = mean_squares(activation, read, position)
            _draw(layer, spread**2 / (_inputs(layer) * value))
            read, position = spread, _HIDDEN


@initialisations.register(
    "gradient",
    source="Combette, Venaille and Pustelnik, A new initialisation to control gradients in sinusoidal neural networks, "
    "ICLR 2026",
    formula="Var W = 1/(n E f'(z)²), Var b = σ² - E f(z)²/E f'(z)², z ∼ N(0, σ²)",
    limits="biases cannot make up for values that grow where E f² > σ² E f'², as with softplus: there they begin at 0",
)
class Gradient(Initialisation):
    """Gradients keep their variance from layer to layer, exactly; biases supply what values lose.

    For a sine, σ = 1/ω: weights are U(±c/(ω√n)) with c = √(6/(1 + e⁻²)), 6 % below SIREN's √6, biases have variance
    (1 - tanh 1)/ω², and an entry of the Jacobian between two hidden layers has variance 1/n. For other activations σ
    is where gradients, without biases, would grow as fast. The authors also consider sums that vanish: a small
    `spread`, which leads to c = √3. The first layer is the activation's own; the last one's biases are 0.
    """

    def __init__(self, *, spread: Spread = None) -> None:
        self.spread = spread

    @torch.no_grad()
    def init_(self, layers: Sequence[nn.Module], activation: Activation, square: float) -> None:
        """Draw the parameters again; see `Initialisation.init_`."""
        spread = self.spread or steep_spread(activation)
        value, slope = mean_squares(activation, spread)
        _, *hidden, last = layers
        for layer in hidden:
            _draw(layer, 1 / (_inputs(layer) * slope), max(spread**2 - value / slope, 0.0))
        _draw(last, 1 / (_inputs(last) * slope))


_FIRST: Position = "first"
_HIDDEN: Position = "hidden"


def initialise(spec: Config | str, layers: Sequence[nn.Module], activation: Activation, square: float) -> Config:
    """Begin layers as an initialisation says, and return its configuration; see `Initialisation.init_`."""
    found = initialisations.build(spec)
    if all(parameter.device.type != "meta" for layer in layers for parameter in layer.parameters()):
        found.init_(layers, activation, square)  # where there are shapes only, there is nothing to draw
    return found.config()


def mean_squares(activation: Activation, spread: float, position: Position = "hidden") -> tuple[float, float]:
    """Mean squares of an activation and of its slopes, of normal numbers.

    Args:
        activation: any registered activation.
        spread: standard deviation σ of every plane that a unit reads.
        position: of the layer in its network; a first one reads real numbers.

    Returns:
        E f(z)², all output planes together, and E f'(z)², all entries of the Jacobian of planes together, for z of
        N(0, σ²): integrals by the midpoint rule, which converges fast for what falls off like a normal distribution.

    >>> value, slope = inr.networks.mean_squares(inr.activations.ReLU(), 2.0)
    >>> round(value, 4), round(slope, 4)
    (2.0, 0.5)
    """
    return _mean_squares(format_spec(activation.config()), spread, position)


@functools.lru_cache(maxsize=1024)
def _mean_squares(spec: str, spread: float, position: Position) -> tuple[float, float]:
    activation = activations.build(spec)
    count = activation.maps * (1 if position == _FIRST else activation.planes)
    nodes, reach = _NODES[count], _REACH[count]
    line = (torch.arange(nodes, dtype=torch.float64, device="cpu") + 0.5) * (2 * reach / nodes) - reach
    axes = torch.meshgrid(*[line] * count, indexing="ij")
    weights = torch.exp(-torch.stack(axes).square().sum(0) / 2).flatten()
    weights = weights / weights.sum()
    with torch.enable_grad(), torch.device("cpu"):
        planes = tuple((spread * axis).flatten().requires_grad_() for axis in axes)
        values = activation(planes, position)
        slopes = [
            slope
            for value in values
            for slope in torch.autograd.grad(value.sum(), planes, retain_graph=True, allow_unused=True)
            if slope is not None
        ]
    value, slope = (float(sum(weights @ each.detach().square() for each in found)) for found in (values, slopes))
    return value, slope


def balanced_spread(activation: Activation) -> float:
    """The spread at which values and gradients keep their variances together, without biases: σ² E f'² = E f².

    Where there is none, `steep_spread`.

    Args:
        activation: any registered activation.

    Returns:
        Its standard deviation σ.
    """
    found = _spread_at(format_spec(activation.config()), 1.0)
    return steep_spread(activation) if found is None else found


def steep_spread(activation: Activation) -> float:
    """The spread at which gradients grow by 1/tanh(1) in a layer that keeps values: 1/omega for a sine.

    Args:
        activation: any registered activation.

    Returns:
        Its standard deviation σ; 1 where they never grow so fast.
    """
    found = _spread_at(format_spec(activation.config()), _STEEPEST)
    return 1.0 if found is None else found


@functools.lru_cache(maxsize=256)
def _spread_at(spec: str, ratio: float) -> float | None:
    """The least σ at which σ² E f'²/E f² passes a number; None where it does not."""

    def beyond(spread: float) -> float:
        value, slope = _mean_squares(spec, spread, _HIDDEN)
        if value == 0 or slope == 0:
            return 0.0
        found = math.log(spread * spread * slope / value / ratio)
        return found if abs(found) > 1e-9 and math.isfinite(found) else 0.0

    low, before = 0.0, 0.0
    for spread in _SPREADS:
        found = beyond(spread)
        if found * before < 0:
            return _root(beyond, low, spread, before)
        if found != 0:
            low, before = spread, found
    return None


def _root(function: Callable[[float], float], low: float, high: float, at_low: float) -> float:
    """Where a function of a positive number is 0, by halving the ratio."""
    while high / low > 1 + _PRECISION:
        middle = math.sqrt(low * high)
        if function(middle) * at_low > 0:
            low = middle
        else:
            high = middle
    return math.sqrt(low * high)


def _inputs(layer: nn.Module) -> int:
    """Units that an affine layer reads."""
    return next(parameter.shape[1] for parameter in layer.parameters() if parameter.ndim == 2)


def _bias(layer: nn.Module) -> torch.Tensor | None:
    return next((parameter for parameter in layer.parameters() if parameter.ndim == 1), None)


def _draw(layer: nn.Module, variance: float, of_bias: float = 0.0, *, weigh_bias: bool = False) -> None:
    """Uniform numbers of a variance for weights, and of another, or with `weigh_bias` the same, for biases."""
    of_bias = variance if weigh_bias else of_bias
    for parameter in layer.parameters():
        limit = math.sqrt(3 * (variance if parameter.ndim == 2 else of_bias))
        nn.init.uniform_(parameter, -limit, limit)


def _spread_of(layer: nn.Module, square: float) -> float:
    """The standard deviation of what a first layer gives for features of a mean square."""
    weight, *bias = (parameter.double().square().sum() / len(parameter) for parameter in layer.parameters())
    return math.sqrt(float(weight * square + sum(bias)))
