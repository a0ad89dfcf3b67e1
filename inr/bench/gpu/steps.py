"""The steps of `benchmarks/gpu.py`: each measures some rows of the table, and keeps them as it goes."""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import inr
from inr.bench.crops import crops, quartered
from inr.bench.flops import learning_flops
from inr.bench.gpu import machine, sides
from inr.bench.gpu.first import look
from inr.bench.gpu.report import Measured, Store, number, write
from inr.bench.gpu.setting import Bench, Card, Setting, Times, one_line, scaled
from inr.bench.quality import psnr

FIRST_SECONDS = 330.0  # of the first look: what is left of six minutes goes to starting
NO_TCNN = "there is no tiny-cuda-nn here"
SET_TARGET = 35.0  # dB
PICTURES = ("kodim08", "kodim20", "kodim23")
# tiny-cuda-nn's own sample, data/config_hash.json
GRID = {"levels": 16, "features": 2, "log2_size": 15, "coarsest": 16, "growth": 1.5}


@dataclass(frozen=True)
class StoredBench(Bench):
    """What every step is given: also where to keep what it finds."""

    store: Store

    @contextlib.contextmanager
    def attempt(self, key: str) -> Iterator[None]:
        """What fails within is noted under a row, and the step goes on."""
        try:
            yield
        except Exception as error:  # whatever it is: other rows can be measured
            failure = f"failed: {one_line(error)}"
            if key in self.store.rows:  # what came after it
                self.store.extra(key.partition("/")[0], f"what comes with {key}", failure)
            else:
                self.store.row(key, None, failure)
        self.card.release()


def siren(bench: StoredBench) -> None:
    """SIREN 5x256 beside eager PyTorch; its share of the peak; every precision; inference."""
    width, points = bench.width(256), bench.setting.points
    batches = sides.Batches(bench.setting, bench.card)
    activation, network = "sine", f"mlp:depth=5,width={width}"
    best = None
    with bench.attempt("siren/share"):
        best = bench.peak()
    theirs = sides.eager(sides.siren(width, 5), batches, bench.card)
    with bench.attempt("siren/eager"):
        ours = sides.Ours(batches.cycle(), bench.card, activation, network)
        found = bench.turns(theirs=theirs.step, ours=ours.step)
        note = "; ".join(filter(None, (theirs.note(), ours.note())))
        bench.store.row("siren/eager", scaled(found.of("theirs"), 1e3), scaled(found.of("ours"), 1e3), note)
        seconds = found.of("ours")
        done = learning_flops(ours.field.network) * points / seconds if isinstance(seconds, float) else seconds
        if best is not None:
            bench.store.row("siren/share", best * 1e-12, scaled(done, 1e-12))
        found = bench.turns(theirs=theirs.infer, ours=ours.infer, gradients=ours.gradients)
        for side, what in (
            ("ours", "SIREN 5x256, inference"),
            ("theirs", "SIREN 5x256, inference, PyTorch eager float32"),
            ("gradients", "SIREN 5x256, forward and backward without Adam"),
        ):
            rate(bench, "siren", what, found.of(side))
    del theirs
    bench.card.release()
    for precision in bench.setting.precisions:
        try:
            in_precision = sides.Ours(batches.cycle(), bench.card, activation, network, precision)
            found = bench.turns(step=in_precision.step, infer=in_precision.infer)
        except Exception as error:  # a precision that this card lacks
            found = Times(failures={"step": one_line(error), "infer": one_line(error)})
        rate(bench, "siren", f"SIREN 5x256, training step, {precision}", found.of("step"))
        rate(bench, "siren", f"SIREN 5x256, inference, {precision}", found.of("infer"))


def rate(bench: StoredBench, step: str, what: str, seconds: Measured) -> None:
    """Milliseconds of a batch, and millions of points a second, as something besides."""
    note = f"{bench.setting.points / seconds * 1e-6:.0f} million points a second" if isinstance(seconds, float) else ""
    bench.store.extra(step, what, scaled(seconds, 1e3), "ms", note)


