"""The codec "ani": one set of weights that runs at several widths, the narrowest first in the file."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated

from torch import Tensor

from inr._errors import InrError
from inr._parts import Range
from inr.compression.bitstream.network import MAX_LAYERS, MAX_UNITS, feature_count, sine_network, with_weights
from inr.compression.bitstream.slimmable import Slimmable
from inr.compression.bitstream.stream import Cursor
from inr.compression.bitstream.weights import decode_weights
from inr.compression.codecs.base import Codec, Payload, codecs
from inr.compression.fit_series import FitSeries
from inr.container import varint
from inr.field import Field, Spec
from inr.signals import Domain, GridSignal


@codecs.register(
    "ani",
    source="Hoshikawa et al., Extreme Compression of Adaptive Neural Images, 2024",
    formula="W_k = leading rows and columns of one W, + a rank-one private part a width",
    limits="narrower widths give up some tenths of a decibel against networks alone",
)
class AniCodec(Codec):
    """One set of weights that is a network at several widths; each of them decodes from a prefix of the file.

    Encoding, activation, depth and rounding are those of the codec "mlp". Section "base" is the narrowest network, and
    every "detail.{k}" holds the rows and columns that the next width has more. So that weights serve wide and narrow
    networks at once, each width has biases of its own and, but for the widest, a factor for every row and column and a
    matrix of rank one; see `Slimmable`. Widths are fitted together, see `Sandwich`. More of them are nearer to each
    other, and share more.

    Of the paper only the abstract was at hand: widths, their training and their order in the file are this project's.
    Weights have the steps of "mlp" instead of 4 bits each.
    """

    def __init__(
        self,
        *,
        widths: Annotated[int, Range(2, 6), "number of widths"] = 3,
        sphere: Annotated[bool, "whether x and y are longitude and latitude, once around the globe"] = False,
    ) -> None:
        self._sphere, self._count = sphere, widths

    def steps(self, signal: GridSignal) -> int:
        """As many as codec "mlp" has."""
        from inr.compression.encoder.network_size import step_count

        return step_count(signal)

    def outline(self, max_bytes: int) -> Sequence[Payload]:
        """The base and its details, of equal size: where one is larger, another is smaller."""
        each = max_bytes // self._count
        sizes = [max_bytes - each * (self._count - 1)] + [each] * (self._count - 1)
        return [Payload(_section(block), bytes(size), base=block == 0) for block, size in enumerate(sizes)]

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
        """Depth, and widths less the one before, as varints, then the weights; a section for each further block."""
        from inr.compression.encoder.slimmable_fit import SlimmableFit, slimmable_of_size

        slimmable = slimmable_of_size(signal.domain, max_bytes, self._count, sphere=self._sphere)
        preface = _preface(slimmable)
        # Sizes of sections may take one byte more than those of the outline have, each.
        left = max_bytes - len(preface) - self._count
        fit = SlimmableFit(signal, slimmable, sphere=self._sphere, engine=engine, seed=seed)
        first, *others = fit.run(left, steps=steps, fits=fits or FitSeries())
        return [
            Payload(_section(0), preface + first),
            *(Payload(_section(block), data, base=False) for block, data in enumerate(others, start=1)),
        ]

    def decode(self, domain: Domain, payloads: Mapping[str, memoryview], *, max_bytes: int) -> Field:
        """See `Codec.decode`. What follows a missing section is left aside."""
        cursor = Cursor(payloads[_section(0)])
        depth = cursor.varint()
        widths = [cursor.varint()]
        for _ in range(self._count - 1):
            widths.append(widths[-1] + cursor.varint())
        if not (1 <= depth <= MAX_LAYERS and widths[0] >= 1 and widths[-1] <= MAX_UNITS and _ascend(widths)):
            raise InrError(f"it announces networks of {depth} layers of {', '.join(map(str, widths))} units")
        slimmable = Slimmable(tuple(widths), depth, feature_count(domain, sphere=self._sphere), domain.channels)
        coded = [cursor.rest()]
        while _section(len(coded)) in payloads and len(coded) < self._count:
            coded.append(payloads[_section(len(coded))])
        needed = 4 * sum(slimmable.count(block) for block in range(len(coded)))
        if needed > max_bytes:
            raise InrError(f"its weights take {needed} bytes, more than the limit of {max_bytes}")
        tensors: dict[str, Tensor] = {}
        for block, data in enumerate(coded):
            weights = decode_weights(data, slimmable.shapes(block), max_bytes=max_bytes)
            tensors.update({name: each.values for name, each in weights.items()})
        *_, network = slimmable.networks(tensors, len(coded))
        parts = sine_network(domain, depth, widths[len(coded) - 1], sphere=self._sphere)
        return with_weights(parts.build(domain), network)


def _ascend(widths: Sequence[int]) -> bool:
    return all(one < next for one, next in pairwise(widths))


def _preface(slimmable: Slimmable) -> bytes:
    steps = [after - before for before, after in pairwise((0, *slimmable.widths))]
    return b"".join(map(varint, [slimmable.depth, *steps]))


def _section(block: int) -> str:
    return f"detail.{block}" if block else "base"
