"""The codec "doh": all weights of a network are random projections of one short code, which is all that is stored.

Payload: the numbers of sine layers, of units in each and of numbers in the code, as varints; the seed, uint32, and the
code's step, float16, both little-endian; then the code's integers, as `encode_integers` makes them.
"""

import math
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from inr._errors import InrError
from inr.compression.bitstream.integers import decode_integers, encode_integers
from inr.compression.bitstream.network import DEEPEST, WIDEST, with_weights
from inr.compression.bitstream.philox import BITS, bit_rows
from inr.compression.bitstream.stream import Cursor
from inr.compression.codecs.base import OnEvent, Payload, codecs
from inr.compression.codecs.mlp import _BITS, MlpCodec, _batch
from inr.container._varint import varint
from inr.field import Field, Spec
from inr.fitting import Event
from inr.fitting._checks import check_setup
from inr.fitting._defaults import Setup
from inr.fitting._events import Reason, message
from inr.fitting._state import Progress
from inr.jit.compile import kernel
from inr.signals import Domain, GridSignal

# bits of a number of the code, and weights for each of them, with which pictures did best
_CODE_BITS, _RATIO = 5.0, 1.5
_RATE = 0.1
# of the steps, with a rounded code; how often its step is chosen anew meanwhile, and until when
_AWARE, _INTERVAL, _SETTLED = 0.4, 1 / 16, 3 / 4
# of the room, that is aimed at while the code still drifts
_AIM = 0.985
# signs of a projection: as many as are made in about ten seconds; and numbers of a code
_MOST_SIGNS, _LONGEST = 1 << 31, 1 << 20
# words of random bits made at once, 1 MiB; making them takes some ten times as much
_BLOCK = 1 << 18
# step of a code that is not rounded
_FINE = 2.0**-24
_FIXED = struct.Struct("<Ie")


@codecs.register(
    "doh",
    source="D'OH: Decoder-Only Random Hypernetworks, ACCV 2024",
    formula="vec(W_l) = s_l P_l z, P_l random from a seed, z coded",
    limits="slow to fit: every step generates all weights",
)
class DohCodec(MlpCodec):
    """The network of "mlp" with weights that are fixed random projections of one code, which alone is learned.

    The weights of every layer, and its biases, are s P z with signs P drawn from a seed and one s a tensor, by which z
    of unit variance gives them a suitable variance: in hidden layers that of a sine network's initial weights. Signs
    are made by a counter-based generator and products are sums of integers, so the same weights come out on every
    machine. The network has half as many weights again as the code has numbers. The last two fifths of the steps are
    computed with a rounded code, whose step is as small as the bytes allow; gradients pass straight through.

    On small pictures it is 0.3 to 1.3 dB below "mlp" at equal bytes: rounding a number disturbs the whole network.
    The code has at most 36,000 numbers (2^31 signs): beyond about 22,000 bytes it only gets finer.
    """

    def __init__(
        self,
        *,
        sphere: Annotated[bool, "whether x and y are longitude and latitude, once around the globe"] = False,
    ) -> None:
        super().__init__(sphere=sphere)

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
        """One section: what is said in `inr.compression.codecs.doh`."""
        depth, width, latent = self._sizes(signal.domain, room)
        parts = self._parts(signal.domain, depth, width)
        setup = Setup(*parts, _batch(signal), steps, rates=_RATE)
        check_setup(setup, seed)
        preface = varint(depth) + varint(width) + varint(latent)
        field = parts.build(signal.domain)
        projection = Projection(field, seed, latent, keep=True)
        code = _Code(latent, seed, room - len(preface) - _FIXED.size)
        _fit(field, signal, setup, projection, code, engine=engine, seed=seed, on_event=on_event)
        return [Payload("base", preface + _FIXED.pack(seed, code.step) + encode_integers(code.rounded()))]

    def decode(self, domain: Domain, payloads: Mapping[str, memoryview], *, limit: int) -> Field:
        """See `Codec.decode`. Refuses what takes more than 2^31 signs as well, so that damaged files end soon."""
        cursor = Cursor(payloads["base"])
        depth, width, latent = cursor.varint(), cursor.varint(), cursor.varint()
        if not (1 <= depth <= DEEPEST and 1 <= width <= WIDEST and 1 <= latent <= _LONGEST):
            raise InrError(f"it announces a network of {depth} layers of {width} units made of {latent} numbers")
        seed, step = _FIXED.unpack(cursor.take(_FIXED.size))
        if not 0 < step < math.inf:
            raise InrError(f"the step of its numbers is {step}")
        parts = self._parts(domain, depth, width)
        count = parts.build(domain, "meta").parameter_count
        if 4 * count > limit:
            raise InrError(f"its weights take {4 * count} bytes, more than the limit of {limit}")
        if _signs(count, latent) > _MOST_SIGNS:
            raise InrError(f"{count} weights made of {latent} numbers would take too long")
        integers = decode_integers(cursor.rest(), latent, limit=limit).astype(np.int64)
        field = parts.build(domain)
        return with_weights(field, Projection(field, seed, latent).weights(integers, step))

    def _sizes(self, domain: Domain, room: int) -> tuple[int, int, int]:
        """Depth and width of the network, and numbers of the code."""
        most = math.isqrt(int(_MOST_SIGNS / (1.1 * _RATIO)))
        latent = min(max(int(8 * (room - _FIXED.size - 4) / _CODE_BITS), 8), most)
        depth, width = self._layout(domain, int(_RATIO * latent * _BITS / 8))
        return depth, width, latent


