"""Milliseconds of a step of a fit of codec `latent`, by part, and seconds of decoding, warm and in a new process.

    python -m studies.latent.speed --data DIR [--presets lop mop hop] [--threads 1 2] [--file FILE.inr]

It supports docs/compression.md; DIR holds the folder kodak. Times are the least of several short bursts with rests
between them, for other programs only add to them. A part runs by itself, with what it reads still in the cache, so that
parts add up to less than the whole, all the more on a busy machine, where short bursts are disturbed less often. The
iteration is that of a real fit, with the networks' optimiser, the check of whole numbers every 100 steps and the
events. Decoding is of FILE, or of a file that is made in a short fit for it. Rows go to results/latent_speed.tsv, in
place of those of the same preset, threads and part.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

import inr
from inr import compression
from inr.bench import machine
from inr.bench.tables import Row, markdown, read, write
from inr.compression.bitstream.latent.layout import PRESETS, Layout
from inr.compression.encoder.latent.buffers import Buffers
from inr.compression.encoder.latent.compiled_step import CompiledStep
from inr.compression.encoder.latent.fit import fit_component
from inr.compression.encoder.latent.kernels.entropy import EntropyKernel
from inr.compression.encoder.latent.kernels.latents import LatentMove, Rounding
from inr.compression.encoder.latent.kernels.synthesis import Synthesis
from inr.compression.encoder.latent.kernels.upsampling import Upsampling
from inr.compression.encoder.latent.rate import Goal
from inr.compression.latent_files import read_samples
from inr.fitting import Event
from inr.jit import Call, run
from studies import RESULTS

COLUMNS = ("preset", "threads", "part", "ms", "machine")
PICTURE = "kodim23"
# Turns of a part, their seconds, and those of rest before each.
_TURNS, _TURN_SECONDS, _REST_SECONDS = 7, 0.3, 0.2
_STEPS = 220  # of the fit whose iterations are timed, the first of which do not count
_SETTINGS = {"temperature": 0.3, "deviation": 0.2, "weight": 1e-3, "rate": 0.16, "betas": (0.9, 0.999)}
# What a new process prints: seconds from its first line to the samples, and of decoding once more.
_DECODE = """
import sys, time
start = time.perf_counter()
from inr.compression.latent_files import read_samples
read_samples(sys.argv[1])
first = time.perf_counter()
read_samples(sys.argv[1])
print([first - start, time.perf_counter() - first])
"""


def main() -> None:
    """Parse the command line, measure, keep and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--presets", nargs="*", choices=PRESETS, default=list(PRESETS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--file", type=Path, help="to be decoded")
    options = parser.parse_args()
    about = machine.describe()
    print(about, flush=True)
    path = options.results / "latent_speed.tsv"
    signal = inr.open(options.data / "kodak" / f"{PICTURE}.png")
    picture = np.ascontiguousarray(np.moveaxis(signal.array, -1, 0), np.float32) / 255
    rows = [
        {"preset": preset, "threads": str(threads), "part": part, "ms": f"{milliseconds:.2f}", "machine": about}
        for preset in options.presets
        for threads in options.threads
        for part, milliseconds in _told(preset, threads, fitting(picture, preset, threads))
    ]
    rows += [
        {"preset": "", "threads": "", "part": part, "ms": f"{milliseconds:.1f}", "machine": about}
        for part, milliseconds in _told("decoding", 0, decoding(signal, options.file))
    ]
    keep(path, rows)
    print(
        "\n".join(markdown(["preset", "threads", "part", "ms"], ([row[name] for name in COLUMNS[:4]] for row in rows)))
    )


def keep(path: Path, rows: list[Row]) -> None:
    """Put rows in a table, in place of what it holds of the same."""

    def key(row: Row) -> tuple[str, ...]:
        return tuple(row[name] for name in COLUMNS[:3])

    new = {key(row) for row in rows}
    kept = [row for row in read(path) if key(row) not in new]
    write(path, COLUMNS, [*kept, *rows], "studies/latent/speed.py: 768 x 512, the least of several bursts")


