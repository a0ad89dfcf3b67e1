"""What the options of a job come to: those of a fit, and what is refused before it waits.

This takes torch, so that a server asks another process for it.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from inr._errors import InrError
from inr._parts import WAYS, parse_spec
from inr.compression import FitOptions, FitSeries, check_compression, coding_of
from inr.serving.options._options import normalised
from inr.signals import Domain, GridSignal, ScatteredSignal, ShapeSignal, Signal, from_array
from inr.sweeping import check_sweep


def check(
    kind: str,
    options: Mapping[str, Any],
    description: Mapping[str, Any] | None = None,
    *,
    seconds: float = math.inf,
    threads: float = math.inf,
) -> dict[str, Any]:
    """Look whether a job can be done, as far as that takes no work.

    Args:
        kind: of the job.
        options: as requests write them.
        description: of the signal, as its reader gave it; None for a field that is recompressed.
        seconds: the largest budget in seconds.
        threads: the most that an engine may be told to take, beside whose jobs those of others run.

    Returns:
        The options as they are to be kept with the job.

    Raises:
        InrError: it cannot, in the sentence that the command of the same name would print.
    """
    found = normalised(kind, options)
    if found.get("seconds", 0) > seconds:
        raise InrError(f"a job may take {seconds:g} seconds, not {found['seconds']:g}")
    asked = parse_spec(found.get("engine", "auto")).get("threads", 0)
    if isinstance(asked, int) and asked > threads:
        raise InrError(
            f"this job has {threads:g} thread{'s' * (threads > 1)}, not {asked}; leave threads out of --engine"
        )
    if kind != "recompress" and description is not None and description.get("kind") == "field":
        raise InrError("the signal is already a fitted field; inr recompress makes it smaller, inr render draws it")
    signal = None if description is None or description.get("domain") is None else _stand_in(description)
    if kind == "fit":
        wanted = fit_options(found)
        # what is learned of points takes the points, and is refused when the job begins
        of_points = signal is not None and signal.domain.meta.get("represents") == "eikonal"
        if signal is not None and not of_points and not _asks_for_a_choice(found):
            wanted.check(signal)
    elif kind == "sweep":
        check_sweep(**found)
    else:
        FitSeries(seconds=found.get("seconds"))
        about: dict[str, Any] = {"codec": "weights"} if kind == "recompress" else {}
        planned = check_compression(signal or from_array(np.zeros((8, 8), np.uint8)), **about, **found)
        if planned is not None and planned > seconds:
            if "preset" in found:
                raise InrError(f"a job may take {seconds:g} seconds, and preset {found['preset']} takes {planned:g}")
            found["seconds"] = seconds
    return found


def fit_options(options: Mapping[str, Any]) -> FitOptions:
    """The options of a job of kind fit as `inr fit` has them; raises InrError as it does."""
    renamed = {"lr": "learning_rate"}
    apart = {"exact", "coded", "half", "samples", "purpose", "solver"}
    own = {renamed.get(name, name): value for name, value in options.items() if name not in apart}
    solver = options.get("solver", "adam")
    return FitOptions(
        **own, coding=coding_of(options), optimiser=None if solver == "adam" else solver,
        lattice_only=options.get("purpose") == "memory",
    )  # fmt: skip


def _stand_in(description: Mapping[str, Any]) -> Signal:
    """A signal of the same domain, whose samples are all one and take no memory."""
    domain = Domain.from_json(description["domain"])
    if domain.kind == "shape":
        return ShapeSignal(_Nothing(domain.in_dim, domain.channels), domain, size=description["size"])
    middle = np.asarray(domain.values.low[0], dtype=domain.dtype)
    if domain.shape is not None:
        return GridSignal(np.broadcast_to(middle, (*domain.shape, domain.channels)), domain)
    samples = np.broadcast_to(middle, (description["size"], domain.channels))
    return ScatteredSignal(np.broadcast_to(0.0, (description["size"], domain.in_dim)), samples, domain)


class _Nothing:
    """A solid of which nothing is known but its dimensions, and how many values it has at points."""

    notes: tuple[str, ...] = ()
    sources: tuple[np.ndarray, ...] = ()

    def __init__(self, dimensions: int, channels: int) -> None:
        self.dimensions, self._channels = dimensions, channels

    def values(self, points: np.ndarray) -> np.ndarray:
        """See `Solid`."""
        return np.ones((len(points), self._channels))

    def inside(self, points: np.ndarray) -> np.ndarray:
        """See `Solid`."""
        return np.zeros(len(points), bool)

    def around(self, count: int, spread: Any, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """See `Solid`."""
        points = draw.uniform(-1, 1, (count, self.dimensions))
        return points, self.values(points)


def _asks_for_a_choice(options: Mapping[str, Any]) -> bool:
    """Whether a frequency is to be chosen for the samples, which takes fits of its own."""
    return any(way in str(options.get(part, "")) for part in ("encoding", "activation", "network") for way in WAYS)
