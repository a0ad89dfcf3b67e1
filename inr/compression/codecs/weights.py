"""The codec "weights": the weights of a field that is fitted already, whatever its parts."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from inr._errors import InrError
from inr.compression.bitstream.network import Parts, decode_field, with_weights
from inr.compression.bitstream.pieces import joined, pieces_of, shapes_of
from inr.compression.bitstream.weights import QuantisedTensor, decode_weights
from inr.compression.codecs.base import Codec, Payload, codecs
from inr.compression.fit_series import FitSeries
from inr.field import Field, Spec
from inr.signals import Domain, GridSignal

_BATCH = 8_192


@codecs.register(
    "weights",
    source="inr",
    formula="of a given field: W = Δ_l round(W / Δ_l), fitted on; symbols by adaptive arithmetic coding",
    limits="below some 4 bits a weight quality falls",
)
class WeightsCodec(Codec):
    """The weights of a field that was fitted before, rounded and entropy-coded; `inr recompress` writes it.

    Weights are rounded as those of codec "mlp" are, while the field goes on being fitted. What its encoding was drawn
    with at random is kept as it is.
    """

    def __init__(
        self,
        *,
        encoding: Annotated[dict | str, "of the field"] = "identity",
        activation: Annotated[dict | str, "of the field"] = "sine",
        network: Annotated[dict | str, "of the field"] = "mlp",
        levels: Annotated[bool, "whether tables of grids are rounded and coded level by level"] = False,
    ) -> None:
        self._parts = Parts(encoding, activation, network)
        self._by_level = levels
        self.step_indices: Mapping[str, int] | None = None

    @classmethod
    def of(cls, field: Field) -> "WeightsCodec":
        """The codec for fields with the parts of this one."""
        config = field.config()
        return cls(encoding=config["encoding"], activation=config["activation"], network=config["network"])

    def steps(self, signal: GridSignal) -> int:
        """Of the rounded fit: half a minute's worth on two cores, for pictures."""
        return min(max(16 * signal.size // min(signal.size, _BATCH), 1_000), 8_000)

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
        """Refused: there is no field yet."""
        raise InrError("codec 'weights' compresses fields that are fitted already: inr fit, then inr recompress")

    def encode_field(
        self,
        field: Field,
        signal: GridSignal,
        max_bytes: int,
        *,
        steps: int,
        engine: Spec = "auto",
        seed: int = 0,
        fits: FitSeries | None = None,
    ) -> Sequence[Payload]:
        """One section: what was drawn at random, as float32, then the weights.

        Args:
            field: with the codec's parts.
            signal: what its weights go on being fitted to, for `steps` steps; 0 only rounds them.
        """
        from inr.compression.encoder.qat_fit import round_field
        from inr.compression.encoder.weights import encode_weights
        from inr.fitting import Setup, recommended_optimiser

        preface = _preface(field)
        setup = Setup(
            *self._parts, min(signal.size, _BATCH), steps, optimiser=recommended_optimiser(steps),
            lattice_only=_learned_lattice(signal.domain),
        )  # fmt: skip
        max_bytes = max(max_bytes - len(preface), 1)
        fits = fits or FitSeries()
        _, rounded = round_field(field, signal, setup, max_bytes, engine=engine, seed=seed, fits=fits)
        fits.stage("coding")
        return [Payload("base", preface + encode_weights(rounded))]

    def encode_integers(self, field: Field, found: Mapping[str, QuantisedTensor]) -> Sequence[Payload]:
        """One section of weights that are rounded already: what was drawn at random, then the pieces' integers."""
        from inr.compression.encoder.weights import encode_weights

        return [Payload("base", _preface(field) + encode_weights(found))]

    def decode(self, domain: Domain, payloads: Mapping[str, memoryview], *, max_bytes: int) -> Field:
        """See `Codec.decode`."""
        payload = payloads["base"]
        drawn = _drawn(self._parts.build(domain, "meta"))
        length = sum(each.nbytes for each in drawn.values())
        if length > min(len(payload), max_bytes):
            raise InrError(f"its encoding needs {length} bytes, more than there are or may be")
        if self._by_level:
            field = self._decode_pieces(domain, payload[length:], max_bytes - length)
        else:
            field = decode_field(domain, self._parts, payload[length:], max_bytes=max_bytes - length)
        return with_weights(field, _undrawn(drawn, payload))

    def _decode_pieces(self, domain: Domain, payload: memoryview, max_bytes: int) -> Field:
        """The field of what `encode_weights` made of its pieces; the codec keeps their steps."""
        pieces = pieces_of(self._parts.build(domain, "meta"))
        found = decode_weights(payload, shapes_of(pieces), max_bytes=max_bytes)
        field = self._parts.build(domain)
        values = {name: each.values for name, each in found.items()}
        with_weights(field, joined(pieces, values, dict(field.named_parameters())))
        self.step_indices = {name: each.step_index for name, each in found.items()}
        return field


def _preface(field: Field) -> bytes:
    """What a field's encoding was drawn with at random, as bytes."""
    return b"".join(each.cpu().numpy().astype(_little(each)).tobytes() for each in _drawn(field).values())


def _learned_lattice(domain: Domain) -> bool:
    """Whether a field of the domain learned its samples alone: those of pictures and sounds are points only then."""
    return domain.sampling == "point" and domain.kind in ("image", "audio", "video")


def _drawn(field: Field) -> dict[str, Tensor]:
    """What a field's state holds besides its parameters, by name."""
    parameters = dict(field.named_parameters())
    return {name: tensor for name, tensor in field.state_dict().items() if name not in parameters}


def _undrawn(drawn: Mapping[str, Tensor], payload: memoryview) -> dict[str, Tensor]:
    """Tensors shaped as these, from the bytes that a payload begins with."""
    found, start = {}, 0
    for name, like in drawn.items():
        numbers = np.frombuffer(payload[start : start + like.nbytes], dtype=_little(like))
        if not np.isfinite(numbers).all():
            raise InrError("its encoding holds numbers that are not finite")
        found[name] = torch.from_numpy(numbers.astype(numbers.dtype.newbyteorder("="))).reshape(like.shape)
        start += like.nbytes
    return found


def _little(tensor: Tensor) -> np.dtype:
    """numpy's name of a tensor's type, least byte first."""
    return torch.empty(0, dtype=tensor.dtype).numpy().dtype.newbyteorder("<")
