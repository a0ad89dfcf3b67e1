"""Learning on a machine of a Ray cluster: the fit goes there as it stands, and comes back some seconds further."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from inr._cluster import Cluster, modules_of
from inr._errors import InrError
from inr.fitting import on_threads
from inr.priors._base import Base
from inr.priors._lesson import LearningEvent, Lesson


@dataclass(frozen=True)
class Stretch:
    """A part of learning, done by one task.

    Attributes:
        event: the last one.
        state: from which the next stretch goes on, as of `Fitter.dump`.
        base: what was learned, with its quality measured; None where that is not the end.
    """

    event: LearningEvent
    state: bytes
    base: Base | None


@dataclass(frozen=True)
class _Shared:
    """What all stretches have in common."""

    lesson: Lesson
    threads: int
    seconds: float


def stretches(
    lesson: Lesson, state: bytes, cluster: Cluster, seconds: float, go_on: Callable[[], bool]
) -> Iterator[Stretch]:
    """Learn on the largest machine of a cluster, until the end of the fit.

    Args:
        lesson: what is learned.
        state: to begin with, as of `Fitter.dump`.
        cluster: whose machines may die: a stretch is then taken up again, three times at most.
        seconds: of a stretch, about; a step at least.
        go_on: asked a few times a second.

    Raises:
        InrError: a stretch failed, and why.
        KeyboardInterrupt: `go_on` said no.
    """
    threads = cluster.largest
    modules = modules_of([*lesson.setup.classes(), type(lesson.method)])
    held_out, ended = math.nan, False

    def tasks() -> Iterator[tuple[None, tuple[bytes, float]]]:
        while not ended:
            yield None, (state, held_out)

    outcomes = cluster.run(
        _learn, _Shared(lesson, threads, seconds), tasks(), modules=modules, cores=threads, at_once=1, go_on=go_on
    )
    for outcome in outcomes:
        if outcome.value is None:
            raise InrError(f"learning ended: {outcome.failure}")
        stretch = outcome.value
        state, held_out, ended = stretch.state, stretch.event.held_out, stretch.base is not None
        yield stretch


def _learn(shared: _Shared, given: tuple[bytes, float]) -> Stretch:
    """A task: some steps, from the state that is sent."""
    state, held_out = given
    with on_threads(shared.threads):
        fitter = shared.lesson.fitter(resume=state)
        begin = math.inf
        for event in shared.lesson.events(fitter, held_out):
            kind = event.event.kind
            if kind == "start":  # kernels are compiled
                begin = time.perf_counter()
            elif kind == "step" and time.perf_counter() - begin >= shared.seconds:
                return Stretch(event, fitter.dump(), None)
        return Stretch(event, fitter.dump(), shared.lesson.base(fitter))
