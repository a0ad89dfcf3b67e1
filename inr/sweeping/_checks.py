"""What a sweep refuses before anything is opened or fitted."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from inr._errors import InrError
from inr.fitting import Budget
from inr.signals import Signal
from inr.sweeping._lists import Specs, split_specs
from inr.sweeping._setups import Setups, split_setups
from inr.sweeping._tasks import Combination

MOST_JOBS = 256
MOST_FITS = 10_000


def check_sweep(
    *,
    setups: Setups | None = None,
    encodings: Specs | None = None,
    activations: Specs | None = None,
    networks: Specs | None = None,
    teachers: Specs | None = None,
    auto: bool = False,
    steps: int | None = None,
    seconds: float | None = None,
    parameters: int | None = None,
    seed: int | Sequence[int] = 0,
    seeds: int = 1,
    jobs: int | None = None,
    **others: Any,
) -> None:
    """Refuse a sweep of one signal that cannot be, before there is anything to fit.

    Args:
        setups, encodings, activations, networks, teachers, auto, steps, seconds, parameters, seed, seeds, jobs: as of
            `inr.sweep`.
        others: further arguments of `inr.sweep`, which only a signal can tell whether they make sense.

    Raises:
        InrError: nothing to compare, too much of it, or a budget that cannot work.
    """
    lists = {"encoding": encodings, "activation": activations, "network": networks, "teacher": teachers}
    given = {part: split_specs(specs) for part, specs in lists.items() if specs is not None}
    chosen = None if setups is None else split_setups(setups)
    check_wanted(given, chosen, auto, jobs, len(all_seeds(seed, seeds)))
    check_budget(steps, seconds, parameters)


def all_seeds(seed: int | Sequence[int], count: int) -> tuple[int, ...]:
    """All seeds of a sweep."""
    if count < 1:
        raise InrError(f"--seeds is how many seeds there are, 1 or more, got {count}")
    if count > MOST_FITS:
        raise InrError(f"{count:,} seeds are more than {MOST_FITS:,} fits; give fewer")
    named = (seed, seed + count - 1) if isinstance(seed, int) else tuple(seed)
    if any(not 0 <= each < 2**32 for each in named):
        raise InrError("a seed lies between 0 and 2^32 - 1")
    if isinstance(seed, int):
        return tuple(range(seed, seed + count))
    if count > 1:
        raise InrError("--seeds counts seeds from one on, and --seed names several; give one of them")
    if not seed or len(set(seed)) < len(seed):
        raise InrError(f"seeds must be different numbers, got {','.join(map(str, seed)) or 'none'}")
    return tuple(seed)


def check_signals(signals: Sequence[Signal], names: Sequence[str], fingerprints: Sequence[int]) -> None:
    """Refuse signals over which there is no mean."""
    if not signals:
        raise InrError("nothing to fit: give a signal")
    first: dict[int, str] = {}
    for name, found in zip(names, fingerprints, strict=True):
        if found in first:
            raise InrError(f"{first[found]} and {name} are one signal, which would count twice in every mean; give one")
        first[found] = name
    kinds = list(dict.fromkeys(signal.domain.kind for signal in signals))
    if len(kinds) > 1:
        raise InrError(f"means are over signals of one kind, these are {' and '.join(kinds)}; sweep each kind alone")


def check_wanted(
    given: Mapping[str, Sequence[str]],
    setups: Sequence[Combination] | None,
    auto: bool,
    jobs: int | None,
    fits: int,
) -> None:
    """Refuse what no sweep can be made of; `fits`: of each combination."""
    if setups is not None and given:
        kind = next(iter(given))
        raise InrError(
            f"setups are whole combinations, beside which there is no list of {kind}s: "
            f"write the {kind} into each setup, as 'siren + {given[kind][0]}'"
        )
    if not given and not setups and not auto:
        raise InrError(
            'nothing to compare: give a list of parts, as --encoding hash,fourier (encodings="hash,fourier"), setups, '
            'as --setup siren --setup wire (setups=["siren", "wire"]), or search with --auto (auto=True)'
        )
    if jobs is not None and not 0 <= jobs <= MOST_JOBS:
        raise InrError(f"--jobs lies between 0 (in this process) and {MOST_JOBS}, got {jobs}")
    count = fits * (len(setups) if setups else math.prod(len(specs) for specs in given.values()))
    if count > MOST_FITS:
        raise InrError(f"{count:,} fits are more than {MOST_FITS:,}; give fewer")


def check_budget(steps: int | None, seconds: float | None, parameters: int | None) -> None:
    """Refuse budgets that are not equal, or none."""
    if steps is not None and seconds is not None:
        raise InrError(
            "fits that end after --steps or --seconds, whichever comes first, are not of equal cost; give one of them"
        )
    if parameters is not None and parameters < 1:
        raise InrError(f"--parameters must be 1 or more, got {parameters}")
    _ = Budget(steps, seconds)  # says what is wrong with these