class Projection:
    """All parameters of a field as products s P z of a matrix of signs and a code, s being a number for each tensor.

    Args:
        field: an MLP of sine units, whose parameters are replaced in their order.
        seed: of the signs, from 0 to 2^32 - 1.
        latent: numbers in the code, m.
        keep: hold the signs, an eighth of a byte each, for many products; they are made anew for each otherwise.
        block: words of signs made at once.
    """

    def __init__(self, field: Field, seed: int, latent: int, *, keep: bool = False, block: int = _BLOCK) -> None:
        self._shapes = {name: tuple(parameter.shape) for name, parameter in field.named_parameters()}
        # a code of unit variance gives m times the variance of a sign
        self._scales = {name: spread / math.sqrt(latent) for name, spread in _spreads(field).items()}
        self._sizes = [math.prod(shape) for shape in self._shapes.values()]
        self._count = -(-sum(self._sizes) // 4) * 4  # the kernel takes four rows at once
        self._seed, self._latent = seed, latent
        self._padded = -(-latent // BITS) * BITS
        self._rows = max(block * 32 // self._padded // 4, 1) * 4
        self._kept = list(self._made()) if keep else None

    def weights(self, integers: Int64[np.ndarray, " m"], step: float) -> dict[str, Float32[Tensor, "..."]]:
        """The tensors that a code makes, the same on every machine.

        Args:
            integers: the code's numbers in units of `step`, of magnitudes that add up to less than 2^52.
        """
        code = np.zeros(self._padded, dtype=np.int64)
        code[: self._latent] = integers
        sums = np.empty(self._count, dtype=np.int64)
        for start, bits in self._blocks():
            _project(bits, code, sums[start : start + len(bits)])
        # exact up to here; then a product in float64 and one rounding to float32, which are the same everywhere
        pieces = np.split(sums[: sum(self._sizes)].astype(np.float64), np.cumsum(self._sizes)[:-1])
        return {
            name: torch.from_numpy((piece * (self._scales[name] * step)).astype(np.float32).reshape(shape))
            for (name, shape), piece in zip(self._shapes.items(), pieces, strict=True)
        }

    def transposed(self, tensors: Mapping[str, Float[Tensor, "..."]]) -> Float32[Tensor, " m"]:
        """The transposed product: of gradients by the tensors it makes the gradient by the code."""
        flat = torch.zeros(self._count)
        flat[: sum(self._sizes)] = torch.cat(
            [self._scales[name] * tensors[name].reshape(-1).float().cpu() for name in self._shapes]
        )
        out = np.zeros(self._padded, dtype=np.float32)
        numbers = flat.numpy()
        for start, bits in self._blocks():
            _add_transposed(bits, numbers[start : start + len(bits)], out)
        return torch.from_numpy(2 * out[: self._latent] - numbers.sum())

    def _blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        return iter(self._kept) if self._kept is not None else self._made()

    def _made(self) -> Iterator[tuple[int, np.ndarray]]:
        """Rows of bits, 1 for the sign +, and where they begin."""
        for start in range(0, self._count, self._rows):
            yield start, bit_rows(self._seed, start, min(start + self._rows, self._count), self._latent)


def _signs(count: int, latent: int) -> int:
    """Signs that a projection makes, those included that only fill up a counter."""
    return count * -(-latent // BITS) * BITS


def _spreads(field: Field) -> dict[str, float]:
    """Standard deviations of weights and biases that a code of unit variance makes.

    In hidden layers those of a sine network's initial weights, see `inr.activations._sine`. Other tensors grow or
    shrink by themselves in other fits, and here only with all others. Weights of the last layer are so large that
    values spread by a third; its bias is a third of that. Other biases are a tenth of the usual ones, for phases would
    suffer most from rounding the code, and weights of the first layer half of them. Measured on small pictures.
    """
    network: Any = field.network
    omega = network.activation.omega
    spreads = {}
    for name, parameter in field.named_parameters():
        index = int(name.split(".")[2])
        inputs = network.layers[index].weight.shape[1]
        if index == network.depth:
            spreads[name] = math.sqrt(2 / inputs) / (3 if parameter.ndim == 2 else 9)
        elif parameter.ndim == 1:
            spreads[name] = math.sqrt(3 / inputs) / omega
        else:
            spreads[name] = math.sqrt(1 / 12) / inputs if index == 0 else math.sqrt(2 / inputs) / omega
    return spreads


@kernel
def _project(bits: np.ndarray, code: np.ndarray, sums: np.ndarray) -> None:
    """Sums of the code's integers, each with the sign of its bit in a row; rows hold a multiple of four words."""
    total = code.sum()
    parts = np.zeros(32, np.int64)
    for row in range(bits.shape[0]):
        parts[:] = 0
        for word in range(0, bits.shape[1], 4):
            a, b, c, d = bits[row, word], bits[row, word + 1], bits[row, word + 2], bits[row, word + 3]
            here = code[32 * word : 32 * word + 128]
            for lane in range(32):
                bit = np.uint32(1) << np.uint32(lane)
                parts[lane] += ((here[lane] if a & bit else 0) + (here[32 + lane] if b & bit else 0)) + (
                    (here[64 + lane] if c & bit else 0) + (here[96 + lane] if d & bit else 0)
                )
        sums[row] = 2 * parts.sum() - total


@kernel
def _add_transposed(bits: np.ndarray, numbers: np.ndarray, out: np.ndarray) -> None:
    """Add to every column the numbers of the rows that have its bit; a multiple of four rows."""
    zero = np.float32(0)
    for row in range(0, bits.shape[0], 4):
        a, b, c, d = numbers[row], numbers[row + 1], numbers[row + 2], numbers[row + 3]
        for word in range(bits.shape[1]):
            p, q, r, s = bits[row, word], bits[row + 1, word], bits[row + 2, word], bits[row + 3, word]
            for lane in range(32):
                bit = np.uint32(1) << np.uint32(lane)
                out[32 * word + lane] += ((a if p & bit else zero) + (b if q & bit else zero)) + (
                    (c if r & bit else zero) + (d if s & bit else zero)
                )


class _Code:
    """The code as it is learned, and the step to which it is rounded.

    Args:
        room: bytes that its integers may take.
    """

    def __init__(self, latent: int, seed: int, room: int) -> None:
        self.numbers = torch.randn(latent, generator=torch.Generator().manual_seed(seed))
        self.step = _FINE
        self._room = room

    def rounded(self) -> Int64[np.ndarray, " m"]:
        """The integers."""
        return np.clip(np.rint(self.numbers.double().numpy() / self.step), -(2**31) + 1, 2**31 - 1).astype(np.int64)

    def choose(self, share: float = 1.0) -> None:
        """Take the step under which the integers take about a share of the room."""
        if self.step == _FINE:
            self.step = _half(float(self.numbers.std()) / 8)
        for _ in range(8):
            excess = self._bytes() - share * self._room
            if -0.01 * self._room <= excess <= 0:
                break
            self._coarsen(excess)

    def settle(self) -> None:
        """Take a larger step until the integers are within the room, or all 0."""
        while (excess := self._bytes() - self._room) > 0 and self.step < 2**15 and self.rounded().any():
            self._coarsen(excess)

    def _coarsen(self, excess: float) -> None:
        """Take the step with which so many bytes fewer are expected: one bit a number for twice the step."""
        octaves = min(max(8 * excess / len(self.numbers), -4.0), 4.0)
        self.step = _half(self.step * 2 ** (octaves if excess < 0 else max(octaves, 0.02)))

    def _bytes(self) -> int:
        return len(encode_integers(self.rounded()))


def _half(step: float) -> float:
    """The nearest number of float16 from 2^-14 to 2^15."""
    return float(np.float16(min(max(step, 2.0**-14), 2.0**15)))


def _fit(
    field: Field,
    signal: GridSignal,
    setup: Setup,
    projection: Projection,
    code: _Code,
    *,
    engine: Spec,
    seed: int,
    on_event: OnEvent | None,
) -> None:
    """Learn a code by Adam at a rate that falls as a cosine; it ends rounded to a step within its room."""
    from inr.engines import plan
    from inr.fitting._optimiser import SCHEDULES
    from inr.objectives import Regression
    from inr.teaching import teachers

    name, ready = plan(field, Regression(signal), engine)
    field.to(ready.device)
    compiling = ready.prepare()
    teacher = teachers.build(setup.teacher)
    teacher.bind(signal, setup.steps, setup.batch, seed, ready.device)
    adam = torch.optim.Adam([code.numbers], lr=_RATE)
    progress, chosen, best = Progress(), 1 - _AWARE, code.numbers.clone()

    def tell(kind: Any, loss: float, reason: Reason | None = None) -> None:
        if on_event is not None:
            psnr = 10 * math.log10(4 / progress.running) if progress.running > 0 else math.nan
            rate = adam.param_groups[0]["lr"]
            text = "" if reason is None else message(reason, progress.step, "")
            on_event(
                Event(
                    kind, progress.step, setup.steps, loss, psnr, progress.seconds, rate, name, progress.points,
                    reason, text, compiling,
                )
            )  # fmt: skip

    tell("start", math.nan)
    reason: Reason = "steps"
    while progress.step < setup.steps:
        begin = time.perf_counter()
        fraction = progress.step / setup.steps
        if not bool(code.numbers.isfinite().all()):
            reason, code.numbers = "diverged", best
            break
        adam.param_groups[0]["lr"] = _RATE * SCHEDULES[setup.schedule](fraction)
        if fraction >= chosen and (fraction < 1 - _AWARE * (1 - _SETTLED) or code.step == _FINE):
            code.choose(_AIM)
            chosen += _AWARE * _INTERVAL
        weights = projection.weights(code.rounded(), code.step)
        batch = teacher.select(progress.step, None).to(ready.device)
        result = ready.loss_and_grad({key: each.to(ready.device) for key, each in weights.items()}, batch)
        loss = result.loss.item()
        if not math.isfinite(loss):
            reason, code.numbers = "diverged", best
            break
        progress.observe(loss, len(result.residuals))
        if progress.step % max(setup.steps // 50, 10) == 1 and progress.running < progress.best:
            progress.best, best = progress.running, code.numbers.clone()
        if not result.skipped:
            code.numbers.grad = projection.transposed({key: each.to_dense() for key, each in result.grads.items()})
            adam.step()
        progress.seconds += time.perf_counter() - begin
        tell("step", loss)
    if code.step == _FINE:
        code.choose(_AIM)
    code.settle()
    tell("end", progress.running, reason)
