"""What frequencies suit a signal, family by family, before anything is fitted."""

from dataclasses import dataclass
from typing import Any

from inr._parts import AUTO, format_spec
from inr.fitting._defaults import default_setup
from inr.fitting._frequencies import Choice
from inr.signals import as_signal

_FAMILIES = {"fourier": {"encoding": f"fourier:sigma={AUTO}"}, "sine": {"activation": f"sine:omega={AUTO}"}}


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
        """The family that predicts samples best which it does not see."""
        return max(self.choices, key=lambda family: self.choices[family].psnr)

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
            mark = "  <- predicts better" if family == self.best else ""
            lines.append(f"{choice}: {choice.psnr:.1f} dB on samples left out{mark}")
            lines += [f"  {value:>10.4g}  {psnr:6.2f} dB" for value, psnr in choice.ladder]
        return "\n".join(lines)


def suggest(signal: Any, *, seed: int = 0) -> Suggestion:
    """Suggest the frequencies of Fourier features and of a SIREN for a signal, without fitting all of it.

    For numbers an octave apart short fits of dense patches predict samples that they have not seen
    (`inr.fitting.choose_frequencies`). The number that predicts best is good between samples; one that reproduces the
    samples themselves best is usually larger.

    Args:
        signal: a signal, the path of a file that `inr.open` reads, or an array as of `inr.from_array`.
        seed: decides where the patches lie, which samples are held out, and what weights the fits begin with.

    Returns:
        The chosen numbers, what every number predicted, and the parts to fit with.

    Raises:
        InrError: a signal that cannot be read.

    >>> suggestion = inr.suggest("photo.png")
    >>> sorted(suggestion.choices), suggestion.best in suggestion.specs
    (['fourier', 'sine'], True)
    >>> field = inr.fit("photo.png", **suggestion.parts, steps=2, engine="eager")
    """
    source = as_signal(signal)
    choices, specs = {}, {}
    for family, wanted in _FAMILIES.items():
        setup = default_setup(source).with_parts(source, seed=seed, **wanted)
        (choices[family],) = setup.choices
        specs[family] = {part: format_spec(getattr(setup, part)) for part in wanted}
    return Suggestion(choices, specs)
