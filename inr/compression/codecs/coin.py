"""The codec "coin": a small sine network whose weights are stored as 16-bit floats."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated

import numpy as np
import torch

from inr._errors import InrError
from inr._parts import Range
from inr.compression.bitstream.network import MAX_UNITS, Parts, read_layout, with_weights, write_layout
from inr.compression.bitstream.stream import Cursor
from inr.compression.codecs.base import Codec, Payload, codecs
from inr.compression.fit_series import FitSeries
from inr.field import Field, Spec
from inr.signals import Domain, GridSignal

# Sine layers, and the weights from which on the published networks had so many.
_DEPTHS = {13: 25_000, 10: 7_000, 5: 0}
_LEARNING_RATE = 2e-4
_STEPS = 50_000
# Samples up to which a step sees all of them, and those of a step beyond.
_MAX_FULL_BATCH, _BATCH = 1 << 16, 1 << 14
_FLOAT16 = np.dtype("<f2")


@codecs.register(
    "coin",
    source="Dupont et al., COIN, 2021",
    formula="SIREN, weights as float16",
    limits="16 bits a weight whatever they are worth",
)
class CoinCodec(Codec):
    """A SIREN for the signal, its weights stored as 16-bit floats without entropy coding: a plain baseline.

    As published: sine layers with bias and omega 30, Adam at a constant rate of 2e-4 for 50,000 steps, and of the
    second half of them the weights of the least loss. The network has as many layers as the published ones of its size
    (5, 10 or 13) and is as wide as the bytes allow.

    Where it is not as published: only signals of up to 2^16 samples are learned whole in every step, larger ones in
    batches of 2^14 samples, whose running loss then tells which weights are kept; coordinates span [-1, 1] on every
    axis (there, columns of a picture were divided by its height); values span [-1, 1] instead of ±1/2; weights are
    rounded to 16 bits, but arithmetic is that of the engine, not of 16-bit floats.
    """

    def __init__(
        self,
        *,
        first_omega: Annotated[
            float, Range(0, above=True), "frequency of the first layer; sounds need thousands"
        ] = 30.0,
    ) -> None:
        self._activation = f"sine:omega=30,first_omega={first_omega!r}"

    def steps(self, signal: GridSignal) -> int:
        """The published number, whatever the signal."""
        return _STEPS

    def encode(
        self,
        signal: GridSignal,
        max_bytes: int,
        *,
        steps: int,
        engine: Spec = "auto",
        seed: int = 0,
        fits: FitSeries | None = None,
    ) -> Sequence[Payload]:
        """One section: depth and width as varints, then the weights in the order of the parameters, little-endian."""
        from inr.compression.encoder.least_loss import LeastLoss
        from inr.fitting import Fitter, Setup

        depth, width = _layout(signal.domain, max_bytes)
        batch = signal.size if signal.size <= _MAX_FULL_BATCH else _BATCH
        parts = self._parts(depth, width)
        setup = Setup(*parts, batch, steps, schedule="constant", learning_rate=_LEARNING_RATE, lattice_only=True)
        fits = fits or FitSeries()
        least = LeastLoss(whole=batch == signal.size)
        fitter = fits.run(
            partial(Fitter, signal, setup, fits.budget(steps), engine=engine, seed=seed, parametrisation=least)
        )
        weights = least.best or dict(fitter.field.named_parameters())
        flat = torch.cat([each.detach().cpu().reshape(-1) for each in weights.values()]).numpy()
        largest = np.finfo(_FLOAT16).max
        return [Payload("base", write_layout(depth, width) + flat.clip(-largest, largest).astype(_FLOAT16).tobytes())]

    def decode(self, domain: Domain, payloads: Mapping[str, memoryview], *, max_bytes: int) -> Field:
        """See `Codec.decode`. Refuses weights that are not finite, and any number of them that is not the network's."""
        cursor = Cursor(payloads["base"])
        depth, width = read_layout(cursor)
        count, data = _weights(domain, depth, width), cursor.rest()
        if len(data) != _FLOAT16.itemsize * count:
            raise InrError(f"a network of {depth} layers of {width} units has {count} weights, not {len(data)} / 2")
        if 4 * count > max_bytes:
            raise InrError(f"its weights take {4 * count} bytes, more than the limit of {max_bytes}")
        flat = np.frombuffer(data, dtype=_FLOAT16).astype(np.float32)
        if not np.isfinite(flat).all():
            raise InrError("its weights are not all finite")
        field = self._parts(depth, width).build(domain)
        parameters = dict(field.named_parameters())
        pieces = torch.from_numpy(flat).split([each.numel() for each in parameters.values()])
        return with_weights(
            field, {name: piece.view_as(parameters[name]) for name, piece in zip(parameters, pieces, strict=True)}
        )

    def _parts(self, depth: int, width: int) -> Parts:
        return Parts("identity", self._activation, f"mlp:depth={depth},width={width}")


def _layout(domain: Domain, max_bytes: int) -> tuple[int, int]:
    """Depth and width of the widest network that takes at most so many bytes; of the narrowest where none does."""
    for depth, least in _DEPTHS.items():
        linear, square = domain.in_dim + domain.channels + depth, depth - 1
        constant = max(max_bytes // _FLOAT16.itemsize - domain.channels, 0)
        width = min((math.isqrt(linear**2 + 4 * square * constant) - linear) // (2 * square), MAX_UNITS)
        while (
            width > 1
            and len(write_layout(depth, width)) + _FLOAT16.itemsize * _weights(domain, depth, width) > max_bytes
        ):
            width -= 1
        if width >= 1 and _weights(domain, depth, width) >= least:
            return depth, width
    return depth, 1


def _weights(domain: Domain, depth: int, width: int) -> int:
    """Weights and biases of a network."""
    return (depth - 1) * width**2 + (domain.in_dim + domain.channels + depth) * width + domain.channels
