"""Layers that fields of similar signals share, all but the last: learned by fitting many signals with one network."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call

from inr._errors import InrError
from inr._parts import Range, parse_spec
from inr.field import Field
from inr.fitting import Budget, Fitter, Setup
from inr.priors._collection import Collection
from inr.priors._differences import sampled, signals_for, spread_of_differences
from inr.priors._inner import adam, repeated
from inr.priors._method import Adapted, Learned, Method, Sampled, Weights, first_of, methods
from inr.signals import Domain


@methods.register(
    "trunk",
    source="Vyas et al., Learning transferable features for implicit neural representations (STRAINER), NeurIPS 2024",
    formula="valuesᵢ = Hᵢ h(x): the layers h are shared, each signal i of N has a last layer Hᵢ of its own",
    limits="helps the first tens of steps, of signals that have much in common",
)
class Trunk(Method):
    """All signals are fitted at once by one network that has a last layer for each; the layers before are the prior.

    It is one fit of one field with signals x channels values, on any engine. A new signal begins with the shared layers
    and the last layer that suits it best, in closed form (ridge regression on its samples); without a signal, with the
    mean of the learned last layers. Published: 10 signals, and a random last layer for a new one.
    """

    steps = 1_000
    learning_rate = 1e-3

    def __init__(
        self,
        *,
        signals: Annotated[int, Range(2), "that share the layers; of more, so many are taken, evenly"] = 10,
        ridge: Annotated[float, Range(0), "of the last layer's regression, relative"] = 1e-4,
        inner_steps: Annotated[int, Range(0, 1_000), "of Adam, after the last layer is solved"] = 10,
        inner_rate: Annotated[float, Range(0, above=True), "their rate"] = 5e-4,
    ) -> None:
        self.signals = signals
        self.ridge = ridge
        self.inner_steps = inner_steps
        self.inner_rate = inner_rate

    def fitter(self, signals: Collection, setup: Setup, steps: int, **options: Any) -> Fitter:
        """See `Method.fitter`."""
        head_of(signals.domain, setup)
        return Fitter(signals.stacked(), setup, Budget(steps=steps), **options)

    def taken(self, signals: Collection) -> Collection:
        """Those that are learned from."""
        count = min(self.signals, len(signals))
        return signals.part([place * len(signals) // count for place in range(count)])

    def learned(self, fitter: Fitter, signals: Collection) -> Learned:
        """The shared layers, and the mean of the last ones."""
        state = fitter.field.state_dict()
        heads = head_of(signals.domain, fitter.setup)
        channels = signals.domain.channels
        means = {name: state[name].unflatten(0, (-1, channels)).mean(0) for name in heads}
        return Learned({**state, **means}, {})

    def start(self, learned: Learned, field: Field, signal: Sampled | None) -> Mapping[str, Tensor]:
        """The shared layers, with the last one that suits the signal best."""
        return (
            learned.weights
            if signal is None
            else {**learned.weights, **first_of(self.adapt(learned, field, signal, 0))}
        )

    def spread(self, learned: Learned, field: Field, signals: Collection, steps: int) -> Weights:
        """Of a field's weights about the start."""
        some = sampled(signals, signals_for(field))
        adapted = self.adapt(learned, field, some, None).weights
        return spread_of_differences(field, learned.weights, adapted, some, steps)

    def adapt(self, learned: Learned, field: Field, signals: Sampled, steps: int | None) -> Adapted:
        """The last layers in closed form, and a few steps of Adam of all layers."""
        count = self.inner_steps if steps is None else steps
        heads = self._heads(learned, field, signals)
        if count == 0:
            return Adapted(heads)
        own = repeated(field, learned.weights, len(signals.values)) | heads
        return Adapted(adam(field, own, self.inner_rate, *signals, count))

    def _heads(self, learned: Learned, field: Field, signals: Sampled) -> dict[str, Tensor]:
        parts = field.config()
        setup = Setup(parts["encoding"], parts["activation"], parts["network"])
        features = features_of(field.domain, setup, learned.weights, signals.coords)
        like = {name: field.get_parameter(name) for name in head_of(field.domain, setup)}
        return solved_heads(features, signals.values, like, self.ridge)


def head_of(domain: Domain, setup: Setup) -> dict[str, int]:
    """The parameters of a field's last layer: those that have a row for every channel.

    Args:
        domain: of a field.
        setup: its parts.

    Returns:
        By name, the numbers in a row, the first dimension being the channels.

    Raises:
        InrError: a network whose values are not read from shared features by one last layer.
    """
    one, more = (_shapes(domain, setup, channels) for channels in (1, 3))
    heads: dict[str, int] = {}
    for name, shape in one.items():
        if shape != more[name]:
            if shape[:1] != (1,) or more[name] != (3, *shape[1:]):
                heads.clear()
                break
            heads[name] = shape[1] if len(shape) == 2 else 1
    if not heads:
        network = parse_spec(setup.network)["name"]
        raise InrError(
            f"method 'trunk' shares all layers but the last, which network '{network}' does not have; use mlp"
        )
    return heads


def _shapes(domain: Domain, setup: Setup, channels: int) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        field = Field.build(
            _with_channels(domain, channels),
            encoding=setup.encoding,
            activation=setup.activation,
            network=setup.network,
        )
    return {name: tuple(parameter.shape) for name, parameter in field.named_parameters()}


def _with_channels(domain: Domain, channels: int) -> Domain:
    values = replace(domain.values, low=(-1.0,), high=(1.0,))
    return replace(domain, channels=channels, values=values, missing=b"")


@torch.no_grad()
def features_of(
    domain: Domain, setup: Setup, weights: Mapping[str, Tensor], coords: Float[Tensor, "n d"]
) -> Float[Tensor, "n m"]:
    """What the last layer reads, its constant included: the values of a field whose last layer is the identity.

    Args:
        domain: of a field.
        setup: its parts.
        weights: those of its other layers.
        coords: places.

    Returns:
        A column for every number in a row of the last layer, in the order of `head_of`.
    """
    heads = head_of(domain, setup)
    total = sum(heads.values())
    field = Field.build(
        _with_channels(domain, total), encoding=setup.encoding, activation=setup.activation, network=setup.network
    ).to(coords.dtype)
    state, row = dict(weights), 0
    for name, count in heads.items():
        layer = torch.zeros(total, count, dtype=coords.dtype)
        layer[row : row + count] = torch.eye(count, dtype=coords.dtype)
        state[name] = layer.reshape(field.get_parameter(name).shape)
        row += count
    return functional_call(field, state, (coords,))


def solved_heads(
    features: Float[Tensor, "n m"],
    targets: Float[Tensor, "b n c"],
    like: Mapping[str, Tensor],
    ridge: float,
) -> dict[str, Tensor]:
    """Last layers in closed form.

    Args:
        features: of all samples.
        targets: of every signal.
        like: parameters of a last layer, by name, in the order of the features' columns.
        ridge: what is added to the diagonal of the equations, relative to its mean.

    Returns:
        By the same names, (signals, *shape).
    """
    wide = features.double()
    matrix = wide.T @ wide
    matrix.diagonal().add_(ridge * matrix.diagonal().mean())
    right = torch.einsum("nm,bnc->mbc", wide, targets.double()).flatten(1)
    rows = torch.linalg.solve(matrix, right).unflatten(1, (len(targets), -1)).permute(1, 2, 0).to(features.dtype)
    sizes = [each.numel() // each.shape[0] for each in like.values()]
    pieces = zip(like.items(), rows.split(sizes, dim=2), strict=True)
    return {name: piece.reshape(len(targets), *parameter.shape) for (name, parameter), piece in pieces}
