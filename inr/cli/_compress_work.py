"""What `inr compress` and `inr recompress` do around a codec: checks, the bar, the file, and what it came to."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from inr._errors import InrError
from inr._files import check_writable, replacing
from inr.cli._console import INTERRUPTED, complain, decibels, going_on, out, pairs, print_json, remark, size
from inr.cli._fit_report import Stopwatch
from inr.cli._progress import FitBar
from inr.cli._remote import deliver, ordered

if TYPE_CHECKING:
    from inr.compression import Compressed, FitSeries
    from inr.signals import Domain

# exit statuses: of output that cannot be written, and of a file that misses its target
BAD_OUTPUT, MISSED = 2, 3


@dataclass(frozen=True)
class Work:
    """What is written where, and how the work on it is run and told."""

    path: Path
    seconds: float | None
    every: float
    resume: bool
    force: bool
    quiet: bool
    as_json: bool

    @property
    def checkpoint(self) -> Path:
        """What can be resumed while the work is unfinished."""
        return Path(f"{self.path}.checkpoint")

    def check(self, *inputs: Path | None) -> None:
        """Refuse before the fits what could not be written after them, or would overwrite what is read."""
        if self.checkpoint.exists() and not (self.resume or self.force):
            raise InrError(
                f"{self.checkpoint} holds unfinished work; go on with --resume, or start afresh with --force"
            )
        check_writable(self.path, force=self.force or self.resume, inputs=inputs)
        check_writable(self.checkpoint, force=True)

    def write(
        self,
        run: Callable[["FitSeries"], "Compressed"],
        domain: "Domain",
        beside: Mapping[str, str] | None = None,
        *,
        asked: bool = True,
    ) -> None:
        """Run the codec with a bar, write what it made, say what it came to.

        Args:
            run: makes the file.
            domain: of the signal.
            beside: more to say of the figures.
            asked: whether a target was asked for: missing the usual one, which tiny pictures do, is no failure.
        """
        from inr.compression import FitSeries
        from inr.fitting import stopping_on_interrupt

        begin = time.perf_counter()
        with FitBar(quiet=self.quiet) as bar:
            fits = FitSeries(
                seconds=self.seconds, checkpoint=self.checkpoint, every=self.every, resume=self.resume,
                on_event=bar.show,
            )  # fmt: skip
            with stopping_on_interrupt(fits):
                made = run(fits)
        seconds = time.perf_counter() - begin
        self._keep(made, domain, seconds, beside or {}, interrupted=fits.reason == "interrupted", asked=asked)

    def order(self, arguments: Mapping[str, Any], reading: Mapping[str, Any]) -> None:
        """Have a server compress, write what it made, say what it came to.

        Args:
            arguments: of the command, by name.
            reading: how the signal is to be read, as of `inr.open`.
        """
        from inr.compression import Compressed
        from inr.compression import Quality as Found

        order = ordered("compress", arguments, reading, self.checkpoint)
        source, delivery = deliver(order, arguments["server"], arguments["token"], Stopwatch())
        if delivery.data is None:
            raise typer.Exit(complain(delivery.told, delivery.status))
        found: dict[str, Any] = {name: delivery.metrics.get(name) for name in Found._fields}
        found["psnr"] = math.inf if found["psnr"] is None else found["psnr"]  # JSON knows no infinity
        ended = "interrupted: the best file so far is kept" if delivery.state == "cancelled" else None
        made = Compressed(delivery.data, Found(**found), delivery.metrics.get("missed"), ended)
        self._keep(made, source.domain, delivery.metrics["seconds"], {}, interrupted=ended is not None)

    def _keep(
        self,
        made: "Compressed",
        domain: "Domain",
        seconds: float,
        beside: Mapping[str, str],
        *,
        interrupted: bool,
        asked: bool = True,
    ) -> None:
        """Write the file, and say what it came to; exits with another status than 0 where it is not what was wanted."""
        with replacing(self.path, force=self.force or self.resume) as temporary:
            temporary.write_bytes(made.data)
        if made.ended is None:
            self.checkpoint.unlink(missing_ok=True)
        self._tell(made, domain, seconds, beside)
        if made.ended is not None:
            self._explain(made.ended)
            raise typer.Exit(INTERRUPTED if interrupted else BAD_OUTPUT)
        if made.missed is not None:
            if not asked:
                remark(f"0.3 bits a pixel are not enough: {made.missed}; {self.path} is the smallest there is")
                return
            remark(f"the target was missed: {made.missed}; {self.path} is the nearest to it")
            raise typer.Exit(MISSED)

    def _tell(self, made: "Compressed", domain: "Domain", seconds: float, beside: Mapping[str, str]) -> None:
        """The result, as it was asked for."""
        assert domain.shape is not None
        quality, low, high = made.quality, min(domain.values.low), max(domain.values.high)
        bits = 8 * len(made.data) / math.prod(domain.shape)
        if self.as_json:
            print_json(
                {
                    "file": str(self.path),
                    "bytes": len(made.data),
                    "bits_per_sample": bits,
                    **({} if quality.snr is None else {"snr": quality.snr}),
                    "psnr": quality.psnr,
                    "rmse": quality.rmse,
                    "max_error": quality.max_error,
                    "value_range": [low, high],
                    **{name.replace(" ", "_"): words for name, words in beside.items()},
                    "seconds": seconds,
                    "missed": made.missed,
                    "ended": made.ended,
                }
            )
        elif not self.quiet:
            rows = {"file": str(self.path), "size": f"{size(len(made.data))}, {bits:.3g} bits a sample"}
            if quality.snr is not None:
                rows["SNR"] = f"{decibels(quality.snr)}, decoded"
            rows["PSNR"] = f"{decibels(quality.psnr)}, decoded  (over the range from {low:g} to {high:g})"
            rows["error"] = f"RMSE {quality.rmse:.3g}, at most {quality.max_error:.3g}"
            out().print(pairs(rows | dict(beside) | {"encoding": f"{seconds:.1f} s"}))

    def _explain(self, ended: str) -> None:
        """One line on work that ended early, with the command that goes on."""
        if self.checkpoint.exists():
            ended += f"; go on with: {going_on('--resume')}"
        remark(ended)