def compilers(bench: StoredBench) -> None:
    """SIREN 5x256 beside torch.compile in the precisions it has."""
    width = bench.width(256)
    batches = sides.Batches(bench.setting, bench.card)
    with bench.attempt("compile/best"):
        torch._dynamo.reset()
        theirs = sides.compiled(lambda: sides.siren(width, 5), batches, bench.card, bench.setting.compiler)
        ours = sides.Ours(batches.cycle(), bench.card, "sine", f"mlp:depth=5,width={width}")
        found = bench.turns(ours=ours.step, **{label: side.step for label, side in theirs.items()})
        best, seconds = found.fastest(*theirs)
        bench.store.row("compile/best", scaled(seconds, 1e3), scaled(found.of("ours"), 1e3), f"their best is {best}")
        for label in theirs:
            rate(bench, "compile", f"SIREN 5x256, training step, torch.compile, {label}", found.of(label))


def tcnn_sides(
    bench: StoredBench, batches: sides.Batches, network: dict[str, Any], jit: tuple[bool, ...]
) -> dict[str, Any]:
    """tiny-cuda-nn's network, with and without its run-time compilation; none where the bindings are not there."""
    library = machine.tinycudann()
    if isinstance(library, str):
        return {}
    able = bool(getattr(library, "supports_jit_fusion", lambda: False)())
    chosen = [fuse for fuse in jit if able or not fuse]
    return {
        "with JIT" if fuse else "without JIT": sides.tcnn(library, network, batches, bench.card, jit=fuse)
        for fuse in chosen
    }


def jit_note(theirs: dict[str, Any], label: str) -> str:
    """Which of tiny-cuda-nn's ways a number is of; it falls back from JIT by itself where that does not compile."""
    if not theirs:
        return NO_TCNN
    fell_back = label == "with JIT" and not theirs[label].model.jit_fusion
    return f"theirs {label}{', which it gave up' if fell_back else ''}; ours has biases, theirs none"


def siren64(bench: StoredBench) -> None:
    """SIREN 5x64 beside eager PyTorch and tiny-cuda-nn."""
    width = bench.width(64)
    batches = sides.Batches(bench.setting, bench.card)
    with bench.attempt("siren64/eager"):
        plain = sides.eager(sides.siren(width, 5), batches, bench.card)
        ours = sides.Ours(batches.cycle(), bench.card, "sine", f"mlp:depth=5,width={width}")
        found = bench.turns(theirs=plain.step, ours=ours.step)
        bench.store.row("siren64/eager", scaled(found.of("theirs"), 1e3), scaled(found.of("ours"), 1e3), plain.note())
        found = bench.turns(theirs=plain.infer, ours=ours.infer)
        rate(bench, "siren64", "SIREN 5x64, inference", found.of("ours"))
        rate(bench, "siren64", "SIREN 5x64, inference, PyTorch eager float32", found.of("theirs"))
        del plain
    with bench.attempt("siren64/tcnn"):
        network = sides.tcnn_network("CutlassMLP", "Sine", width, 5)
        theirs = tcnn_sides(bench, batches, network, (False, True))
        found = bench.turns(ours=ours.step, **{label: side.step for label, side in theirs.items()})
        note = jit_note(theirs, "without JIT")
        bench.store.row("siren64/tcnn", scaled(found.of("without JIT"), 1e3), scaled(found.of("ours"), 1e3), note)
        if "with JIT" in theirs:
            note = "another kernel than CutlassMLP's; whether its gradients of sine are right was not looked at"
            bench.store.extra(
                "siren64", "tcnn Sine with JIT, training step", scaled(found.of("with JIT"), 1e3), "ms", note
            )


def relu(bench: StoredBench) -> None:
    """Small ReLU networks of two coordinates beside tiny-cuda-nn's fused ones."""
    batches = sides.Batches(bench.setting, bench.card)
    for depth, full in ((2, 64), (3, 32)):
        width, size = bench.width(full), f"{depth}x{full}"
        ours: Any = None
        theirs: dict[str, Any] = {}
        plain: Any = None
        for what in ("infer", "train"):
            with bench.attempt(f"relu/{size}/{what}"):
                if ours is None:
                    ours = sides.Ours(batches.cycle(), bench.card, "relu", f"mlp:depth={depth},width={width}")
                    network = sides.tcnn_network("FullyFusedMLP", "ReLU", width, depth)
                    theirs = tcnn_sides(bench, batches, network, (True, False))
                    plain = sides.eager(sides.relu(width, depth), batches, bench.card)
                running = {"ours": ours, "plain": plain, **theirs}
                method = "infer" if what == "infer" else "step"
                found = bench.turns(**{label: getattr(side, method) for label, side in running.items()})
                label, seconds = found.fastest(*theirs) if theirs else ("", None)
                note = jit_note(theirs, label)
                bench.store.row(f"relu/{size}/{what}", scaled(seconds, 1e3), scaled(found.of("ours"), 1e3), note)
                words = "inference" if what == "infer" else "training step"
                rate(bench, "relu", f"ReLU {size}, {words}", found.of("ours"))
                rate(bench, "relu", f"ReLU {size}, {words}, PyTorch eager float32", found.of("plain"))


