"""One network for all signals of a sort, and for each a short code that shifts the biases of its layers."""

import math
from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError
from inr._parts import Range
from inr.compression.encoder.coefficients import spread_of
from inr.field import Field
from inr.networks import MLP
from inr.priors._collection import Collection
from inr.priors._differences import sampled
from inr.priors._gauss_newton import gauss_newton
from inr.priors._inner import descend, errors, values_of
from inr.priors._kind import CODES
from inr.priors._meta import Lost, MetaMethod, Outer, differentiated
from inr.priors._method import Adapted, Learned, Sampled, Weights, methods

MODULATION, RATES = "modulation", "rates"
_SPREAD_OF, _AT_ONCE = 256, 16  # signals that it is learned from, at most, and those that are coded at once
_FEW = 8  # latents up to which a step of Gauss-Newton is worth what it costs more than one of descent
_LOWEST, _HIGHEST = 0.005, 0.1  # rates at first, drawn evenly from between


@methods.register(
    "modulated",
    source="Dupont et al., From data to functa, ICML 2022; Dupont et al., COIN++, TMLR 2022",
    formula="hₗ₊₁ = φ(Wₗ hₗ + bₗ + Mₗ z); z from 0 by K steps of zᵢ₊₁ = zᵢ - α ∇L(zᵢ), or of Gauss and Newton",
    limits="networks mlp; what the base cannot say in so few numbers is lost, so that its field is a start for more",
)
class Modulated(MetaMethod):
    """A network that signals share, with biases shifted by a linear map of a few numbers for each.

    A field of a signal is an ordinary one, of the same network with other biases; its code are the numbers. Published:
    functa have 14 sine layers of 512 and 64 to 1,024 latents, rates drawn from U(0.005, 0.1), learned and clipped to
    [0, 1], 3 inner steps, Adam's 3e-6 outside; COIN++ has 9 sine layers of 512, ω of 30 in the first and of 50 in the
    others, and 3 to 10 inner steps.

    Of few latents the inner problem is small, and Gauss-Newton solves it in 1 to 3 steps. At a solution the gradient
    by the latents is zero, so that the outer gradient is that by the shared weights alone (the envelope theorem), and
    needs no second differentiation.
    """

    steps = 500
    learning_rate = 1e-3

    def __init__(
        self,
        *,
        latents: Annotated[int, Range(1, 65_536), "numbers for each signal"] = 32,
        solver: Annotated[
            Literal["auto", "gauss-newton", "descent"], "of the inner problem; auto: gauss-newton up to 8 latents"
        ] = "auto",
        inner_steps: Annotated[int, Range(1, 64), "of the solver"] = 3,
        signals: Annotated[int, Range(1), "in an outer step"] = 8,
    ) -> None:
        self.latents = latents
        self.inner_steps = inner_steps
        self.signals = signals
        self.solver = solver
        self._solves = solver == "gauss-newton" or (solver == "auto" and latents <= _FEW)

    def own(self, field: Field) -> dict[str, Tensor]:
        """The map from latents to shifts, (shifts, latents), and the rates of descent, (latents,)."""
        rows = sum(field.get_parameter(name).numel() for name in shifted(field))
        limit = 1 / math.sqrt(self.latents)
        like = field.get_parameter(shifted(field)[0])
        found = {MODULATION: like.new_empty(rows, self.latents).uniform_(-limit, limit)}
        if not self._solves:
            found[RATES] = like.new_empty(self.latents).uniform_(_LOWEST, _HIGHEST)
        return found

    def bound(self, own: Mapping[str, Tensor]) -> None:
        """Rates lie in [0, 1], as in functa."""
        if RATES in own:
            own[RATES].clamp_(0, 1)

    def outer(
        self,
        field: Field,
        leaves: Mapping[str, Tensor],
        coords: Float[Tensor, "n d"],
        targets: Float[Tensor, "b n c"],
        draw: np.random.Generator,
    ) -> Outer:
        """The loss after the inner problem: differentiated through descent, or at the solution."""

        def lose(given: Mapping[str, Tensor]) -> Lost:
            held = {name: leaf.detach() for name, leaf in leaves.items()} if self._solves else given
            codes = self._coded(field, held, coords, targets, self.inner_steps, twice=not self._solves)
            values = shifted_values(field, given, codes, coords)
            return Lost(errors(values, targets).mean(), values)

        return differentiated(leaves, targets, lose)

    def _coded(
        self,
        field: Field,
        leaves: Mapping[str, Tensor],
        coords: Tensor,
        targets: Tensor,
        steps: int,
        *,
        twice: bool,
    ) -> Float[Tensor, "b k"]:
        """The signals' codes."""
        start = coords.new_zeros(len(targets), self.latents)
        if self._solves:
            return gauss_newton(lambda codes: shifted_values(field, leaves, codes, coords), start, targets, steps)
        rates = {"codes": leaves[RATES].clamp(0, 1)}
        start.requires_grad_(True)
        found = descend(
            lambda own: shifted_values(field, leaves, own["codes"], coords), {"codes": start}, lambda _: rates, targets,
            steps, twice=twice,
        )  # fmt: skip
        return found["codes"]

    def adapt(self, learned: Learned, field: Field, signals: Sampled, steps: int | None) -> Adapted:
        """The signals' codes, and the biases that they make."""
        leaves = {**learned.weights, **learned.own}
        count = self.inner_steps if steps is None else steps
        codes = self._coded(field, leaves, signals.coords, signals.values, count, twice=False).detach()
        return self.decoded(learned, field, codes)

    def spread(self, learned: Learned, field: Field, signals: Collection, steps: int) -> Weights:
        """Of codes, under the name "codes": the rows of `inr.compression.bitstream.coefficients.Spread`."""
        run = signals.part(range(min(len(signals), _SPREAD_OF)))  # neighbours, which may be alike
        found = [
            self.adapt(learned, field, sampled(run.part(range(start, min(start + _AT_ONCE, len(run)))), _AT_ONCE), None)
            for start in range(0, len(run), _AT_ONCE)
        ]
        codes = np.concatenate([each.codes.double().numpy() for each in found if each.codes is not None])
        return {CODES: torch.from_numpy(np.stack(spread_of([codes])).astype(np.int8))}

    def decoded(self, learned: Learned, field: Field, codes: Float[Tensor, "b k"]) -> Adapted:
        """The fields of codes.

        Args:
            learned: by this method.
            field: of the same parts.
            codes: (signals, latents).
        """
        return Adapted(_biases(field, {**learned.weights, **learned.own}, codes), codes)


