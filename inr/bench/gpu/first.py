"""The first look at a card, in a few minutes: how exact the kernels are on it, and the times that tell most.

Parts run in the order of what they tell. One that is not expected to end within the time that is left is skipped, and
a row says so.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from inr.bench.flops import learning_flops
from inr.bench.gpu import sides
from inr.bench.gpu.report import Measured
from inr.bench.gpu.setting import Bench, one_line, scaled
from inr.bench.quality import psnr
from inr.signals import Signal

# activation, depth and width of the networks
NETWORKS = {"siren": ("sine", 5, 256), "siren64": ("sine", 5, 64), "relu": ("relu", 2, 64)}
PRECISIONS = ("float16", "float32")  # whose exactness is told: the default, and the most exact one
HASH = "hash:levels=12,log2_size=16,coarsest=16,finest=768"


@dataclass(frozen=True)
class Found:
    """Something measured: a row of the report's table where it has a key of one, something besides otherwise.

    Attributes:
        work, against: What was measured, beside what.
        theirs, ours: Numbers in a unit; or why there is none.
        kind: How the two are compared: times, a share in percent, or a difference.
    """

    work: str
    against: str
    theirs: Measured
    ours: Measured
    unit: str
    kind: str = "speed"
    note: str = ""

    @property
    def ratio(self) -> str:
        """Theirs by ours for times, ours by theirs for shares, ours less theirs for differences."""
        if not isinstance(self.theirs, float) or not isinstance(self.ours, float):
            return ""
        if self.kind == "difference":
            return f"{self.ours - self.theirs:+.2f} {self.unit}"
        if not self.theirs or not self.ours:
            return ""
        return f"{100 * self.ours / self.theirs:.1f} %" if self.kind == "share" else f"{self.theirs / self.ours:.3g}x"


@dataclass(frozen=True)
class Part:
    """A part of the first look; `seconds` is the most that it is expected to take, compiling included."""

    seconds: float
    measure: Callable[[Bench], Iterator[Found]]


def look(bench: Bench, limit: float) -> Iterator[Found]:
    """Measure one part after the other for so many seconds; failures and parts left out are told."""
    end = time.perf_counter() + limit
    for name, part in PARTS.items():
        left = end - time.perf_counter()
        if part.seconds > left:
            why = f"skipped: {left:.0f} s were left, and it may take {part.seconds:.0f} s"
            yield Found(name, "", None, why, "")
            continue
        try:
            yield from part.measure(bench)
        except Exception as error:  # the other parts go on
            yield Found(name, "", None, f"failed: {one_line(error)}", "")
        bench.card.release()


def exactness(bench: Bench) -> Iterator[Found]:
    """Values and gradients of the kernels beside the same field in float64, on the device itself."""
    for name, (activation, depth, full) in NETWORKS.items():
        network = f"mlp:depth={depth},width={bench.width(full)}"
        for precision in PRECISIONS:
            batches = sides.Batches(bench.setting, bench.card)
            ours = sides.Ours(batches.cycle(), bench.card, activation, network, precision)
            for what, apart in ours.errors().items():
                yield Found(
                    f"{name}, {precision}: relative error of {what}", "float64 on the device", None, apart, "",
                    note="root mean square, by that of the reference",
                )  # fmt: skip


def network(name: str) -> Callable[[Bench], Iterator[Found]]:
    """Training step and inference of a network beside eager PyTorch."""
    activation, depth, full = NETWORKS[name]
    title = f"{'ReLU' if activation == 'relu' else 'SIREN'} {depth}x{full}"

    def measure(bench: Bench) -> Iterator[Found]:
        width, points = bench.width(full), bench.setting.points
        batches = sides.Batches(bench.setting, bench.card)
        model = sides.relu(width, depth) if activation == "relu" else sides.siren(width, depth)
        plain = sides.eager(model, batches, bench.card)
        ours = sides.Ours(batches.cycle(), bench.card, activation, f"mlp:depth={depth},width={width}")
        against = "PyTorch eager float32"
        found = bench.turns(theirs=plain.step, ours=ours.step)
        note = "; ".join(filter(None, (plain.note(), ours.note())))
        yield Found(
            f"{title}, {points:,} points, training step", against, scaled(found.of("theirs"), 1e3),
            scaled(found.of("ours"), 1e3), "ms", note=note,
        )  # fmt: skip
        if name == "siren":
            done = learning_flops(ours.field.network) * points * 1e-12
            seconds = found.of("ours")
            yield Found(
                "the same, its share", "peak of 16-bit products", bench.peak() * 1e-12,
                done / seconds if isinstance(seconds, float) else seconds, "TFLOP/s", "share",
            )  # fmt: skip
        found = bench.turns(theirs=plain.infer, ours=ours.infer)
        yield Found(
            f"{title}, {points:,} points, inference", against, scaled(found.of("theirs"), 1e3),
            scaled(found.of("ours"), 1e3), "ms",
        )  # fmt: skip

    return measure


def hash_grid(bench: Bench) -> Iterator[Found]:
    """A step of the default picture fit, the whole loop, beside the same on the engine `eager`."""
    runs = {engine: iter(fit(bench, engine, bench.setting.first_steps)[1]) for engine in ("triton", bench.eager)}
    for events in runs.values():
        next(events)
    found = bench.turns(theirs=lambda: next(runs[bench.eager]), ours=lambda: next(runs["triton"]))
    yield Found(
        "hash grid + ReLU 2x64, the default picture fit, one step of the loop", "the same on the engine eager",
        scaled(found.of("theirs"), 1e3), scaled(found.of("ours"), 1e3), "ms",
    )  # fmt: skip


def quality(bench: Bench) -> Iterator[Found]:
    """Final PSNR of one picture beside eager PyTorch in float32, from the same seed, after the same steps."""
    ends: dict[str, float] = {}
    for engine in ("triton", bench.eager):
        fitter, events = fit(bench, engine, bench.setting.fit_steps or bench.setting.first_steps)
        *_, end = events
        if end.reason != "steps":
            raise RuntimeError(end.message)
        ends[engine] = psnr(fitter.execute, fitter.signal, fitter.plan.block)
    yield Found(
        "final PSNR of the default picture fit", "engine eager, float32", ends[bench.eager], ends["triton"], "dB",
        "difference",
    )  # fmt: skip


def fit(bench: Bench, engine: str, steps: int) -> tuple[Any, Iterator[Any]]:
    """The default fit of a picture on an engine, and its events."""
    from inr.fitting import Budget, make_fitter

    options: dict[str, Any] = {} if bench.card.cuda else {"batch": 64}
    fitter = make_fitter(
        picture(bench), encoding=HASH, activation="relu", network=f"mlp:depth=2,width={bench.width(64)}",
        budget=Budget(steps=steps), engine=engine, seed=0, lattice_only=True, **options,
    )  # fmt: skip
    return fitter, fitter.run()


def picture(bench: Bench) -> Signal:
    """kodim23 of the folder that was given, or the picture that scikit-image brings; a corner of it in a dry run."""
    if bench.setting.pictures is not None:
        from inr.signals import open as open_signal

        signal = open_signal(bench.setting.pictures / "kodim23.png")
    else:
        from skimage.data import astronaut

        signal = Signal.from_array(astronaut(), kind="image")
    return signal if bench.card.cuda else Signal.from_array(signal.array[:10, :12].copy(), kind="image")


PARTS = {
    "kernels against float64": Part(60, exactness),
    "SIREN 5x256": Part(60, network("siren")),
    "SIREN 5x64": Part(45, network("siren64")),
    "ReLU 2x64": Part(45, network("relu")),
    "hash grid": Part(60, hash_grid),
    "quality": Part(60, quality),
}