def wire(bench: StoredBench) -> None:
    """WIRE of complex numbers beside eager PyTorch."""
    width = bench.width(128)
    batches = sides.Batches(bench.setting, bench.card)
    with bench.attempt("wire/eager"):
        theirs = sides.eager(sides.wire(width, 4), batches, bench.card)
        ours = sides.Ours(batches.cycle(), bench.card, "gabor:omega=20,scale=30", f"mlp:depth=4,width={width}")
        found = bench.turns(theirs=theirs.step, ours=ours.step)
        note = "; ".join(filter(None, (theirs.note(), ours.note())))
        bench.store.row("wire/eager", scaled(found.of("theirs"), 1e3), scaled(found.of("ours"), 1e3), note)


def memory(bench: StoredBench) -> None:
    """The most memory of a training step, by its points."""
    setting, card = bench.setting, bench.card
    batches = sides.Batches(setting, card)

    def bytes_a_point(make: Callable[[], Any]) -> Measured:
        try:
            side = make()
            found = card.peak_bytes(side.step) / setting.points
            if getattr(side, "chunks", 1) > 1:
                return f"failed: {side.note()}"
            return found
        except Exception as error:  # the other side has a number all the same
            return f"failed: {one_line(error)}"
        finally:
            side = None
            card.release()

    def ours(activation: str, network: str) -> Measured:
        return bytes_a_point(lambda: sides.Ours(batches.cycle(), card, activation, network))

    def theirs(kind: str, activation: str, width: int, depth: int) -> Measured:
        network = sides.tcnn_network(kind, activation, width, depth)
        library = machine.tinycudann()
        if isinstance(library, str):
            return None
        getattr(library, "free_temporary_memory", lambda: None)()  # of the one before
        return bytes_a_point(lambda: sides.tcnn(library, network, batches, card, jit=False))

    wide, narrow = bench.width(256), bench.width(64)
    plain = bytes_a_point(lambda: sides.eager(sides.siren(wide, 5), batches, card))
    bench.store.row("memory/siren", plain, ours("sine", f"mlp:depth=5,width={wide}"))
    note = NO_TCNN if isinstance(machine.tinycudann(), str) else "theirs without JIT"
    bench.store.row(
        "memory/siren64", theirs("CutlassMLP", "Sine", narrow, 5), ours("sine", f"mlp:depth=5,width={narrow}"), note
    )
    bench.store.row(
        "memory/relu", theirs("FullyFusedMLP", "ReLU", narrow, 2), ours("relu", f"mlp:depth=2,width={narrow}"), note
    )


class TcnnFit:
    """The same hash grid and network in tiny-cuda-nn's bindings, learning the same picture in plain PyTorch."""

    def __init__(self, library: Any, source: inr.Signal, setting: Setting, card: Card, *, jit: bool) -> None:
        encoding = {
            "otype": "Grid", "type": "Hash", "n_levels": GRID["levels"], "n_features_per_level": GRID["features"],
            "log2_hashmap_size": GRID["log2_size"], "base_resolution": GRID["coarsest"],
            "per_level_scale": GRID["growth"],
        }  # fmt: skip
        network = sides.tcnn_network("FullyFusedMLP", "ReLU", min(64, setting.widest), 2)
        model = library.NetworkWithInputEncoding(2, source.channels, encoding, network)
        self.model = model.to(card.device)
        self.model.jit_fusion = jit
        self._adam = torch.optim.Adam(model.parameters(), lr=1e-2, betas=(0.9, 0.99), eps=1e-15, fused=True)
        self._cosine = torch.optim.lr_scheduler.CosineAnnealingLR(self._adam, setting.hash_steps)
        self._source, self._points, self._device = source, setting.hash_points, card.device

    def step(self) -> float:
        """Draw, forward, backward, Adam; the loss, which our loop waits for as well."""
        indices = torch.randint(self._source.size, (self._points,), device=self._device)
        coords, targets = self._source.coords(indices), self._source.values(indices)
        values = self.model((coords + 1) / 2)
        self._adam.zero_grad(set_to_none=True)
        loss = (values - targets.to(values.dtype)).square().mean()
        (loss * 1024).backward()  # Adam does not see the factor, and 16-bit gradients need one
        self._adam.step()
        self._cosine.step()
        return loss.item()

    @torch.no_grad()
    def execute(self, coords: torch.Tensor) -> torch.Tensor:
        """Values at coordinates."""
        return self.model((coords.to(self._device) + 1) / 2).float()


