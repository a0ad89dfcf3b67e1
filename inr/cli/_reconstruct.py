"""`inr reconstruct`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from inr._errors import InrError
from inr._files import check_writable
from inr._option_values import parse_rates
from inr.cli import _fit_options as fit_options
from inr.cli import _pipes
from inr.cli._console import decibels, out, print_json, remark
from inr.cli._fit_files import check_checkpoint, check_every, checkpoint_of
from inr.cli._progress import waiting
from inr.cli._render import Force, Quiet
from inr.cli._running import STATUS, UNFINISHED, compile_engine, explain, run_by_loss

if TYPE_CHECKING:
    from inr.reconstruction import Reconstruction

EPILOG = """
[bold]Examples[/bold]

  inr reconstruct photo.png --task inpaint --mask mask.png   # photo.reconstructed.png, and a sheet

  inr reconstruct photo.png --task inpaint --keep 0.1             # from a tenth of its pixels; beside the truth

  inr reconstruct noisy.png --task denoise --truth clean.png

  inr reconstruct blurred.png --task deblur --kernel 1.5          # a Gaussian of 1.5 pixels, or a picture of the kernel

  inr reconstruct small.png --task superresolve --factor 4 -o large.png

  inr reconstruct cat.png --task composite --mask cat-mask.png --background room.png --offset 120,40

  inr reconstruct photo.png --task gradients                      # its gradients alone; or an .npz with gx and gy

  inr reconstruct ct.npz                                          # sinogram and angles; see docs/reconstruction.md

  inr reconstruct sinogram.tif --task ct --angles degrees.txt     # a row a view

  inr reconstruct mri.npz                                         # kspace and mask: the magnitude

  inr reconstruct gradients.npz -o photo.inr                      # the field itself

[bold]Rules[/bold] Every task stands beside its classical methods, in the table and on the sheet; with --truth all are
measured, in dB and SSIM, and where a classical method is better, the table says so. Masks are bright where pixels are
to be filled in, or taken from.

[bold]Exit status[/bold]

  0 fine; 2 bad input, or output that cannot be written; 1 the loss diverged; 130 interrupted (the best so far is saved,
  and --resume goes on)
"""

_TITLES = {
    "composite": "Seamless compositing", "ct": "Computed tomography", "deblur": "Deblurring", "denoise": "Denoising",
    "gradients": "From gradients", "inpaint": "Inpainting", "laplacian": "From the Laplacian",
    "mri": "Magnetic resonance imaging", "superresolve": "Super-resolution",
}  # fmt: skip
_DATA, _FITTING = "Data", "Fitting"


def _data(words: str, *names: str) -> Any:
    return typer.Option(*names, help=words, rich_help_panel=_DATA, show_default=False)


def _fitting(words: str, *names: str) -> Any:
    return typer.Option(*names, help=words, rich_help_panel=_FITTING, show_default=False)


def reconstruct(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="A picture, or an .npz file of derivatives, projections or k-space.",
            callback=_pipes.incoming,
        ),
    ],
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "-o", "--output", help="The picture, or the field where it ends in .inr; repeatable.", show_default=False
        ),
    ] = None,
    task: Annotated[
        str | None,
        _data("gradients, laplacian, composite, inpaint, superresolve, deblur, denoise, ct or mri; .npz files say it."),
    ] = None,
    mask: Annotated[Path | None, _data("A picture, bright where pixels are unknown, or taken (composite).")] = None,
    keep: Annotated[float | None, _data("inpaint: share of the pixels that is known, drawn at random.")] = None,
    background: Annotated[Path | None, _data("composite: the picture that DATA is put into.")] = None,
    offset: Annotated[str | None, _data("composite: where DATA's upper left corner lies in it, x,y in pixels.")] = None,
    mixed: Annotated[bool, _data("composite: take the larger of both pictures' gradients.", "--mixed")] = False,
    factor: Annotated[int | None, _data("superresolve: times as many pixels a side; 2 if not given.")] = None,
    kernel: Annotated[
        str | None, _data("deblur: a Gaussian's standard deviation in pixels, or a picture of the point spread.")
    ] = None,
    noise: Annotated[
        float | None, _data("Standard deviation of the data's noise, in their units; estimated if not given.")
    ] = None,
    operator: Annotated[str | None, _data("gradients of a picture: spline (if not given) or sobel.")] = None,
    angles: Annotated[Path | None, _data("ct: of the views, in degrees, one a line; or an .npy file.")] = None,
    truth: Annotated[Path | None, _data("What it should be, to measure all methods by.")] = None,
    prior: Annotated[str | None, _fitting("tv (usually, if not given), hessian or none.")] = None,
    strength: Annotated[float | None, _fitting("Of the prior.")] = None,
    steps: Annotated[int | None, _fitting("Steps of the fit.")] = None,
    seconds: Annotated[float | None, _fitting("Seconds of the fit.")] = None,
    encoding: Annotated[str | None, _fitting("Parts, as of inr fit.")] = None,
    activation: Annotated[str | None, _fitting("Likewise.")] = None,
    network: Annotated[str | None, _fitting("Likewise.")] = None,
    lr: Annotated[str | None, _fitting("Learning rate, as of inr fit.")] = None,
    batch: Annotated[int | None, _fitting("Points a step.")] = None,
    engine: Annotated[str, _fitting("What runs the fit, as in cpu:threads=2.")] = "auto",
    seed: Annotated[
        int,
        typer.Option(
            min=0, help="Of weights, batches and random places.", rich_help_panel=_FITTING, show_default=False
        ),
    ] = 0,
    resume: fit_options.Resume = False,
    checkpoint_every: fit_options.CheckpointEvery = 60.0,
    sheet: Annotated[
        Path | None, typer.Option(help="The sheet; OUTPUT.sheet.png if not given.", show_default=False)
    ] = None,
    no_sheet: Annotated[bool, typer.Option("--no-sheet", help="Draw none.")] = False,
    force: Force = False,
    quiet: Quiet = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Reconstruct a picture from derivatives, some of its pixels, noise, blur, projections or k-space."""
    outputs = output or [Path(f"{data.stem}.reconstructed.png")]
    drawn = None if no_sheet else sheet or outputs[0].with_suffix(".sheet.png")
    given = [each for each in (data, mask, background, angles, truth) if each is not None]
    check_every(checkpoint_every)
    checkpoint = checkpoint_of(outputs[0])
    check_checkpoint(checkpoint, force=force, resume=resume)
    force = force or resume
    _check_outputs(given, outputs, drawn, force=force)
    with waiting(f"reading {data}", quiet=quiet):
        import inr
        from inr.reconstruction import problem

        options: dict[str, Any] = {
            "mask": mask, "keep": keep, "background": background, "offset": _parse_offset(offset),
            "mixed": mixed or None, "factor": factor, "kernel": kernel, "noise": noise, "operator": operator,
            "angles": angles, "prior": prior, "strength": strength,
        }  # fmt: skip
        ready = problem(task, data, seed=seed, **options).with_parts(
            {"encoding": encoding, "activation": activation, "network": network, "batch": batch,
             "learning_rate": parse_rates(lr)}
        )  # fmt: skip
        if ready.domain.in_dim != 2:
            raise InrError(f"{data} is of a volume, and inr reconstruct makes pictures; volumes are for Python")
        known = truth or (data if keep is not None and mask is None else None)
        wanted = None if known is None else ready.checked_truth(known)
        fitter = ready.fitter(
            inr.Budget(steps=steps, seconds=seconds), engine=engine, seed=seed, checkpoint=checkpoint,
            every=checkpoint_every, resume=resume,
        )  # fmt: skip
    compile_engine(fitter, quiet=quiet)
    end = run_by_loss(fitter, fitter.run(), quiet=quiet)
    with waiting("running classical methods", quiet=quiet):
        found = ready.finish(fitter, wanted)
    for path in outputs:
        _write(found, path, force=force)
    if drawn is not None:
        _draw(found, drawn, force=force)
    _show(found, [*outputs, *([] if drawn is None else [drawn])], quiet=quiet, as_json=as_json)
    if end.reason not in UNFINISHED:
        checkpoint.unlink(missing_ok=True)
    if end.reason != "steps":
        explain(end, checkpoint)
    raise typer.Exit(STATUS.get("interrupted" if found.interrupted else str(end.reason), 0))


