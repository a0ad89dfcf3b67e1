"""What a fit is asked for, and what follows from it: how weights are kept, what runs, and where it begins."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inr._errors import InrError
from inr._upstairs import upstairs
from inr.compression.keeping import Coding, Keeping, Source
from inr.engines import engines
from inr.field import Field, Spec
from inr.fitting import OPTIMISERS, Budget, Fitter, check_buildable, make_fitter, preset_setup, solved
from inr.signals import Signal

_SOLVERS = (*OPTIMISERS, "closed-form")
# parts of the only network that has a closed form
_ALONE = {"encoding": "identity", "activation": "linear"}
# Adam's, for steps from a closed form: the squared error is at its least, and the network's own rate would leave it
_FURTHER_RATE = 1e-3


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """All that decides a fit besides its signal; the library, the command line and the service make fits by it.

    Args:
        preset, encoding, activation, network, teacher, objective, adjust, engine: as of `inr.fit`.
        steps, seconds, psnr, max_error, bytes, coding: as of `inr.fit`.
        batch, learning_rate, schedule, lattice_only, seed: as of `inr.fit`.
        base: what the fit begins from, an `inr.priors.Base` or the path of its file; its parts are the field's.
        optimiser: one of `inr.fitting.OPTIMISERS` or, without steps or before them, "closed-form", which is that of
            network kronecker.

    Raises:
        InrError: options that contradict each other, or in which nothing can be fitted.
        MissingExtra: coding is asked for, and the library for it is not installed.

    >>> options = inr.compression.FitOptions(steps=5, coding="exact", engine="eager")
    >>> signal = inr.open("photo.png")
    >>> fitter = options.fitter(signal, options.keeping().suited(signal))
    >>> fitter.steps
    5
    """

    preset: str | None = None
    encoding: Spec | None = None
    activation: Spec | None = None
    network: Spec | None = None
    teacher: Spec | None = None
    objective: Spec | None = None
    adjust: Spec | None = None
    optimiser: str | None = None
    engine: Spec = "auto"
    steps: int | None = None
    seconds: float | None = None
    psnr: float | None = None
    max_error: float | None = None
    bytes: int | None = None
    coding: Coding | None = None
    batch: int | None = None
    learning_rate: float | str | Mapping[str, float] | None = None
    schedule: str | None = None
    lattice_only: bool = False
    seed: int = 0
    base: Any = None

    def __post_init__(self) -> None:
        if self.optimiser not in (None, *_SOLVERS):
            raise InrError(f"unknown solver '{self.optimiser}'; known: {', '.join(_SOLVERS)}")
        if self.base is not None:
            self._check_base()
        if self.closed_form:
            self._check_closed_form()
        Budget(self.steps, self.seconds, self.psnr)
        self.keeping()

    def _check_base(self) -> None:
        if self.names_parts:
            raise InrError("a base brings its own parts: leave out the preset, the encoding, activation and network")
        if self.closed_form or self.coding == "samples":
            raise InrError("a base is where steps begin: leave out the closed form and samples")

    def _check_closed_form(self) -> None:
        for part, needed in _ALONE.items():
            if getattr(self, part) not in (None, needed):
                raise InrError(f"the closed form is that of network kronecker with {part} {needed}; leave out --{part}")
        if self.preset is not None:
            raise InrError(
                "the closed form is that of network kronecker, a preset is learned in steps; give one of them"
            )
        if self.takes_steps:
            return
        about_steps = {
            "psnr": self.psnr, "batch": self.batch, "lr": self.learning_rate, "schedule": self.schedule,
            "teacher": self.teacher, "objective": self.objective, "adjust": self.adjust,
            "engine": self.engine != "auto",
        }  # fmt: skip
        check_unstepped(about_steps)
        if self.max_error is not None:
            raise InrError("a closed form knows no largest error; leave out --max-error, or fit by --steps")
        if self.coding not in (None, "exact", "half") or self.bytes is not None:
            raise InrError(
                "a closed form keeps its weights as floats, --exact or --half; with --steps they can be coded"
            )

    @property
    def closed_form(self) -> bool:
        """Whether the fit is solved, or begins with what is."""
        return self.optimiser == "closed-form"

    @property
    def takes_steps(self) -> bool:
        """Whether it takes steps, as all do but those in closed form alone."""
        return not self.closed_form or self.steps is not None or self.seconds is not None

    @property
    def names_parts(self) -> bool:
        """Whether the field's parts are not those of the signal's kind."""
        return any(part is not None for part in (self.preset, self.encoding, self.activation, self.network))

    def keeping(self, *, learned: bool = False) -> Keeping:
        """How weights are kept; `Keeping.suited` chooses for a signal what is left open.

        Args:
            learned: whether a network is wanted in any case, for a reason besides these options.
        """
        about_fit = (
            self.teacher, self.objective, self.adjust, self.steps, self.batch, self.learning_rate, self.schedule,
        )  # fmt: skip
        learned |= self.names_parts or self.lattice_only or self.engine != "auto" or self.optimiser is not None
        learned |= any(each is not None for each in (*about_fit, self.base))
        return Keeping(self.coding, self.bytes, self.psnr, learned, self.max_error)

    def check(self, signal: Signal) -> None:
        """Refuse what cannot be fitted to a signal, as far as that can be told without fitting or much memory.

        Args:
            signal: of which only domain and size matter, unless a frequency is "auto".

        Raises:
            InrError: unknown parts or parameters, parts that do not go together, a field that is too large, or an
                engine that is not there.
        """
        if self.engine != "auto":
            engines.build(self.engine)
        if self.takes_steps and not self.closed_form:
            setup = preset_setup(
                signal, self.preset, seed=self.seed, encoding=self.encoding, activation=self.activation,
                network=self.network, teacher=self.teacher, batch=self.batch, learning_rate=self.learning_rate,
                schedule=self.schedule, optimiser=self.optimiser, objective=self.objective, adjust=self.adjust,
            )  # fmt: skip
            check_buildable(signal, setup, self.seed)

    def solved(self, signal: Signal) -> Field:
        """The field in closed form.

        Args:
            signal: on a grid.

        Raises:
            InrError: a network that has no closed form, or scattered samples.
        """
        return solved(signal, network=self.network or "kronecker", seed=self.seed)

    def fitter(
        self, signal: Signal, keeping: Keeping, source: Source = None, *, start: Field | None = None, **options: Any
    ) -> Fitter:
        """What runs the steps; `finish` then rounds as `keeping` says.

        Args:
            signal: what is fitted.
            keeping: suited to the signal, and not of samples.
            source: the file that it was read from, if there is one; or what the signal takes without loss, if known.
            start: the field in closed form to begin with.
            options: `checkpoint`, `every`, `resume` and `record_sample_counts` of `Fitter`.

        Returns:
            A fitter that has not taken a step yet.

        Raises:
            InrError: as of `inr.fit`.
        """
        encoding, rate, optimiser = self.encoding, self.learning_rate, self.optimiser
        if keeping.codes and not self.names_parts and self.base is None:
            encoding = keeping.table(signal, source)
        parts: dict[str, Any] = {"encoding": encoding, "activation": self.activation, "network": self.network}
        if start is not None:
            optimiser, rate = None, _FURTHER_RATE if rate is None else rate
            parts, options = start.config(), {**options, "start": start.state_dict()}
        elif self.base is not None:
            begun: Field = upstairs("field_of_base", self.base, signal)
            parts, options = begun.config(), {**options, "start": begun.state_dict()}
        continuous = not self.lattice_only
        return make_fitter(
            signal, preset=self.preset, **parts, teacher=self.teacher, objective=self.objective, adjust=self.adjust,
            engine=self.engine,
            # what coded weights have beyond their PSNR goes into fewer bytes
            budget=Budget(self.steps, self.seconds, None if keeping.codes else self.psnr), batch=self.batch,
            learning_rate=rate, schedule=self.schedule, optimiser=optimiser, lattice_only=self.lattice_only,
            seed=self.seed, **options,
            parametrisation=keeping.parametrisation(signal, source, self.objective, continuous=continuous),
        )  # fmt: skip


def check_unstepped(about_steps: Mapping[str, Any]) -> None:
    """Refuse options that only steps heed, for a closed form that none follow.

    Args:
        about_steps: what was given, by option; empty, False or None where it was not.

    Raises:
        InrError: one of them was.
    """
    for option, value in about_steps.items():
        if value:
            raise InrError(f"--{option} is about steps, and a closed form takes none; give --steps to go on from it")
