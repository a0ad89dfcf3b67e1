"""Conditional neural processes: means and scales of what is unseen, in one pass through two networks."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor
from torch.nn import functional as F

from inr._parts import Range
from inr.field import Field
from inr.priors._inner import repeated, values_of
from inr.priors._meta import Lost, MetaMethod, Outer, differentiated
from inr.priors._method import Adapted, Learned, Sampled, methods
from inr.priors._modulated import shifted, shifted_biases
from inr.priors._process import Posterior
from inr.priors._set_encoder import drawn_context, encoded, new_layers, through

_LEAST_SCALE = 0.01
_PREDICTIONS = 32  # draws of z that mean and deviation are of


@methods.register(
    "neural-process",
    source="Gu et al., Generalizable neural fields as partially observed neural processes, ICCV 2023; Garnelo et al., "
    "Neural processes, 2018",
    formula="r = mean of e(xᵢ, yᵢ) over what is seen; z ~ N(m(r), s(r)); y(x) ~ N(f(x; z), σ(x, z)), σ ≥ 0.01",
    limits="network mlp; hundreds of signals and more; no nearer to what is seen than its codes can tell",
)
class NeuralProcess(MetaMethod):
    """A set encoder, a random code, and a decoder of mean and scale, learned by the likelihood of unseen values.

    Where what is seen are samples, as here, the forward map of the published method is the identity. The decoder of the
    mean is the field, whose hidden biases the code shifts by a linear map; that of the scale is a small network of its
    own. One code is drawn a step, with which the published likelihood of several is the plain one.

    Published, for tomography: 256 numbers, an encoder of places of one hidden layer of 256 and of pairs of two of 512,
    a decoder of 4 x 256 rectified units with the scale above, a batch of one signal, Adam's 1e-4 falling to a tenth,
    200 epochs; adaptation at test time by what is seen only. Here numbers are fewer by default, for signals of some
    hundred samples, and Adam's rate is higher.
    """

    steps = 1_500
    learning_rate = 1e-3

    def __init__(
        self,
        *,
        code: Annotated[int, Range(1, 4_096), "numbers that stand for what is seen"] = 64,
        hidden: Annotated[int, Range(1, 4_096), "units of a layer of the encoder, and of the scale's decoder"] = 128,
        least: Annotated[int, Range(1), "samples that a step sees"] = 5,
        most: Annotated[float, Range(0, 1, above=True), "the largest share of samples that a step sees"] = 0.6,
        signals: Annotated[int, Range(1), "in a step"] = 16,
    ) -> None:
        self.code = code
        self.hidden = hidden
        self.least_seen = least
        self.most = most
        self.signals = signals

    def own(self, field: Field) -> dict[str, Tensor]:
        """Encoder, means and scales of codes, the shifts of biases, and the decoder of scales."""
        like = next(field.parameters())
        domain = field.domain
        shifts = sum(field.get_parameter(name).numel() for name in shifted(field))
        return {
            **new_layers("encoder", [domain.in_dim + domain.channels, self.hidden, self.hidden, self.hidden], like),
            **new_layers("code", [self.hidden, 2 * self.code], like),
            **new_layers("shift", [self.code, shifts], like),
            **new_layers("scale", [domain.in_dim + self.code, self.hidden, domain.channels], like),
        }

    def outer(
        self,
        field: Field,
        leaves: Mapping[str, Tensor],
        coords: Float[Tensor, "n d"],
        targets: Float[Tensor, "b n c"],
        draw: np.random.Generator,
    ) -> Outer:
        """The negative log likelihood at all samples, of what some of them tell."""
        seen = drawn_context(draw, len(coords), self.least_seen, self.most)
        noise = torch.from_numpy(draw.standard_normal((len(targets), self.code), dtype=np.float32))

        def lose(given: Mapping[str, Tensor]) -> Lost:
            centre, spread = self._codes(given, coords, targets, seen)
            codes = centre + spread * noise
            values = values_of(field, {}, self._weights(field, given, codes), coords)
            scale = self._scale(given, codes, coords)
            return Lost((0.5 * ((targets - values) / scale).square() + scale.log()).mean(), values)

        return differentiated(leaves, targets, lose)

    def _codes(
        self, leaves: Mapping[str, Tensor], coords: Tensor, values: Tensor, seen: Tensor
    ) -> tuple[Float[Tensor, "b k"], Float[Tensor, "b k"]]:
        """Their means and standard deviations."""
        features = encoded(leaves, "encoder", coords, values, seen, torch.relu, last=True)
        centre, raw = through(leaves, "code", features, torch.relu).chunk(2, dim=-1)
        return centre, _LEAST_SCALE + (1 - _LEAST_SCALE) * F.softplus(raw - 2)

    def _weights(self, field: Field, leaves: Mapping[str, Tensor], codes: Float[Tensor, "b k"]) -> dict[str, Tensor]:
        """All weights, those of every signal by themselves."""
        shifts = through(leaves, "shift", codes, torch.relu)
        return repeated(field, leaves, len(codes)) | shifted_biases(field, leaves, shifts)

    def _scale(self, leaves: Mapping[str, Tensor], codes: Tensor, coords: Tensor) -> Float[Tensor, "b n c"]:
        count = len(coords)
        pairs = [coords.expand(len(codes), *coords.shape), codes[:, None].expand(-1, count, -1)]
        raw = through(leaves, "scale", torch.cat(pairs, dim=-1), torch.relu)
        return _LEAST_SCALE + (1 - _LEAST_SCALE) * F.softplus(raw)

    @torch.no_grad()
    def adapt(self, learned: Learned, field: Field, signals: Sampled, steps: int | None) -> Adapted:
        """The field of the mean code, in one pass; there are no steps."""
        leaves: dict[str, Any] = {**learned.weights, **learned.own}
        centre, _ = self._codes(leaves, signals.coords, signals.values, torch.ones(len(signals.coords)))
        weights = self._weights(field, leaves, centre)
        return Adapted({name: weights[name] for name in shifted(field)})

    @torch.no_grad()
    def posterior(
        self,
        learned: Learned,
        field: Field,
        coords: Float[Tensor, "n d"],
        seen: Int64[np.ndarray, " m"],
        values: Float64[np.ndarray, "m c"],
        draws: int,
        seed: int,
    ) -> Posterior:
        """What it tells of all samples.

        Args:
            learned: by this method.
            field: of the same parts.
            coords: of all samples.
            seen: which are seen; values: theirs, normalised.
            draws: signals to draw, each of a code of its own and with the scale's noise; seed: decides these.
        """
        leaves: dict[str, Any] = {**learned.weights, **learned.own}
        known = torch.from_numpy(values).float()[None]
        centre, spread = self._codes(leaves, coords[torch.from_numpy(seen)], known, torch.ones(len(seen)))
        draw = torch.Generator().manual_seed(seed)
        count = max(_PREDICTIONS, draws)
        codes = centre + spread * torch.randn(count, self.code, generator=draw)
        means = values_of(field, {}, self._weights(field, leaves, codes), coords)
        scales = self._scale(leaves, codes, coords)
        deviation = (scales.square().mean(0) + means.var(0, unbiased=False)).sqrt().double().numpy()
        drawn = (means + scales * torch.randn(means.shape, generator=draw))[:draws].double().numpy()
        mean = means.mean(0).double().numpy()
        mean[seen], deviation[seen], drawn[:, seen] = values, 0.0, values
        return Posterior(mean, deviation, drawn)