def _check_outputs(given: Sequence[Path], outputs: Sequence[Path], sheet: Path | None, *, force: bool) -> None:
    """Refuse before the fit what could not be written after it."""
    from inr.signals import file_format

    for path in outputs:
        if path.suffix.lower() != ".inr":
            file_format(str(path), "image")
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise InrError(f"a sheet is a PNG; call it {sheet.with_suffix('.png')}")
    paths = [*outputs, *([] if sheet is None else [sheet])]
    for place, path in enumerate(paths):
        if path.resolve() in [other.resolve() for other in paths[:place]]:
            raise InrError(f"{path} is to be written twice, as a picture or field and as another or the sheet")
        check_writable(path, force=force, inputs=given)


def _parse_offset(text: str | None) -> tuple[int, int] | None:
    """'120,-4' as (120, -4)."""
    if text is None:
        return None
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().lstrip("+-").isdecimal() for part in parts):
        raise InrError(f"--offset {text}: write two whole numbers, x,y in pixels, as 120,40")
    return int(parts[0]), int(parts[1])


def _write(found: "Reconstruction", path: Path, *, force: bool) -> None:
    """The field, or its picture."""
    from inr.signals import write

    if path.suffix.lower() == ".inr":
        found.field.save(path, force=force)
    else:
        write(path, found.picture, found.domain, force=force)


def _draw(found: "Reconstruction", path: Path, *, force: bool) -> None:
    from inr.diagnostics import ReconstructedPicture, methods_sheet

    shown = [ReconstructedPicture(_called(each.name), each.picture, each.psnr, each.ssim) for each in found.methods]
    methods_sheet(
        shown, path, title=_TITLES.get(found.task, found.task), facts=found.facts, domain=found.domain,
        given=found.given, truth=found.truth, force=force,
    )  # fmt: skip


def _called(name: str) -> str:
    return "inr" if name == "field" else name


def _show(found: "Reconstruction", files: Sequence[Path], *, quiet: bool, as_json: bool) -> None:
    """All methods in one table, and what is to be known."""
    if as_json:
        rows = [
            {"method": each.name, "psnr": each.psnr, "ssim": each.ssim, "seconds": each.seconds, "note": each.note}
            for each in found.methods
        ]
        print_json({"task": found.task, "methods": rows, "best": found.best or None, "facts": list(found.facts),
                    "files": [str(path) for path in files]})  # fmt: skip
        return
    if quiet:
        return
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="cyan")
    for column in ("method", "PSNR", "SSIM", "seconds", ""):
        table.add_column(column, justify="left" if column in ("method", "") else "right", no_wrap=column != "")
    for each in found.methods:
        name = _called(each.name) + (" (best)" if each.name == found.best else "")
        similar = "–" if each.ssim != each.ssim else f"{each.ssim:.4f}"
        table.add_row(name, decibels(each.psnr), similar, f"{each.seconds:.1f}", each.note)
    out().print(table)
    for fact in found.facts:
        remark(fact)
    for path in files:
        remark(f"wrote {path}")
