"""The door to all reconstructions: a task by its name, its data and its options."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from inr._errors import InrError
from inr.fitting import Budget, Event
from inr.reconstruction._composite import composite
from inr.reconstruction._ct import tomography
from inr.reconstruction._identity import identity
from inr.reconstruction._inputs import array_names
from inr.reconstruction._mri import magnetic_resonance
from inr.reconstruction._pixels import denoise, inpaint
from inr.reconstruction._poisson import gradients, laplacian
from inr.reconstruction._problem import Problem, Reconstruction, take_parts
from inr.reconstruction._sensor import deblur, superresolve

TASKS: Mapping[str, Callable[..., Problem]] = {
    "composite": composite,
    "ct": tomography,
    "deblur": deblur,
    "denoise": denoise,
    "gradients": gradients,
    "inpaint": inpaint,
    "laplacian": laplacian,
    "mri": magnetic_resonance,
    "superresolve": superresolve,
}


def problem(task: str | None, given: Any, **options: Any) -> Problem:
    """A reconstruction of a picture that is ready to be fitted.

    Args:
        task: one of `TASKS`; None where an .npz file or a mapping says it by the names of its arrays: `gx` and `gy`,
            `laplacian`, `sinogram`, `rays`, or `kspace`.
        given: what the task's function takes first.
        options: of the task's function; those that are None count as not given, and so does a seed of a task that has
            no chance in it.

    Raises:
        InrError: an unknown task, options that it does not have or that are missing, or bad data.
    """
    chosen = task or _task_of(given)
    if chosen not in TASKS:
        raise InrError(f"unknown task '{chosen}'; known: {', '.join(TASKS)}")
    make = TASKS[chosen]
    taken = {name: value for name, value in options.items() if value is not None}
    if taken.get("seed", 0) < 0:
        raise InrError(f"a seed is 0 or more, got {taken['seed']}")
    known = list(inspect.signature(make).parameters.values())[1:]
    unknown = [name for name in taken if name not in {each.name for each in known} and name != "seed"]
    if unknown:
        raise InrError(f"the task {chosen} takes no {unknown[0]}; it takes {', '.join(each.name for each in known)}")
    absent = [each.name for each in known if each.default is inspect.Parameter.empty and each.name not in taken]
    if absent:
        raise InrError(f"the task {chosen} needs {' and '.join(absent)}")
    meant = {each.name: taken[each.name] for each in known if each.name in taken}
    about = {"task": chosen, "data": identity(given), "options": identity(meant)}
    return replace(make(given, **meant), about=about)


def reconstruct(
    given: Any,
    task: str | None = None,
    *,
    truth: Any = None,
    steps: int | None = None,
    seconds: float | None = None,
    engine: str = "auto",
    seed: int = 0,
    on_event: Callable[[Event], None] | None = None,
    checkpoint: Path | None = None,
    every: float = 60.0,
    resume: bool = False,
    **options: Any,
) -> Reconstruction:
    """Reconstruct a picture from what is known of it: derivatives, some pixels, a blur, projections, k-space.

    Ctrl-C ends the fit, and the best state so far is what is returned; a second one leaves classical methods out.

    Args:
        given: a picture, as `inr.open` or `inr.from_array` take it; or arrays by name, as a mapping or an .npz file.
        task: one of `inr.reconstruction.TASKS`; may be left out for arrays whose names say it.
        truth: a picture of what it should be, against which all methods are measured.
        steps, seconds: the budget; the task's own number of steps where neither is given.
        engine: "auto", or an engine's name with its options.
        seed: of initial weights, batches and random places.
        on_event: called with every event of the fit.
        checkpoint: file to keep a resumable state of the fit in; None: none is kept. It stays when the work is done.
        every: seconds from one checkpoint to the next; 0: after every step.
        resume: go on from the checkpoint, as if the fit had not been interrupted.
        options: of the task, see `inr.reconstruction.inpaint` and its neighbours; and `encoding`, `activation`,
            `network`, `learning_rate`, `optimiser`, `batch` in the place of the task's own.

    Returns:
        The field and its picture, beside those of classical methods.

    Raises:
        InrError: see `problem`.

    >>> found = inr.reconstruction.reconstruct("photo.png", "inpaint", keep=0.5, steps=3, engine="eager")
    >>> [each.name for each in found.methods], found.picture.shape
    (['field', 'biharmonic'], (24, 32, 3))
    """
    parts = take_parts(options)
    ready = problem(task, given, seed=seed, **options).with_parts(parts)
    wanted = None if truth is None else ready.checked_truth(truth)
    fitter = ready.fitter(
        Budget(steps=steps, seconds=seconds), engine=engine, seed=seed, checkpoint=checkpoint, every=every,
        resume=resume,
    )  # fmt: skip
    ready.run(fitter, on_event)
    return ready.finish(fitter, wanted)


def _task_of(given: Any) -> str:
    """What the names of arrays say."""
    names = array_names(given)
    if names is None:
        raise InrError(f"what is to be done with a picture? Give a task: {', '.join(TASKS)}")
    if {"gx", "gy"} <= names:
        return "gradients"
    if "laplacian" in names:
        return "laplacian"
    if names & {"sinogram", "rays"}:
        return "ct"
    if "kspace" in names:
        return "mri"
    held = ", ".join(sorted(names)) or "nothing"
    raise InrError(
        f"{given if isinstance(given, str | Path) else 'the data'} holds {held}; known are gx and gy, laplacian, "
        "sinogram and angles, kspace and mask, rays and values"
    )
