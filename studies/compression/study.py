"""What the table of pictures holds, as curves over the pictures that runs share."""

import statistics
from collections.abc import Iterable, Sequence

from inr.bench.tables import Row
from studies.compression import anchors, curves
from studies.compression.curves import Points


class Study:
    """Rows of pictures, by codec."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        self.pictures = sorted({row["picture"] for row in rows if row["codec"] in anchors.ANCHORS})
        self.anchors = [name for name in anchors.ANCHORS if any(row["codec"] == name for row in rows)]
        self.codecs = sorted({row["codec"] for row in rows} - set(anchors.ANCHORS))

    def steps(self, codec: str) -> list[int]:
        """Numbers of steps that a codec was run with, the fewest first."""
        return sorted({int(row["steps"]) for row in self._rows if row["codec"] == codec})

    def usual_steps(self, codec: str) -> int:
        """The number of steps with most pictures and rates; of equal ones the highest."""
        counts = {steps: len(self.rows(codec, steps)) for steps in self.steps(codec)}
        return max(counts, key=lambda steps: (counts[steps], steps))

    def rows(self, codec: str, steps: int | None = None, target: str | None = None) -> list[Row]:
        """Runs of a codec."""
        return [
            row
            for row in self._rows
            if row["codec"] == codec
            and (steps is None or row["steps"] == str(steps))
            and (target is None or row["target"] == target)
        ]

    def targets(self, codec: str, steps: int | None = None) -> list[str]:
        """Settings or rates that a codec was run at, the smallest files first."""
        found: dict[str, list[float]] = {}
        for row in self.rows(codec, steps):
            found.setdefault(row["target"], []).append(float(row["bpp"]))
        return sorted(found, key=lambda target: statistics.fmean(found[target]))

    def mean(self, codec: str, pictures: Sequence[str], steps: int | None = None) -> Points:
        """bpp and dB of each setting that all pictures were run at, as means of the pictures' own."""
        points = []
        for target in self.targets(codec, steps):
            rows = [row for row in self.rows(codec, steps, target) if row["picture"] in pictures]
            if {row["picture"] for row in rows} == set(pictures):
                points.append((average(rows, "bpp"), average(rows, "psnr")))
        return points

    def own(self, codec: str, picture: str, steps: int | None = None) -> Points:
        """bpp and dB of each setting on one picture."""
        return [
            (average(rows, "bpp"), average(rows, "psnr"))
            for target in self.targets(codec, steps)
            if (rows := [row for row in self.rows(codec, steps, target) if row["picture"] == picture])
        ]

    def beside(self, rows: Sequence[Row], anchor: str) -> float | None:
        """dB of runs above an anchor's, each picture at the very bytes of the run; None where it has no such files."""
        above = []
        for row in rows:
            there = curves.quality_at(self.own(anchor, row["picture"]), float(row["bpp"]))
            if there is None:
                return None
            above.append(float(row["psnr"]) - there)
        return statistics.fmean(above) if above else None


def average(rows: Iterable[Row], column: str) -> float:
    """The mean over pictures of the means over seeds, so that no picture counts more for having more."""
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row["picture"], []).append(float(row[column]))
    return statistics.fmean(statistics.fmean(each) for each in found.values())
