"""What a way to learn from similar signals is, and the registry that finds ways by name."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from jaxtyping import Float
from torch import Tensor

from inr._parts import Part, Registry
from inr.field import Field
from inr.fitting import Fitter, Setup
from inr.priors._collection import Collection

methods = Registry(
    "method",
    "inr.priors._gaussian",
    "inr.priors._hypernet",
    "inr.priors._maml",
    "inr.priors._modulated",
    "inr.priors._neural_process",
    "inr.priors._reptile",
    "inr.priors._trunk",
)

Weights = Mapping[str, Tensor]


class Learned(NamedTuple):
    """What a method has learned: what a base's file holds.

    Attributes:
        weights: of a field of the signals' sort, by the names of its state: where a fit begins that knows nothing of
            its signal.
        own: what the method itself needs to begin or adapt, as learned rates, by names of its own.
    """

    weights: Weights
    own: Weights


class Method(Part, ABC):
    """A way to learn what signals of one sort have in common.

    All learn in the one loop of `inr.fitting.Fitter`: a method says of what, by the fitter that it makes, and what
    its result is good for, by `start` and `adapt`.

    Attributes:
        least: fewest signals to learn from; steps: of the loop, and learning_rate: of its Adam, where none are given.
        batch: samples of each signal in a step.
    """

    least: ClassVar[int] = 2
    steps: ClassVar[int]
    learning_rate: ClassVar[float]
    batch: ClassVar[int] = 16_384

    @abstractmethod
    def fitter(self, signals: Collection, setup: Setup, steps: int, **options: Any) -> Fitter:
        """The fit that learns from signals.

        Args:
            signals: all at once.
            setup: parts of a field of one signal, batch, schedule and learning rate, complete.
            steps: of the loop.
            options: engine, seed, checkpoint, every and resume of `Fitter`.

        Raises:
            InrError: parts that the method cannot share between signals.
        """

    def own(self, field: Field) -> dict[str, Tensor]:
        """What is learned besides the field's parameters, as it begins, by names of its own.

        Args:
            field: of one signal.
        """
        return {}

    def taken(self, signals: Collection) -> Collection:
        """The signals that it learns from, where it wants no more than some.

        Args:
            signals: all that there are.
        """
        return signals

    @abstractmethod
    def learned(self, fitter: Fitter, signals: Collection) -> Learned:
        """What is learned as a fitter stands.

        Args:
            fitter: of `fitter`.
            signals: that it was made for.
        """

    def start(self, learned: Learned, field: Field, signal: "Sampled | None") -> Weights:
        """Weights to begin an ordinary fit with.

        Args:
            learned: by this method.
            field: of the same parts, for the signal's domain.
            signal: what will be fitted; None where the weights are to be the same for all.

        Returns:
            By the names of the field's state: where the method's own steps lead.
        """
        if signal is None:
            return learned.weights
        return {**learned.weights, **first_of(self.adapt(learned, field, signal, None))}

    def spread(self, learned: Learned, field: Field, signals: Collection, steps: int) -> Weights:
        """How what compressed files tell of signals is spread; {} where none are told from what is learned.

        Args:
            learned: by this method.
            field: of the same parts.
            signals: of the sort.
            steps: that were learned by; no more are taken here.

        Returns:
            int8, in quarter octaves: of a field's weights by their names, or of codes, see `Modulated.spread`.
        """
        return {}

    @abstractmethod
    def adapt(self, learned: Learned, field: Field, signals: "Sampled", steps: int | None) -> "Adapted":
        """Fields of signals, by the few steps that the method was made for.

        Args:
            learned: by this method.
            field: of the same parts.
            signals: on one grid.
            steps: of the inner loop; None: as many as were learned.
        """


class Sampled(NamedTuple):
    """Signals on one grid, or some of their samples.

    Attributes:
        coords: float (n, d); values: normalised, float (signals, n, c).
    """

    coords: Float[Tensor, "n d"]
    values: Float[Tensor, "b n c"]


class Adapted(NamedTuple):
    """Fields of several signals.

    Attributes:
        weights: that differ between signals, (signals, …), by the names of a field's state; all others are the base's.
        codes: numbers that tell them from the base, (signals, k), where there are such few; None otherwise.
    """

    weights: Weights
    codes: Float[Tensor, "b k"] | None = None


def first_of(adapted: Adapted) -> dict[str, Tensor]:
    """The weights of the first of several fields that differ from the base's."""
    return {name: each[0] for name, each in adapted.weights.items()}
