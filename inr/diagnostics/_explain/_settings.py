"""What a field was fitted with, as something that can be changed and run again, or typed."""

import shlex
from collections.abc import Mapping
from typing import Any

from inr._specs import format_spec
from inr.field import Field
from inr.signals import Signal

_PARTS = ("encoding", "activation", "network")
_USUAL = {"optimiser": "adam", "schedule": "cosine", "teacher": "uniform", "objective": "squared"}


def settings_of(field: Field, signal: Signal | None = None) -> dict[str, Any]:
    """The settings of a field's fit, as far as its file says them.

    Args:
        field: whose parts and `fit` are read.
        signal: as it is read now; a field of values at points of a signal that is none was fitted to these alone.

    Returns:
        Keywords as of `inr.fitting.make_fitter`, and "steps".
    """
    fit = dict(field.fit)
    settings: dict[str, Any] = {part: format_spec(config) for part, config in field.config().items()}
    if "rates" in fit:
        settings["learning_rate"] = dict(fit["rates"])
    settings |= {name: fit[name] for name in ("schedule", "optimiser", "batch", "steps", "seed") if name in fit}
    for name in ("teacher", "objective", "adjust"):
        if name in fit:
            settings[name] = fit[name] if isinstance(fit[name], str) else format_spec(fit[name])
    if signal is not None and field.domain.sampling == "point" != signal.domain.sampling:
        settings["lattice_only"] = True
    return settings


def spelled(settings: Mapping[str, Any], *, usual: bool = False) -> list[str]:
    """Settings as arguments of `inr fit`; those that it has anyway if they are `usual`."""
    words: list[str] = []
    for part in _PARTS:
        if part in settings:
            words += [f"--{part}", str(settings[part])]
    for name, value in settings.items():
        if name in _PARTS or (not usual and value == _USUAL.get(name)):
            continue
        if name == "learning_rate":
            words += [
                "--lr",
                value if isinstance(value, str) else ",".join(f"{part}={rate:.3g}" for part, rate in value.items()),
            ]
        elif name == "lattice_only":
            words += ["--for", "memory"] if value else []
        elif name == "seed":
            words += ["--seed", str(value)] if value else []
        else:
            words += [f"--{name}", str(value)]
    return words


def command(settings: Mapping[str, Any], signal: str, output: str) -> str:
    """The whole command that fits with some settings."""
    return shlex.join(["inr", "fit", signal, "-o", output, *spelled(settings)])
