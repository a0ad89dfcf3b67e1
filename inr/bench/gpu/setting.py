"""How large the work is, and the card it is done on: its clock and its memory."""

import functools
import gc
import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from inr.bench.gpu.report import Measured

Run = Callable[[], object]
RUNS_IN_A_ROW = 50  # at most


@dataclass(frozen=True)
class Setting:
    """Sizes of the work; `tiny` ones tell whether the script works, and nothing else.

    Attributes:
        points: of a step; repeats: turns of which the median counts; turn: seconds that a turn should last.
        warm: runs before any that counts.
        widest: the most units that a network is given; matrix: rows of the products whose speed is the peak.
        compiler: torch.compile's; precisions: of the engine.
        hash_points, hash_steps: of the fit of the large picture, which is `large`.
        fit_steps: of the fits of `pictures`; the default's own where None. siren_points: of the SIREN's steps there.
        first_steps: of the fits of the first look. fields: of a set; side: pixels of its pictures in both directions.
        seconds: after which `tune` begins nothing new.
    """

    device: str = "cuda"
    points: int = 2**20
    repeats: int = 20
    turn: float = 0.02
    warm: int = 3
    widest: int = 256
    matrix: int = 8192
    compiler: str = "inductor"
    precisions: tuple[str, ...] = ("float16", "bfloat16", "tf32", "float32")
    hash_points: int = 2**18
    hash_steps: int = 1000
    fit_steps: int | None = None
    siren_points: int = 2**16
    siren_steps: int = 1000
    first_steps: int = 500
    fields: int = 2048
    side: int = 32
    seconds: float = 400.0
    pictures: Path | None = None
    large: Path | None = None

    @staticmethod
    def tiny(pictures: Path | None = None, large: Path | None = None) -> "Setting":
        """On the processor, with kernels interpreted (TRITON_INTERPRET=1)."""
        return Setting(
            device="cpu", points=64, repeats=1, turn=0.0, warm=1, widest=16, matrix=32, compiler="eager",
            hash_points=16, hash_steps=2, fit_steps=3, siren_points=64, siren_steps=2, first_steps=8, fields=3, side=8,
            seconds=10.0,
            pictures=pictures, large=large,
        )  # fmt: skip


class Card:
    """The device of a setting."""

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)
        self.cuda = self.device.type == "cuda"

    @property
    def l2(self) -> int:
        """Bytes of its last cache."""
        if not self.cuda:
            return 0
        return getattr(torch.cuda.get_device_properties(self.device), "L2_cache_size", 2**26)

    def wait(self) -> None:
        """Until all is done that was asked for."""
        if self.cuda:
            torch.cuda.synchronize(self.device)

    def release(self) -> None:
        """Give memory back that nothing uses any more."""
        gc.collect()
        if self.cuda:
            torch.cuda.empty_cache()

    def seconds(self, run: Run, times: int = 1) -> float:
        """Of one run, of so many in a row."""
        self.wait()
        start = time.perf_counter()
        for _ in range(times):
            run()
        self.wait()
        return (time.perf_counter() - start) / times

    def median(self, run: Run, turn: float, repeats: int) -> float:
        """Seconds of one run: the median of `repeats` turns of some `turn` seconds each."""
        times = self.warm(run, turn)
        return statistics.median(self.seconds(run, times) for _ in range(repeats))

    def warm(self, run: Run, turn: float, runs: int = 3) -> int:
        """Run until all is compiled; how many runs a turn of so many seconds takes."""
        for _ in range(runs):
            run()
        return min(max(math.ceil(turn / self.seconds(run)), 1), RUNS_IN_A_ROW)

    def peak_bytes(self, run: Run) -> int:
        """The most memory that a run takes beyond what is taken before it, whoever allocates it."""
        if not self.cuda:
            run()
            return 0
        run()  # all is compiled, and lasting buffers are there
        self.wait()
        self.release()
        others = self._others()
        torch.cuda.reset_peak_memory_stats(self.device)
        before = torch.cuda.memory_allocated(self.device)
        run()
        self.wait()
        return torch.cuda.max_memory_allocated(self.device) - before + max(self._others() - others, 0)

    def _others(self) -> int:
        """Bytes of the card that torch has not allocated: those of other libraries, which keep what they once took."""
        free, total = torch.cuda.mem_get_info(self.device)
        return total - free - torch.cuda.memory_reserved(self.device)


@dataclass
class Times:
    """Seconds of each side's turns, and why a side has none."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def of(self, side: str) -> float | str | None:
        """The median; or "failed: …"; or None for a side that was not there."""
        if side in self.failures:
            return f"failed: {self.failures[side]}"
        found = self.seconds.get(side)
        return statistics.median(found) if found else None

    def fastest(self, *sides: str) -> tuple[str, float | str | None]:
        """The side with the smallest median, and that; where none has one, the first that was there."""
        medians = {side: self.of(side) for side in sides}
        timed = {side: found for side, found in medians.items() if isinstance(found, float)}
        if timed:
            return min(timed.items(), key=lambda item: item[1])
        return next(((side, found) for side, found in medians.items() if found is not None), (sides[0], None))


def one_line(error: BaseException) -> str:
    """What an error says, short enough for a table."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else text[:157] + "..."


def turns(sides: Mapping[str, Run], card: Card, setting: Setting) -> Times:
    """All sides take turns, warmed up before; one that fails is left out from there on."""
    found = Times()
    runs: dict[str, int] = {}

    def attempt(side: str, what: Callable[[], None]) -> None:
        try:
            what()
        except Exception as error:  # whatever it is, the other sides go on
            found.failures[side] = one_line(error)

    def warm(side: str) -> None:
        runs[side] = card.warm(sides[side], setting.turn, setting.warm)
        found.seconds[side] = []

    def turn(side: str) -> None:
        found.seconds[side].append(card.seconds(sides[side], runs[side]))

    for side in sides:
        attempt(side, functools.partial(warm, side))
    for _ in range(setting.repeats):
        for side in sides:
            if side not in found.failures:
                attempt(side, functools.partial(turn, side))
    return found


@dataclass(frozen=True)
class Bench:
    """What is measured, and where."""

    setting: Setting
    card: Card

    @property
    def eager(self) -> str:
        """Plain PyTorch on the card, as an engine."""
        return f"eager:device={self.card.device}" if self.card.cuda else "eager"

    def width(self, wanted: int) -> int:
        """Units of a layer."""
        return min(wanted, self.setting.widest)

    def turns(self, **running: Run) -> Times:
        """All sides in turn."""
        return turns(running, self.card, self.setting)

    def peak(self) -> float:
        """Operations a second of the fastest of many products of large 16-bit matrices."""
        size = self.setting.matrix
        torch.manual_seed(0)
        a, b = (torch.randn(size, size, device=self.card.device, dtype=torch.float16) for _ in range(2))
        out = torch.empty_like(a)

        def product() -> None:
            torch.matmul(a, b, out=out)

        runs = self.card.warm(product, self.setting.turn, self.setting.warm)
        return 2 * size**3 / min(self.card.seconds(product, runs) for _ in range(self.setting.repeats))


def scaled(value: Measured, factor: float) -> Measured:
    """A number times a factor; what is none stays as it is."""
    return value * factor if isinstance(value, float) else value
