"""Which benchmarks there are, and running one."""

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from inr._errors import InrError

if TYPE_CHECKING:
    from inr.bench._table import Row, Table
    from inr.signals import GridSignal


@dataclass(frozen=True)
class Options:
    """What every benchmark is given.

    Attributes:
        picture: A picture file to measure on; None for scikit-image's `astronaut`, 512x512.
        data: A folder of test data, for what is measured on more than a picture; None where there is none.
        tiny: Whether sizes are so small that a run shows only that everything works; its numbers mean nothing.
    """

    picture: Path | None = None
    tiny: bool = False
    data: Path | None = None

    def signal(self, side: int | None = None) -> "GridSignal":
        """Open the picture; with `side`, its middle of so many pixels in square.

        Raises:
            InrError: The file is no picture, or one that is too small.
        """
        from inr.signals import GridSignal, Signal
        from inr.signals import open as open_signal

        if self.picture is None:
            from skimage.data import astronaut

            signal: Signal = Signal.from_array(astronaut(), kind="image")
        else:
            signal = open_signal(self.picture)
        if not isinstance(signal, GridSignal) or signal.domain.kind != "image":
            raise InrError(f"{self.picture} is no picture")
        if side is None:
            return signal
        high, wide = ((length - side) // 2 for length in signal.array.shape[:2])
        if min(high, wide) < 0:
            raise InrError(f"{self.picture} is smaller than {side} x {side} pixels")
        return Signal.from_array(signal.array[high : high + side, wide : wide + side].copy(), kind="image")


@dataclass(frozen=True)
class Benchmark:
    """A benchmark; its module has the columns `COLUMNS`, the remarks `NOTES`, and `rows(options)`.

    Attributes:
        module: Where it is, relative to this package.
        title: What it measures, in one line.
    """

    module: str
    title: str

    def load(self) -> tuple[Sequence[str], Sequence[str], Callable[[Options], "Iterator[Row]"]]:
        """Import it: columns, notes, and what yields the rows."""
        module = importlib.import_module(self.module, __package__)
        return module.COLUMNS, module.NOTES, module.rows


BENCHMARKS = {
    "speed": Benchmark(".speed", "Training steps beside plain PyTorch, and beside what the machine can do"),
    "fit": Benchmark(".fit", "Seconds of fitting a picture to a quality, beside plain PyTorch"),
    "render": Benchmark(".render", "Rendering and differentiating fields, beside plain PyTorch"),
    "compress": Benchmark(".compress", "Bytes, quality and seconds of the codecs, beside Pillow's and plain PyTorch"),
    "interpolation": Benchmark(
        ".interpolation", "Fields between their samples beside classical interpolation, and their files"
    ),
    "gpu": Benchmark(".gpu.bench", "Fused kernels on an NVIDIA GPU: how exact, and how fast beside PyTorch"),
}


def run(
    name: str,
    *,
    picture: Path | None = None,
    tiny: bool = False,
    data: Path | None = None,
    on_row: "Callable[[Table, Row], None] | None" = None,
) -> "Table":
    """Run a benchmark; each takes less than three minutes on two cores, but for `interpolation` with a folder of data.

    Args:
        name: One of `BENCHMARKS`.
        picture: A picture file to measure on, instead of the one that scikit-image brings.
        tiny: Run at sizes that only show that everything works.
        data: A folder of test data with pictures in `kodak`, for `interpolation`: about 40 minutes on two cores.
        on_row: Called with the table and its newest row as soon as that is measured.

    Returns:
        The table.

    Raises:
        InrError: There is no such benchmark, the picture is not one, or the machine lacks what is measured.
    """
    if name not in BENCHMARKS:
        raise InrError(f"there is no benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
    columns, notes, rows = BENCHMARKS[name].load()
    from inr.bench._table import Table
    from inr.bench.machine import describe

    table = Table(name, BENCHMARKS[name].title, columns, describe(), notes=notes)
    if tiny:
        table = replace(table, notes=["A tiny run: it shows that everything works, and its numbers mean nothing."])
    for row in rows(Options(picture, tiny, data)):
        table.rows.append(row)
        if on_row is not None:
            on_row(table, row)
    return table
