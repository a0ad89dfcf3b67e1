"""The fits of a sweep: every combination of parts, completed, made of equal cost, and checked before any is run."""

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from inr._errors import InrError
from inr._parts import Config, PartInfo, Registry, format_spec, parse_spec
from inr._version import __version__
from inr.activations import activations
from inr.encodings import encodings
from inr.fitting import Budget, Fitter, Setup, preset_setup
from inr.networks import networks
from inr.signals import Signal
from inr.sweeping._holdout import Subset
from inr.sweeping._sizes import sized
from inr.teaching import teachers

PARTS: Mapping[str, Registry] = {
    "encoding": encodings,
    "activation": activations,
    "network": networks,
    "teacher": teachers,
}


@dataclass(frozen=True)
class Combination:
    """Parts as they were asked for, "name:key=value"; None where they are left to what suits the others.

    What a preset has is taken where no part is named.
    """

    preset: str | None = None
    encoding: str | None = None
    activation: str | None = None
    network: str | None = None
    teacher: str | None = None

    def given(self) -> dict[str, str]:
        """What was named, by kind."""
        return {part: spec for part, spec in asdict(self).items() if spec is not None}


@dataclass(frozen=True)
class Terms:
    """What is equal for all fits of a sweep.

    Attributes:
        steps, seconds: the budget; one of them.
        parameters: what fields are sized for; None for the sizes that their parts have by themselves.
        batch: samples a step; None: of each fit as many as suit it.
        rates, schedule: as `inr.fit` takes them, None for each combination's own.
        seed: of weights and samples; of a sweep with several seeds the first.
        engine: as `inr.fit` takes it.
        holdout: share of the samples that is not learned from.
        jobs: fits side by side, 0 for fits in this process.
        threads: of each fit, None for as many as torch takes.
    """

    steps: int | None
    seconds: float | None
    parameters: int | None
    batch: int | None
    rates: float | str | Mapping[str, float] | None = None
    schedule: str | None = None
    seed: int = 0
    engine: str = "auto"
    holdout: float | None = None
    jobs: int = 0
    threads: int | None = None

    @property
    def budget(self) -> Budget:
        """When a fit ends."""
        return Budget(self.steps, self.seconds)


@dataclass(frozen=True)
class Case:
    """What every combination of a sweep is fitted to.

    Attributes:
        place: of the signal among those of the sweep.
        name: what the signal is called.
        signal: all samples.
        learned: those to learn from.
        fingerprint: of the signal.
    """

    place: int
    name: str
    signal: Signal
    learned: Signal
    fingerprint: int


@dataclass(frozen=True)
class Refusal:
    """Why a combination, as it was asked for, cannot be fitted."""

    label: Mapping[str, str]
    why: str

    def __str__(self) -> str:
        return f"{spelled(self.label)}: {self.why}"


@dataclass(frozen=True)
class Task:
    """One fit of a sweep.

    Attributes:
        label: its parts as they were asked for.
        place: of its signal among those of the sweep.
        signal: what its signal is called.
        setup, terms: all that decides it.
        parameters: of the field.
        rung: which round of a search it is in, from 1.
        kept: whether the field is kept, with what is drawn of it.
        name: of its files; the same for equal fits, and for them only.
    """

    label: Mapping[str, str]
    place: int
    signal: str
    setup: Setup
    terms: Terms
    parameters: int
    rung: int
    kept: bool
    name: str

    def parts(self) -> dict[str, str]:
        """The names of its parts, by kind."""
        return {part: parse_spec(getattr(self.setup, part))["name"] for part in PARTS}


def combinations(lists: Mapping[str, Sequence[str] | None]) -> list[Combination]:
    """Every combination of the parts in the lists, by kind of part; kinds without a list are left open."""
    choices: list[Sequence[str | None]] = [lists.get(part) or [None] for part in PARTS]
    return [Combination(**dict(zip(PARTS, parts, strict=True))) for parts in itertools.product(*choices)]


def make_tasks(
    wanted: Iterable[Combination], case: Case, terms: Terms, *, rung: int = 1, kept: bool = True
) -> Iterator[Task | Refusal]:
    """The task of every combination, or why it cannot be fitted; of equal ones the first."""
    seen = set()
    for combination in wanted:
        try:
            task = _make_task(combination, case, terms, rung, kept)
        except InrError as error:
            yield Refusal(combination.given(), str(error))
            continue
        if task.name not in seen:
            seen.add(task.name)
            yield task


def _make_task(combination: Combination, case: Case, terms: Terms, rung: int, kept: bool) -> Task:
    setup = complete_setup(combination, case.signal, terms)
    if terms.parameters is not None:
        given = {part: frozenset(parse_spec(spec)) for part, spec in combination.given().items()}
        setup = sized(setup, case.signal.domain, terms.parameters, given)
    teacher = teachers.build(setup.teacher).config()
    if isinstance(case.learned, Subset) and teacher["name"] != "uniform":
        raise InrError("samples can be held out of even sampling only; leave out the teacher, or --holdout")
    # builds the field, asks the engine, and compares steps and rates with what the parts need
    field = Fitter(case.learned, setup, terms.budget, engine=terms.engine, seed=terms.seed).field
    config = {**field.config(), "teacher": teacher}
    name = _name(short_specs(setup, case.signal), config, setup, terms, case.fingerprint)
    return Task(
        combination.given(), case.place, case.name, setup, terms, field.parameter_count, rung, kept, name
    )  # fmt: skip


def complete_setup(combination: Combination, signal: Signal, terms: Terms) -> Setup:
    """The setup that `inr.fit` has for the combination and the terms."""
    rates: dict[str, Any] = {"batch": terms.batch, "learning_rate": terms.rates, "schedule": terms.schedule}
    return preset_setup(signal, seed=terms.seed, **combination.given(), **rates)


def usual_specs(setup: Setup, signal: Signal, seed: int) -> dict[str, str]:
    """The parts of a setup's preset, spelled as `short_specs` does; none where it has no preset."""
    return {} if setup.preset is None else short_specs(preset_setup(signal, setup.preset, seed=seed), signal)


def spelled(label: Mapping[str, str]) -> str:
    """A combination's parts in one line."""
    return " + ".join(label.values()) or "the default parts"


def short_specs(setup: Setup, signal: Signal) -> dict[str, str]:
    """The parts of a setup, spelled with what `inr fit` would not choose by itself."""
    specs = {}
    for part, registry in PARTS.items():
        config = parse_spec(getattr(setup, part))
        specs[part] = format_spec(_unusual(config, registry.info(config["name"]), signal))
    return specs


def _unusual(config: Config, info: PartInfo, signal: Signal) -> Config:
    """What a configuration has that neither the part nor the signal decides."""
    defaults = {param.name: param.default for param in info.params} | info.cls.suited(signal)
    return {key: value for key, value in config.items() if key not in defaults or defaults[key] != value}


def _name(specs: Mapping[str, str], config: Mapping[str, Config], setup: Setup, terms: Terms, fingerprint: int) -> str:
    """A name for files: legible, and different for fits that differ in anything that decides them."""
    decisive = {**asdict(terms), "parts": config, "signal": fingerprint, "inr": __version__, "parameters": None}
    decisive |= {"rates": setup.learning_rate, "schedule": setup.schedule, "batch": setup.batch}
    if terms.seconds is None:  # how long a fit takes is then no part of it
        decisive |= {"jobs": None, "threads": None}
    digest = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:10]
    words = re.sub(r"[^A-Za-z0-9.]+", "-", " ".join(specs.values()).removesuffix(" uniform"))
    return f"{words[:60].strip('-.')}-{digest}"
