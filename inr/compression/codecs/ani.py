"""The codec "ani": one set of weights that runs at several widths, the narrowest first in the file."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from typing import Annotated, Any

import torch
from torch import Tensor

from inr._errors import InrError
from inr._parts import Range
from inr.compression.bitstream.network import DEEPEST, WIDEST, with_weights
from inr.compression.bitstream.slimmable import Slimmable
from inr.compression.bitstream.stream import Cursor
from inr.compression.bitstream.weights import Rounded, decode_weights, encode_weights
from inr.compression.codecs.base import OnEvent, Payload, codecs
from inr.compression.codecs.mlp import MlpCodec, _batch, _rate
from inr.compression.encoder.qat import RoundedWeights
from inr.compression.encoder.qat_fit import tell
from inr.compression.encoder.slimmable_weights import SlimmableWeights
from inr.container._varint import varint
from inr.field import Field, Spec
from inr.fitting import Budget, Fitter, Setup, recommended_optimiser
from inr.signals import Domain, GridSignal

# units of the narrowest network, of those of the widest; of three widths, each then shares a fifth of its weights with
# narrower ones
_NARROWEST = 0.19
# bits of a number under which files of equal bytes did best: more than in "mlp", for several networks share them
_BITS = 6.5
# of the steps, with rounded weights; and of the learning rate, that those begin with
_AWARE, _LOWER = 0.3, 0.2
# by how many units widths differ at least
_APART = 2


@codecs.register(
    "ani",
    source="Hoshikawa et al., Extreme Compression of Adaptive Neural Images, 2024",
    formula="W_k = leading rows and columns of one W, + a rank-one private part a width",
    limits="narrower widths give up some tenths of a decibel against networks alone",
)
class AniCodec(MlpCodec):
    """One set of weights that is a network at several widths; each of them decodes from a prefix of the file.

    Encoding, activation, depth and rounding are those of the codec "mlp". Section "base" is the narrowest network, and
    every "detail.{k}" holds the rows and columns that the next width has more. So that weights serve wide and narrow
    networks at once, each width has biases of its own and, but for the widest, a factor for every row and column and a
    matrix of rank one; see `Slimmable`. Widths are fitted together, see `SlimmableWeights`. More of them are nearer to
    each other, and share more.

    Of the paper only the abstract was at hand: widths, their training and their order in the file are this project's.
    Weights have the steps of "mlp" instead of 4 bits each.
    """

    def __init__(
        self,
        *,
        widths: Annotated[int, Range(2, 6), "number of widths"] = 3,
        sphere: Annotated[bool, "whether x and y are longitude and latitude, once around the globe"] = False,
    ) -> None:
        super().__init__(sphere=sphere)
        self._count = widths

    def outline(self, room: int) -> Sequence[Payload]:
        """The base and its details, of equal size: where one is larger, another is smaller."""
        each = room // self._count
        sizes = [room - each * (self._count - 1)] + [each] * (self._count - 1)
        return [Payload(_section(block), bytes(size), base=block == 0) for block, size in enumerate(sizes)]

    def encode(
        self,
        signal: GridSignal,
        room: int,
        *,
        steps: int,
        engine: Spec = "auto",
        seed: int = 0,
        on_event: OnEvent | None = None,
    ) -> Sequence[Payload]:
        """Depth, and widths less the one before, as varints, then the weights; a section for each further block."""
        slimmable = self._slimmable(signal.domain, room)
        preface = _preface(slimmable)
        # a byte a section: sizes of sections may take one more than the outline has
        left = room - len(preface) - self._count
        first, *others = self._fit(signal, slimmable, left, steps=steps, engine=engine, seed=seed, on_event=on_event)
        return [
            Payload(_section(0), preface + first),
            *(Payload(_section(block), data, base=False) for block, data in enumerate(others, start=1)),
        ]

    def decode(self, domain: Domain, payloads: Mapping[str, memoryview], *, limit: int) -> Field:
        """See `Codec.decode`. What follows a missing section is left aside."""
        cursor = Cursor(payloads[_section(0)])
        depth = cursor.varint()
        widths = [cursor.varint()]
        for _ in range(self._count - 1):
            widths.append(widths[-1] + cursor.varint())
        if not (1 <= depth <= DEEPEST and widths[0] >= 1 and widths[-1] <= WIDEST and _ascend(widths)):
            raise InrError(f"it announces networks of {depth} layers of {', '.join(map(str, widths))} units")
        slimmable = Slimmable(tuple(widths), depth, self._features(domain), domain.channels)
        coded = [cursor.rest()]
        while _section(len(coded)) in payloads and len(coded) < self._count:
            coded.append(payloads[_section(len(coded))])
        needed = 4 * sum(slimmable.count(block) for block in range(len(coded)))
        if needed > limit:
            raise InrError(f"its weights take {needed} bytes, more than the limit of {limit}")
        tensors: dict[str, Tensor] = {}
        for block, data in enumerate(coded):
            weights = decode_weights(data, slimmable.shapes(block), limit=limit)
            tensors.update({name: each.values for name, each in weights.items()})
        *_, network = slimmable.networks(tensors, len(coded))
        return with_weights(self._parts(domain, depth, widths[len(coded) - 1]).build(domain), network)

    def _fit(
        self,
        signal: GridSignal,
        slimmable: Slimmable,
        room: int,
        *,
        steps: int,
        engine: Spec,
        seed: int,
        on_event: OnEvent | None,
    ) -> list[bytes]:
        """Blocks after a fit, in at most so many bytes."""
        aware = round(_AWARE * steps)
        setup = Setup(
            *self._parts(signal.domain, slimmable.depth, slimmable.widths[-1]), _batch(signal), steps,
            learning_rate=_rate(signal), optimiser=recommended_optimiser(steps),
        )  # fmt: skip

        narrower = self._fields(signal.domain, slimmable, seed)[:-1]

        def fitted(count: int, lower: float, **options: Any) -> SlimmableWeights:
            """So many steps at a share of the learning rate."""
            weights = SlimmableWeights(signal, slimmable, narrower, engine=engine, seed=seed, **options)
            now = replace(setup, steps=count, learning_rate=lower * _rate(signal))
            tell(
                Fitter(signal, now, Budget(steps=count), engine=engine, seed=seed, parametrisation=weights).run(),
                on_event,
            )
            return weights

        weights = fitted(steps - aware, 1.0)
        rounded = _RoundedBlocks(
            {name: leaf.cpu() for name, leaf in weights.leaves.items()}, weights.loss, room, rate=0.0
        )
        if aware:
            weights = fitted(aware, _LOWER, start=weights.leaves, rounding=rounded)
        else:
            rounded.choose(weights.leaves)
        rounded.settle(weights.leaves)
        return _coded(rounded.rounded(weights.leaves))

    def _fields(self, domain: Domain, slimmable: Slimmable, seed: int) -> list[Field]:
        """A field of each width, drawn from a seed."""
        fields = []
        with torch.random.fork_rng(devices=[]):
            for width in slimmable.widths:
                torch.manual_seed(seed)
                fields.append(self._parts(domain, slimmable.depth, width).build(domain))
        return fields

    def _slimmable(self, domain: Domain, room: int) -> Slimmable:
        """The widest that takes about so many bytes."""
        depth, widest = self._layout(domain, room)
        inside = self._features(domain)
        while True:
            slimmable = Slimmable(_spread(widest, self._count), depth, inside, domain.channels)
            numbers = sum(slimmable.count(block) for block in range(self._count))
            if widest <= _APART * self._count or _BITS * numbers <= 8 * room:
                return slimmable
            widest -= 1


class _RoundedBlocks(RoundedWeights):
    """Rounded weights of which every block is coded by itself, which takes more than all of them at once."""

    def size(self, parameters: Mapping[str, Tensor]) -> int:
        """Bytes of all blocks."""
        return sum(map(len, _coded(self.rounded(parameters))))


def _spread(widest: int, count: int) -> tuple[int, ...]:
    """Widths that grow by equal factors, and by at least some units, even if the last one is then wider."""
    factor = _NARROWEST ** (1 / (count - 1))
    widths = [max(round(widest * _NARROWEST), _APART)]
    for left in reversed(range(count - 1)):
        widths.append(max(round(widest * factor**left), widths[-1] + _APART))
    return tuple(widths)


def _ascend(widths: Sequence[int]) -> bool:
    return all(one < next for one, next in pairwise(widths))


def _preface(slimmable: Slimmable) -> bytes:
    steps = [after - before for before, after in pairwise((0, *slimmable.widths))]
    return b"".join(map(varint, [slimmable.depth, *steps]))


def _section(block: int) -> str:
    return f"detail.{block}" if block else "base"


def _coded(tensors: Mapping[str, Rounded]) -> list[bytes]:
    """Blocks' bytes; the names of tensors begin with their block."""
    grouped = groupby(tensors.items(), key=lambda item: item[0].partition(".")[0])
    return [encode_weights(dict(items)) for _, items in grouped]
