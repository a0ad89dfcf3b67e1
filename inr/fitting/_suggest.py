"""What frequencies suit a signal, family by family, before anything is fitted."""

from dataclasses import dataclass
from typing import Any

from inr._errors import InrError
from inr._parts import AUTO, WAYS, format_spec
from inr.fitting._defaults import default_setup
from inr.fitting._frequencies import Choice
from inr.signals import as_signal

_FAMILIES = {"fourier": ("encoding", "fourier:sigma="), "sine": ("activation", "sine:omega=")}


@dataclass(frozen=True)
class Suggestion:
    """Frequencies that suit a signal.

    Attributes:
        choices: what was chosen, by family: "fourier" (Fourier features read by relu) and "sine" (SIREN).
        specs: the parts of every family with the chosen number, as `inr.fit` takes them.
    """

    choices: dict[str, Choice]
    specs: dict[str, dict[str, str]]

    @property
    def best(self) -> str:
        """The family that predicts samples best which it does not see, or whose spectra are nearest."""
        return max(self.choices, key=lambda family: self.choices[family].merit)

    @property
    def parts(self) -> dict[str, str]:
        """The parts of the best family: `inr.fit(signal, **suggestion.parts)`."""
        return self.specs[self.best]

    @property
    def seconds(self) -> float:
        """What it took."""
        return sum(choice.seconds for choice in self.choices.values())

    def __str__(self) -> str:
        lines = []
        for family, choice in self.choices.items():
            mark = "  <- better" if family == self.best else ""
            lines.append(f"{choice}: {choice.figure}{mark}")
            lines += [f"  {value:>10.4g}  {figure:6.2f} {choice.unit}" for value, figure in choice.ladder]
        return "\n".join(lines)


def suggest(signal: Any, *, seed: int = 0, by: str = AUTO) -> Suggestion:
    """Suggest the frequencies of Fourier features and of a SIREN for a signal, without fitting all of it.

    For numbers an octave apart short fits of dense patches predict samples that they have not seen
    (`inr.fitting.choose_frequencies`). The number that predicts best is good between samples; one that reproduces the
    samples themselves best is usually larger, and is what `by="fresh"` looks for.

    Args:
        signal: a signal, the path of a file that `inr.open` reads, or an array as of `inr.from_array`.
        seed: decides where the patches lie, which samples are held out, and what weights the fits begin with.
        by: "auto", by short fits; "kernel", by tangent kernels of untrained networks; or "fresh", by their spectra: see
            `inr.fitting.choose_frequencies`.

    Returns:
        The chosen numbers, what every number predicted, and the parts to fit with.

    Raises:
        InrError: a signal that cannot be read, or another `by`.

    >>> suggestion = inr.suggest("photo.png")
    >>> sorted(suggestion.choices), suggestion.best in suggestion.specs
    (['fourier', 'sine'], True)
    >>> field = inr.fit("photo.png", **suggestion.parts, steps=2, engine="eager")
    """
    if by not in WAYS:
        raise InrError(f"frequencies are chosen by {', '.join(WAYS)}, not {by!r}")
    source = as_signal(signal)
    choices, specs = {}, {}
    for family, (part, spec) in _FAMILIES.items():
        wanted: dict[str, Any] = {part: f"{spec}{by}"}
        setup = default_setup(source).with_parts(source, seed=seed, **wanted)
        (choices[family],) = setup.choices
        specs[family] = {part: format_spec(getattr(setup, part))}
    return Suggestion(choices, specs)
