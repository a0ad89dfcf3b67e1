"""Fitting one component of a picture as a pyramid of latents."""

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch

from inr._errors import InrError
from inr._parts import parse_spec
from inr.compression.bitstream.latent.layout import Layout
from inr.compression.encoder.latent.field import LatentField, picture_signal
from inr.compression.encoder.latent.half import HalfStep, half_layout, halved
from inr.compression.encoder.latent.parametrisation import LatentPlan, LatentWeights
from inr.compression.encoder.latent.rate import Goal, RateControl
from inr.compression.encoder.latent.schedule import Recipe
from inr.compression.encoder.latent.steps import EagerStep, LatentStep, integers_of
from inr.compression.fit_series import FitSeries
from inr.field import Spec
from inr.fitting import Budget, Fitter, Setup

# Of the seconds that a component may take, those of its fit; quantising networks and finishing takes the rest.
FIT_SHARE = 0.88


@dataclass(frozen=True)
class Fitted:
    """What a fit ended with.

    Attributes:
        layout: of the grids and the networks.
        latents: whole numbers, int32 (layout.latents,).
        parameters: of the networks, float32 (layout.parameters,), not quantised yet.
        weight: of a bit per pixel against the mean squared error, that the fit ended with.
        step: what computed it, of which finishing makes use: another one would take as much memory again.
    """

    layout: Layout
    latents: np.ndarray
    parameters: np.ndarray
    weight: float
    step: LatentStep | None = field(default=None, compare=False, repr=False)


def fit_component(
    picture: np.ndarray,
    importance: np.ndarray | None,
    preset: str,
    goal: Goal,
    *,
    steps: int | None = None,
    seconds: float | None = None,
    seed: int = 0,
    engine: Spec = "auto",
    fits: FitSeries | None = None,
    recipe: Recipe | None = None,
) -> Fitted:
    """Fit one component: colour, grey, alpha, or the values of a map.

    Args:
        picture: float32 (channels, height, width), in [0, 1].
        importance: of each pixel, (height, width), not negative; None: all count alike.
        preset: how complex the networks are, a name in `PRESETS`.
        goal: what its file is to be; while fitting, of which networks are estimated.
        steps: of the fit, with its warm-up. seconds: that the component may take, with quantising and finishing, for
            which a part is left. One of them is given, or both: whichever comes first.
        seed: of starts and noise, from 0 to 2^32 - 1.
        engine: "auto" or "cpu", with "threads", for the compiled step; "eager", with "device", for PyTorch's.
        fits: runs the fit, tells its events, may end it, and resumes it.
        recipe: of the fit; None: the usual one.

    Returns:
        The fit's best state; when it was ended early, the best so far.

    Raises:
        InrError: a picture of no pixels, an unknown preset or engine.
    """
    if picture.ndim != 3 or 0 in picture.shape:
        raise InrError(f"a component is (channels, height, width), got {picture.shape}")
    if steps is None and seconds is None:
        raise InrError("a fit needs steps or seconds")
    layout = Layout(picture.shape[1], picture.shape[2], picture.shape[0], preset)
    step = make_step(layout, picture, importance, engine)
    signal = picture_signal(picture)
    fitted = LatentField(signal, layout, step.latents, step.parameters)
    recipe = recipe or Recipe()
    half, smaller = None, half_layout(layout) if recipe.half else None
    if smaller is not None:
        less = None if importance is None else halved(importance[None])[0]
        half = HalfStep(make_step(smaller, halved(picture), less, engine), layout)
    weights = LatentWeights(step, half, RateControl(goal, layout), recipe, seed)
    setup = Setup(
        "identity", "linear", "mlp", batch=signal.size, schedule="constant", learning_rate="paper", lattice_only=True
    )
    budget = Budget(steps, None if seconds is None else FIT_SHARE * seconds)
    (fits or FitSeries()).run(
        partial(
            Fitter, signal, setup, budget, seed=seed, field=fitted, plan=(_name(engine), LatentPlan(step, fitted)),
            parametrisation=weights,
        )
    )  # fmt: skip
    parameters = step.parameters.detach().cpu().numpy().copy()
    return Fitted(layout, integers_of(step), parameters, weights.weight, step)


def make_step(layout: Layout, picture: np.ndarray, importance: np.ndarray | None, engine: Spec = "auto") -> LatentStep:
    """What computes the steps of a fit.

    Args:
        layout: of grids and networks.
        picture, importance, engine: as `fit_component` takes them.
    """
    options = {key: value for key, value in parse_spec(engine).items() if key != "name"}
    name = _name(engine)
    if name == "eager":
        return EagerStep(layout, picture, importance, device=options.get("device", "cpu"))
    from inr.compression.encoder.latent.compiled_step import CompiledStep

    return CompiledStep(layout, picture, importance, threads=int(options.get("threads", torch.get_num_threads())))


def _name(engine: Spec) -> str:
    """The engine's name: that of "auto" is the compiled one's."""
    name = str(parse_spec(engine)["name"])
    if name not in ("auto", "cpu", "eager"):
        raise InrError(f"latent grids are fitted by the engines 'cpu' and 'eager', not by '{name}'")
    return "cpu" if name == "auto" else name
