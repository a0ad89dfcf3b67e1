"""What a claim's check is: fits that are made once, and what they say about the claim."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Scale = Literal["quick", "cpu", "paper"]
Values = dict[str, float]


@dataclass(frozen=True)
class Setting:
    """Where things lie, how large they are, and what runs them.

    Attributes:
        scale: quick and cpu: what two cores do; paper: the sizes of the publications, for a GPU.
        engine: spec.
    """

    data: Path
    results: Path
    scale: Scale
    engine: str

    @property
    def paper(self) -> bool:
        """Whether everything has its published size."""
        return self.scale == "paper"


@dataclass(frozen=True)
class Run:
    """One fit, or one calculation.

    Attributes:
        method, signal: what is fitted to what; seed: of weights and batches.
        make: the numbers found, by name.
    """

    method: str
    signal: str
    seed: int
    make: Callable[[], Values]


@dataclass(frozen=True)
class Finding:
    """A claim beside what was found.

    Attributes:
        holds: whether it does; None where there is nothing to compare.
    """

    claim: str
    published: str
    found: str
    holds: bool | None


@dataclass(frozen=True)
class Table:
    """What was measured, for the page."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Report:
    """What a study says of itself."""

    table: Table
    findings: Sequence[Finding]


@dataclass(frozen=True)
class Study:
    """A family of claims.

    Attributes:
        name: in the table of runs and on the command line.
        title: on the page; protocol: what is done, and how it is scaled down, in words.
        quick: whether it belongs to the quick subset.
        runs: all that is to be made, for a setting and seeds.
        report: what finished runs of one scale say.
    """

    name: str
    title: str
    protocol: str
    quick: bool
    runs: Callable[[Setting, Sequence[int]], list[Run]]
    report: Callable[["Found"], Report]


@dataclass
class Found:
    """Finished runs of a study at one scale."""

    values: dict[tuple[str, str, int], Values] = field(default_factory=dict)

    def of(self, method: str, quantity: str, signal: str | None = None) -> list[float]:
        """A quantity of a method over all seeds, and all signals or one."""
        return [
            found[quantity]
            for (name, where, _), found in self.values.items()
            if name == method and signal in (None, where) and quantity in found
        ]

    def mean(self, method: str, quantity: str, signal: str | None = None) -> float | None:
        """Its mean; None where there are no runs."""
        numbers = self.of(method, quantity, signal)
        return sum(numbers) / len(numbers) if numbers else None

    def quality(self, method: str, signal: str | None = None) -> float | None:
        """Mean PSNR after the last step, in dB: of the quantities psnr_STEPS of a run the one of most steps."""
        numbers = []
        for (name, where, _), found in self.values.items():
            steps = [int(quantity[5:]) for quantity in found if quantity.startswith("psnr_")]
            if name == method and signal in (None, where) and steps:
                numbers.append(found[f"psnr_{max(steps)}"])
        return sum(numbers) / len(numbers) if numbers else None

    def gains(self, better: str, worse: str) -> list[float]:
        """How much better one method is than another, in dB, on every signal that both have."""
        pairs = [(self.quality(better, signal), self.quality(worse, signal)) for signal in self.signals()]
        return [one - other for one, other in pairs if one is not None and other is not None]

    def qualities(self, method: str) -> list[str]:
        """Cells of a table: that of every signal, and of all."""
        return [decibels(self.quality(method, signal)) for signal in (*self.signals(), None)]

    def signals(self) -> list[str]:
        """Names of the signals, sorted."""
        return sorted({signal for _, signal, _ in self.values})


def in_words(gains: Sequence[float]) -> str:
    """Gains on several signals for a finding."""
    return f"{sum(gains) / len(gains):+.2f} dB in the mean, {min(gains):+.1f} to {max(gains):+.1f}"


def decibels(value: float | None) -> str:
    """A PSNR for a table."""
    return "" if value is None else f"{value:.1f}"
