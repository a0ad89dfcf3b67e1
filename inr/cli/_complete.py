"""`inr complete`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inr._errors import InrError
from inr._files import check_writable, replacing
from inr.cli import _pipes
from inr.cli._console import decibels, out, pairs, print_json, remark
from inr.cli._progress import waiting
from inr.cli._render import Force, Quiet

if TYPE_CHECKING:
    from inr.priors import Completed

EPILOG = """
[bold]Examples[/bold]

  inr learn faces/ -o faces.inr --method gaussian

  inr complete face.png --mask mask.png --base faces.inr   # face.completed.png, .std.png and .sheet.png

  inr complete face.png --keep 0.1 --base faces.inr        # from a tenth of its pixels; beside the truth

  inr complete map.npy                                     # where it is NaN; no base: an exponential covariance

  inr complete series.npz --period 24      # where it is NaN, by harmonics of 24 samples; --period auto estimates it

  inr complete face.png --mask mask.png --base faces.inr -o out.npz    # mean, deviation, samples, unseen

[bold]Rules[/bold] Masks are bright where pixels are unseen. What pixels are there changes nothing.
"""


def complete(
    signal: Annotated[
        Path, typer.Argument(metavar="SIGNAL", help="Of some thousand samples at most.", callback=_pipes.incoming)
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="What is expected; standard deviations go beside it, as OUTPUT.std. Or an .npz file of all numbers.",
            show_default=False,
        ),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(help="A picture, bright where pixels are unseen; where the signal is NaN if not given."),
    ] = None,
    keep: Annotated[float | None, typer.Option(help="See this share of the samples, drawn at random.")] = None,
    base: Annotated[
        Path | None, typer.Option(help="What inr learn learned from similar signals.", show_default=False)
    ] = None,
    period: Annotated[
        str | None,
        typer.Option(
            help="Of a signal of one axis, in its unit: seconds of a sound, samples of an array; or auto.",
            metavar="PERIOD",
            show_default=False,
        ),
    ] = None,
    samples: Annotated[int, typer.Option(min=0, help="Signals to draw as they might be; 4 if not given.")] = 4,
    truth: Annotated[Path | None, typer.Option(help="What it should be, to measure it by.", show_default=False)] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn; 0 if not given.", show_default=False)] = 0,
    no_sheet: Annotated[bool, typer.Option("--no-sheet", help="Draw none.")] = False,
    force: Force = False,
    quiet: Quiet = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Tell the unseen samples of a signal from the seen ones, and how sure that is."""
    known_period = None if period is None else _period(period)
    if known_period is not None and base is not None:
        raise InrError("give --period, or --base: both say what unseen samples are told from")
    with waiting(f"reading {signal}", quiet=quiet):
        import inr
        from inr.priors import complete as run
        from inr.signals import default_suffix

        source = inr.open(signal)
        path = output or Path(f"{signal.stem}.completed{default_suffix(source.domain)}")
        files = _files(path, source.domain.kind, sheet=not no_sheet)
        for each in files:
            check_writable(each, force=force, inputs=(signal, mask, base, truth))
        known = inr.open(truth) if truth is not None else source if keep is not None else None
        unseen: Any = mask if keep is None else _drawn(keep, source.array.shape[:-1], mask, seed)
    with waiting("completing", quiet=quiet):
        found = run(source, unseen, base=base, period=known_period, samples=samples, seed=seed)
    _write(found, files, known, force=force)
    result = _document(found, known, files)
    if as_json:
        print_json(result)
    elif not quiet:
        out().print(pairs(_rows(result)))
        for each in files:
            remark(f"wrote {each}")


def _period(given: str) -> float | str:
    """A number, or "auto"."""
    if given == "auto":
        return given
    try:
        return float(given)
    except ValueError:
        raise InrError(f"--period is a number, or auto, not {given!r}") from None


def _files(path: Path, kind: str, *, sheet: bool) -> list[Path]:
    """What is written: numbers; or what is expected, deviations, and the sheet of a picture."""
    from inr.signals import file_format

    if path.suffix.lower() == ".npz":
        return [path]
    file_format(str(path), kind)  # type: ignore[arg-type]
    drawn = [path.with_suffix(".sheet.png")] if sheet and kind == "image" else []
    return [path, path.with_name(f"{path.stem}.std{path.suffix}"), *drawn]


def _drawn(keep: float, shape: tuple[int, ...], mask: Path | None, seed: int) -> Any:
    """All samples but a share of them."""
    import numpy as np

    if mask is not None:
        raise InrError("give --mask, or --keep: both say what is unseen")
    if not 0 < keep < 1:
        raise InrError(f"--keep is a share of the samples, between 0 and 1, not {keep:g}")
    count = int(np.prod(shape))
    unseen = np.ones(count, dtype=bool)
    unseen[np.random.default_rng(seed).permutation(count)[: round(keep * count)]] = False
    return unseen.reshape(shape)


def _write(found: "Completed", files: list[Path], known: Any, *, force: bool) -> None:
    from dataclasses import replace

    import numpy as np

    from inr.signals import ValueMap, write

    if len(files) == 1:
        with replacing(files[0], force=force) as temporary:
            np.savez_compressed(
                temporary, mean=found.mean, deviation=found.deviation, samples=found.samples, unseen=found.unseen
            )
        return
    write(files[0], found.mean, found.domain, force=force)
    largest = max(float(found.deviation.max()), 1e-30)
    tones = replace(found.domain, values=ValueMap((0.0,), (largest,)), dtype="float32", meta={})
    write(files[1], found.deviation, tones, force=force)
    if len(files) > 2:
        from inr.diagnostics import completion_sheet

        completion_sheet(
            found.mean, found.deviation, list(found.samples), found.unseen, files[2], title=f"By {found.method}",
            domain=found.domain, truth=None if known is None else known.array.astype("float32"), force=force,
        )  # fmt: skip


def _document(found: "Completed", known: Any, files: list[Path]) -> dict[str, Any]:
    figures: dict[str, Any] = {} if known is None else found.compare(known)._asdict()
    if found.periodic is not None:
        figures["periodic"] = asdict(found.periodic)
    return {
        "method": found.method, "seen": int((~found.unseen).sum()), "unseen": int(found.unseen.sum()),
        "deviation": {"mean": float(found.deviation[found.unseen].mean()), "largest": float(found.deviation.max())},
        **figures, "files": [str(each) for each in files],
    }  # fmt: skip


def _rows(result: dict[str, Any]) -> dict[str, str]:
    spread = result["deviation"]
    rows = {
        "method": result["method"],
        "seen": f"{result['seen']:,} of {result['seen'] + result['unseen']:,} samples",
        "deviation": f"{spread['mean']:.4g} mean, {spread['largest']:.4g} largest (white in the picture of it)",
    }
    if "periodic" in result:
        periodic = result["periodic"]
        how = "estimated" if periodic["estimated"] else "given"
        rows["period"] = (
            f"{periodic['period']:.6g} {periodic['unit']} ({how}); {periodic['harmonics']} harmonics, which tell "
            f"{periodic['told']:.1%} of the variance of samples left out"
        )
    if "psnr" in result:
        rows["quality"] = f"{decibels(result['psnr'])}; {decibels(result['psnr_unseen'])} of what was unseen"
        rows["intervals"] = (
            f"of 50 % hold {result['coverage_50']:.0%}, of 90 % {result['coverage_90']:.0%} of what was unseen"
        )
    return rows