def shifted(field: Field) -> list[str]:
    """The names of the biases that codes shift: those of all layers but the last.

    Raises:
        InrError: a network that is no plain `mlp` with biases.
    """
    network = field.network
    if not (isinstance(network, MLP) and network.config()["bias"] and network.activation.planes == 1):
        name = network.config()["name"]
        raise InrError(f"method 'modulated' shifts the biases of network mlp with a real activation, not of '{name}'")
    return [f"network.layers.{index}.bias" for index in range(network.depth)]


def shifted_values(
    field: Field, leaves: Mapping[str, Tensor], codes: Float[Tensor, "b k"], coords: Float[Tensor, "n d"]
) -> Float[Tensor, "b n c"]:
    """Values of the fields that codes make.

    Args:
        field: of the architecture.
        leaves: the field's weights and the modulation, by their names.
        codes: of the signals.
        coords: the same for all.
    """
    own = _biases(field, leaves, codes)
    shared = {name: leaf for name, leaf in leaves.items() if name not in (MODULATION, RATES) and name not in own}
    return values_of(field, shared, own, coords)


def _biases(field: Field, leaves: Mapping[str, Tensor], codes: Float[Tensor, "b k"]) -> dict[str, Tensor]:
    """The biases that codes make."""
    return shifted_biases(field, leaves, codes @ leaves[MODULATION].T)


def shifted_biases(field: Field, leaves: Mapping[str, Tensor], shifts: Float[Tensor, "b units"]) -> dict[str, Tensor]:
    """The biases of every signal, (signals, units) by name.

    Args:
        field: of the architecture.
        leaves: with its biases, by name.
        shifts: of all biases of `shifted`, one after the other.
    """
    names = shifted(field)
    parts = shifts.split([leaves[name].numel() for name in names], dim=-1)
    return {name: leaves[name] + part for name, part in zip(names, parts, strict=True)}