def hash_grid(bench: StoredBench) -> None:
    """A hash grid on a large picture: this library's own loop beside tiny-cuda-nn in PyTorch."""
    from inr.fitting import make_fitter

    setting = bench.setting
    if setting.large is None:
        bench.store.row("hash/tcnn", None, None, "no large picture was given (--large)")
        return
    with bench.attempt("hash/tcnn"):
        source = opened(bench, setting.large)
        finest = round(GRID["coarsest"] * GRID["growth"] ** (GRID["levels"] - 1))
        fitter = make_fitter(
            source, encoding=f"hash:levels={GRID['levels']},features={GRID['features']},log2_size={GRID['log2_size']},"
            f"coarsest={GRID['coarsest']},finest={finest}", activation="relu",
            network=f"mlp:depth=2,width={bench.width(64)}", batch=setting.hash_points,
            budget=inr.Budget(steps=setting.hash_steps), engine="triton", lattice_only=True,
        )  # fmt: skip
        events = fitter.run()
        next(events)
        library = machine.tinycudann()
        theirs = reason = None
        if isinstance(library, str):
            reason = NO_TCNN
        else:
            try:
                jit = bool(getattr(library, "supports_jit_fusion", lambda: False)())
                theirs = TcnnFit(library, source, setting, bench.card, jit=jit)
                theirs.step()  # compiles
            except Exception as error:  # ours goes on
                theirs, reason = None, f"tiny-cuda-nn failed: {one_line(error)}"
        turns = min(20, setting.hash_steps)
        each = setting.hash_steps // turns
        spent: dict[str, list[float]] = {"ours": [], "theirs": []}
        for _ in range(turns):
            if theirs is not None:
                spent["theirs"].append(bench.card.seconds(theirs.step, each))
            spent["ours"].append(bench.card.seconds(lambda: next(events), each))
        for _ in events:
            pass
        found = {side: statistics.median(seconds) * turns * each for side, seconds in spent.items() if seconds}
        note = f"{source.size * 1e-6:.1f} megapixels; {turns} turns of {each} steps, {sum(spent['ours']):.3g} s in all"
        note = "; ".join(filter(None, (note, reason)))
        bench.store.row("hash/tcnn", found.get("theirs"), found["ours"], note)
        for phase, seconds in fitter.profile.phases().items():
            bench.store.extra("hash", f"our step: {phase}", 1e3 * seconds / fitter.profile.steps, "ms")
        bench.store.extra("hash", "our PSNR", psnr(fitter.execute, source, fitter.plan.block), "dB")
        if theirs is not None:
            bench.store.extra("hash", "PSNR of tiny-cuda-nn", psnr(theirs.execute, source, 2**20), "dB")


def opened(bench: StoredBench, path: Path) -> inr.Signal:
    """A picture; in a dry run a corner of it."""
    source = inr.open(path)
    return source if bench.card.cuda else inr.Signal.from_array(source.array[:10, :12].copy(), kind="image")


