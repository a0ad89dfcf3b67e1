"""A field that is fitted already, with its weights as coded half floats and as rounded integers of a quarter of that.

All begin from the same fit. Rounding goes on with fitting while it rounds, so the half floats are also had from a fit
that went on for as many steps without rounding: what is lost against that one is the loss by rounding alone.
"""

import copy
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from inr import compression
from inr.bench.tables import Ledger, Row
from inr.compression.encoder.integers import encode_arrays
from inr.compression.encoder.qat_fit import round_field
from inr.compression.encoder.weights import encode_weights
from inr.field import Field
from inr.fitting import Budget, Fitter, Setup
from inr.signals import GridSignal
from studies import metrics
from studies.compression.runs import Settings, load

COLUMNS = ("picture", "way", "weights", "bytes", "psnr", "seconds", "steps", "on", "seed")
# what tells fits that others go on from, then runs
FIT = ("picture", "steps", "seed")
_KEYS = (*FIT, "way", "on")
# the dearest last
WAYS = ("float32", "float16", "rounded at once", "rounded while fitted", "float16, fitted on")
FITTED_ON = WAYS[-2:]
STEPS = 6_000
# Times the steps, that are fitted on with; what those begin with, times the learning rate; and samples of each. On
# kodim11 6,000 steps of 8,192 samples lost 0.5 dB, 24,000 of 2,048 in a third more time 0.35. Four times as many lose
# 0.4 to 0.5 dB less.
ON, _HIGHER, _SMALLER = 24, 2.0, 2_048
SETUP = Setup("identity", "sine", "mlp:depth=5,width=64", 8_192, STEPS, lattice_only=True)


def code(
    settings: Settings,
    pictures: Sequence[str],
    steps: Sequence[int | None],
    seeds: Sequence[int],
    comment: str,
    on: int = ON,
) -> None:
    """Quantise fits of pictures, wherever the table lacks it; `on` times their steps are fitted on with."""
    ledger = Ledger(settings.quantised, COLUMNS, _KEYS, comment)
    for seed in seeds:
        for given in steps:
            count = given or STEPS
            studies = {name: _Study(settings, load(settings.data, name), count, seed) for name in pictures}
            order = [(name, way) for ways in (WAYS[:-1], WAYS[-1:]) for name in pictures for way in ways]
            for name, way in order:
                times = str(on if way in FITTED_ON else 0)
                key = {"picture": name, "way": way, "steps": str(count), "on": times, "seed": str(seed)}
                if ledger.once(key, lambda study=studies[name], way=way: study.row(way, on)):
                    print(f"{name}: {way} after {count} steps, seed {seed}", flush=True)


def half_bytes(parameters: Mapping[str, torch.Tensor]) -> int:
    """Weights as float16, entropy-coded in the best of the obvious ways; two bytes each at most.

    As 16-bit integers, as high and low bytes, and with sign and exponent apart from the mantissa; each tensor as an
    array of its own, and all end to end.
    """
    halves = [tensor.detach().numpy().astype(np.float16).view(np.uint16).reshape(-1) for tensor in parameters.values()]
    sizes = [2 * sum(half.size for half in halves)]
    for arrays in (halves, [np.concatenate(halves)]):
        sizes.append(len(encode_arrays([half.view(np.int16) for half in arrays])))
        for low in (8, 10):
            parts = [part.astype(np.int32) for half in arrays for part in (half >> low, half & ((1 << low) - 1))]
            sizes.append(len(encode_arrays(parts)))
    return min(sizes)


class _Study:
    """Fits of one picture by one seed, each made when it is first asked for."""

    def __init__(self, settings: Settings, signal: GridSignal, steps: int, seed: int) -> None:
        torch.set_num_threads(settings.threads)
        self._engine, self._signal, self._seed = settings.engine, signal, seed
        self._setup = replace(SETUP, steps=steps)
        self._fitted: tuple[Field, Setup, float] | None = None

    def row(self, way: str, on: int) -> Row:
        """How large and how good the field is one way."""
        field, setup, seconds = self._first()
        setup = replace(setup, steps=on * setup.steps)
        start = time.perf_counter()
        if way == "float32":
            size = 4 * sum(tensor.numel() for tensor in field.parameters())
        elif way.startswith("float16"):
            if way != "float16":
                fitter = Fitter(
                    self._signal, setup, Budget(steps=setup.steps), engine=self._engine, seed=self._seed + 1,
                    start=field.state_dict(),
                )  # fmt: skip
                field = _run(fitter)
            size = half_bytes(dict(field.named_parameters()))
            field = _halved(field)
        else:
            max_bytes = half_bytes(dict(field.named_parameters())) // 4
            if way == "rounded at once":
                setup = replace(setup, steps=0)
            field, rounded = round_field(
                copy.deepcopy(field), self._signal, setup, max_bytes, engine=self._engine, seed=self._seed
            )
            size = len(encode_weights(rounded))
        if way != "float32":
            seconds = time.perf_counter() - start
        decoded = compression.sample(field, engine=self._engine)
        return {
            "weights": str(sum(tensor.numel() for tensor in field.parameters())),
            "bytes": str(size),
            "psnr": f"{metrics.picture_psnr(self._signal.array, decoded):.3f}",
            "seconds": f"{seconds:.4g}",
        }

    def _first(self) -> tuple[Field, Setup, float]:
        """The fitted field, how fits go on from it, and the seconds it took."""
        if self._fitted is None:
            start = time.perf_counter()
            fitter = Fitter(
                self._signal, self._setup, Budget(steps=self._setup.steps), engine=self._engine, seed=self._seed
            )
            field = _run(fitter)
            rates = {part: _HIGHER * rate for part, rate in fitter._learning_rates.items()}
            on = replace(self._setup, batch=_SMALLER, learning_rate=rates, optimiser="soap")
            self._fitted = field, on, time.perf_counter() - start
        return self._fitted


def _run(fitter: Fitter) -> Field:
    for _ in fitter.run():
        pass
    return fitter.field.cpu()


def _halved(field: Field) -> Field:
    """The field with weights that float16 holds, evaluated in float32."""
    found = copy.deepcopy(field)
    for tensor in found.parameters():
        tensor.data = tensor.data.half().float()
    return found.eval()