def fitting(picture: np.ndarray, preset: str, threads: int) -> Iterator[tuple[str, float]]:
    """Name and milliseconds of each part of a step, of the whole step, and of an iteration of a fit."""
    torch.set_num_threads(threads)
    layout = Layout(picture.shape[1], picture.shape[2], picture.shape[0], preset)
    whole, events = CompiledStep(layout, picture, threads=threads), list[Event]()
    whole.prepare()
    fits = compression.FitSeries(on_event=events.append)
    fitted = fit_component(
        picture, None, preset, Goal(weight=1e-3), steps=_STEPS, seed=0, engine=f"cpu:threads={threads}", fits=fits
    )
    buffers = Buffers.of(layout, picture, None)
    for held in (whole, buffers):
        latents, parameters = np.asarray(held.latents), np.asarray(held.parameters)
        latents[:], parameters[:] = fitted.latents, fitted.parameters
    for part, calls in parts(buffers, threads).items():
        yield part, least(lambda calls=calls: run(calls, threads))
    yield "the whole step", least(lambda: whole.run(seed=0, step=1, count=100, **_SETTINGS))
    yield "the check", least(whole.measure)
    steps = [event for event in events if event.kind == "step"]
    half = [event for event in steps if event.step >= _STEPS // 2]
    yield "an iteration of a fit", 1e3 * (half[-1].seconds - half[0].seconds) / (half[-1].step - half[0].step)


def parts(buffers: Buffers, threads: int) -> dict[str, list[Call]]:
    """The calls of a step, by part."""
    rounding, move = Rounding(buffers), LatentMove(buffers)
    entropy = EntropyKernel(buffers, threads, weight=1e-3 / (buffers.layout.height * buffers.layout.width))
    sums = np.zeros((threads, buffers.layout.parameters))
    upsampling = Upsampling(buffers, threads, sums)
    synthesis = Synthesis(buffers, threads, upsampling.inputs, sums)
    return {
        "rounding": [rounding.set_soft(_SETTINGS["temperature"], _SETTINGS["deviation"], 0, 1)],
        "rate and its gradients": entropy.calls,
        "up-sampling, forward": upsampling.forward,
        "synthesis, forward": synthesis.forward,
        "synthesis, backward": synthesis.backward,
        "up-sampling, backward": upsampling.backward,
        "moving the latents": [move.set(100, _SETTINGS["rate"], _SETTINGS["betas"], 1e-8)],
    }


def decoding(signal: inr.signals.GridSignal, file: Path | None) -> Iterator[tuple[str, float]]:
    """Name and milliseconds of each way to decode a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = file or Path(folder) / "made.inr"
        if file is None:
            path.write_bytes(compression.compress(signal, codec="latent:preset=hop", quality=59, steps=300))
        data = path.read_bytes()
        size = f"{len(data):,} bytes"
        yield f"decoding {size}, kernels warm", least(lambda: read_samples(data))
        subprocess.run([sys.executable, "-c", _DECODE, str(path)], check=True, capture_output=True)  # fills the cache
        found = [_in_new_process([sys.executable, "-c", _DECODE, str(path)]) for _ in range(5)]
        yield "decoding in a new process, from its first import to the samples", 1e3 * min(each[0] for each in found)
        whole = min(each[1] for each in found)
        yield "the same twice, with the start and the end of the process", 1e3 * whole
        command = [sys.executable, "-m", "inr", "decompress", str(path), "-o", f"{folder}/made.png", "--force", "-q"]
        yield "inr decompress, the whole command", 1e3 * min(_seconds(command) for _ in range(5))


def least(work: Callable[[], object]) -> float:
    """Milliseconds of the fastest of several bursts of something."""
    work()
    best = float("inf")
    for _ in range(_TURNS):
        time.sleep(_REST_SECONDS)
        stop = time.perf_counter() + _TURN_SECONDS
        while True:
            start = time.perf_counter()
            work()
            end = time.perf_counter()
            best = min(best, end - start)
            if end > stop:
                break
    return 1e3 * best


def _in_new_process(command: list[str]) -> tuple[float, float]:
    """Seconds that it says it took first, and of all of it."""
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)[0], time.perf_counter() - start


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def _told(preset: str, threads: int, found: Iterator[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    """The same, each printed as it is found."""
    for part, milliseconds in found:
        print(f"{preset} {threads or ''} {part}: {milliseconds:.2f} ms", flush=True)
        yield part, milliseconds


if __name__ == "__main__":
    main()