def quality(bench: StoredBench) -> None:
    """Final PSNR with 16-bit products, beside eager PyTorch in float32 on the same card, from the same seeds."""
    from inr.fitting import make_fitter

    setting = bench.setting

    def ends_at(source: inr.Signal, engine: str, steps: int | None, **parts: Any) -> float:
        fitter = make_fitter(source, budget=inr.Budget(steps=steps), engine=engine, seed=0, lattice_only=True, **parts)
        *_, end = fitter.run()
        if end.reason != "steps":
            raise RuntimeError(end.message)
        if end.skipped:
            bench.store.extra("quality", f"steps skipped on {engine}", float(end.skipped))
        return psnr(fitter.execute, source, fitter.plan.block)

    network = f"mlp:depth=5,width={bench.width(256)}"
    deep = {"encoding": "identity", "activation": "sine", "network": network, "batch": setting.siren_points}
    cases: list[tuple[str, str, int | None, dict[str, Any]]] = [
        *((name, name, setting.fit_steps, {}) for name in PICTURES),
        ("siren", "kodim23", setting.siren_steps, deep),
    ]
    for name, picture, steps, parts in cases:
        if setting.pictures is None:
            bench.store.row(f"quality/{name}", None, None, "no folder of pictures was given (--pictures)")
            continue
        with bench.attempt(f"quality/{name}"):
            source = opened(bench, setting.pictures / f"{picture}.png")
            start = time.perf_counter()
            theirs = ends_at(source, bench.eager, steps, **parts)
            between = time.perf_counter()
            ours = ends_at(source, "triton", steps, **parts)
            note = f"whole fits took {between - start:.3g} s and {time.perf_counter() - between:.3g} s"
            bench.store.row(f"quality/{name}", theirs, ours, note)


def sets(bench: StoredBench) -> None:
    """A set of small pictures, each field until its target: a program of the GPU a field, beside all cores."""
    from inr._cores import usable_cores
    from inr.sets import fit_rows, set_recipe

    setting = bench.setting
    with bench.attempt("sets/rate"):
        signals = crops(small_pictures(bench), setting.fields, setting.side)
        recipe = set_recipe(
            signals, network=f"mlp:depth=3,width={bench.width(32)}", steps=setting.fit_steps, psnr=SET_TARGET
        )
        rates: dict[str, float] = {}
        reached: dict[str, float] = {}
        some, on_card = -(-len(signals) // 8), replace(recipe, engine="triton")
        for on_engine, workers, count in ((recipe, usable_cores(), some), (on_card, 1, len(signals))):
            names, engine = [f"{number:06d}" for number in range(count)], on_engine.engine
            fit_rows(on_engine, names[:1], signals[:1])  # compiles
            start = time.perf_counter()
            rows = fit_rows(on_engine, names, signals[:count], workers=workers)
            rates[engine] = 60 * count / (time.perf_counter() - start)
            reached[engine] = rows.reasons.count("target") / count
        note = (
            f"{len(signals):,} fields in one run, of theirs an eighth on {usable_cores()} cores; "
            f"{100 * reached['triton']:.0f} % of ours and {100 * reached['cpu']:.0f} % of theirs reached "
            f"{SET_TARGET:g} dB"
        )
        bench.store.row("sets/rate", rates["cpu"], rates["triton"], note)


def small_pictures(bench: StoredBench) -> list[np.ndarray]:
    """Means over 4 x 4 pixels of the pictures that were given, or of the one that scikit-image brings."""
    if bench.setting.pictures is None:
        from skimage.data import astronaut

        return [quartered(astronaut())]
    pictures = [inr.open(path).array for path in sorted(bench.setting.pictures.glob("kodim*.png"))]
    return [quartered(picture) for picture in pictures] if bench.card.cuda else pictures


def first(bench: StoredBench) -> None:
    """The first look; its findings are in the report as soon as they are there."""
    for found in look(bench, FIRST_SECONDS):
        what = f"{found.work}, beside {found.against}" if found.against else found.work
        beside = f"theirs {number(found.theirs, found.unit)}, ratio {found.ratio}" if found.theirs is not None else ""
        bench.store.extra("first", what, found.ours, found.unit, "; ".join(filter(None, (beside, found.note))))
        write(bench.store, bench.store.path.parent)


STEPS: dict[str, Callable[[StoredBench], None]] = {
    "first": first,
    "siren": siren,
    "compile": compilers,
    "siren64": siren64,
    "relu": relu,
    "wire": wire,
    "memory": memory,
    "hash": hash_grid,
    "quality": quality,
    "sets": sets,
}
