"""`inr fit` of a folder whose signals are to be a set, in one file."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inr._errors import InrError, InrWarning
from inr._files import check_writable
from inr._option_values import check_purpose, parse_range, parse_rates
from inr.cli._console import INTERRUPTED, complain, going_on, out, pairs, print_json, remark, tell_left_out, typed
from inr.cli._fit_files import check_field_name
from inr.cli._info_set import document, psnr_quantiles
from inr.cli._pipes import is_piped
from inr.cli._progress import SetBar, waiting
from inr.cli._render import DAMAGED

if TYPE_CHECKING:
    from inr.sets import Fields

# what a set does not take of the options of a fit
REFUSED = (
    "--preset", "--teacher", "--objective", "--adjust", "--seconds", "--max-error", "--bytes", "--coded",
    "--half", "--samples", "--sampling", "--checkpoint-every", "--teacher-map", "--events", "--log", "--server",
    "--token", "--profile", "--explain",
)  # fmt: skip


def is_for_a_set(signal: Path, output: Path | None, kind: str | None) -> bool:
    """Whether a fit is of all files of a folder, each by itself.

    Args:
        signal: what is to be fitted.
        output: the file that is named for it.
        kind: what --as says.

    Raises:
        InrError: --as set or video, of what is no folder.
    """
    from inr.signals import is_store

    if kind in ("set", "video") and not signal.is_dir():
        raise InrError(f"--as {kind} is for a folder of files, and {signal} is none")
    if kind is not None or not signal.is_dir() or is_store(signal):
        return kind == "set"
    return output is not None and output.suffix.lower() == ".inr"


def fit_set(arguments: Mapping[str, Any]) -> int:
    """Fit the set; the exit status.

    Args:
        arguments: of the command `inr fit`, by name.

    Raises:
        InrError: options that a set does not take, and whatever `inr.fit_many` refuses.
    """
    from inr.sets import blocks_path, sheet_path

    for option in filter(_was_typed, REFUSED):
        raise InrError(
            f"{option} is for single fields, and this would be a set of them; leave it out, or fit the files one by "
            "one with inr fit-many"
        )
    check_purpose(arguments["purpose"])
    folder: Path = arguments["signal"]
    path: Path = arguments["output"] or Path(f"{folder.resolve().name}.inr")
    force, quiet, resume = arguments["force"], arguments["quiet"], arguments["resume"]
    if is_piped(path):
        raise InrError("a set is written to a file: name one with -o, as -o set.inr")
    check_field_name(path)
    check_writable(path, force=force or resume)
    sheet = None if arguments["no_comparison"] else arguments["comparison"] or sheet_path(path)
    if sheet is not None:
        if sheet.suffix.lower() != ".png":
            raise InrError(f"the contact sheet is a PNG; call it {sheet.with_suffix('.png')}")
        check_writable(sheet, force=force or resume)
    try:
        fields = _fitted(arguments, path)
    except KeyboardInterrupt:
        kept = blocks_path(path)
        if not kept.is_dir():
            raise
        remark(f"interrupted; what is done is kept in {kept}; go on with: {going_on('--resume')}")
        return INTERRUPTED
    status = _draw(fields, sheet, force=force or resume, quiet=quiet)
    _tell(fields, path, sheet, as_json=arguments["as_json"], quiet=quiet)
    _tell_unread(fields, folder)
    return DAMAGED if fields.unread else status


def _fitted(arguments: Mapping[str, Any], path: Path) -> "Fields":
    from inr.priors import load_base
    from inr.sets import fit_many

    if arguments["base"] is not None and arguments["init"] is not None:
        raise InrError("--base is where all fields begin: leave out --init")
    init = (arguments["init"] or "shared") if arguments["base"] is None else load_base(arguments["base"])
    folder, quiet = arguments["signal"], arguments["quiet"]
    values = {
        "value_range": parse_range(arguments["value_range"]), "nodata": arguments["nodata"],
        "srgb": arguments["srgb"] or None, "variable": arguments["variable"],
    }  # fmt: skip
    purpose = arguments["purpose"] if _was_typed("--for") else "memory"
    if not quiet:
        remark(f"{folder} is taken for a set, a field of every file (--as video: one field of numbered frames)")
    with SetBar(quiet=quiet) as bar, warnings.catch_warnings():
        warnings.filterwarnings("ignore", r".*could not be read, and are not in the set", InrWarning)  # told at the end
        return fit_many(
            folder, encoding=arguments["encoding"], activation=arguments["activation"], network=arguments["network"],
            steps=arguments["steps"], psnr=arguments["psnr"], init=init,
            batch=arguments["batch"], learning_rate=parse_rates(arguments["lr"]), schedule=arguments["schedule"],
            optimiser=None if arguments["solver"] == "adam" else arguments["solver"], seed=arguments["seed"],
            lattice_only=purpose == "memory", engine=arguments["engine"], workers=arguments["workers"],
            on=arguments["on"], out=path, resume=arguments["resume"], force=arguments["force"], progress=bar.show,
            **{name: value for name, value in values.items() if value is not None},
        )  # fmt: skip


def _was_typed(option: str) -> bool:
    return any(word == option or word.startswith(f"{option}=") for word in typed.get())


def _draw(fields: "Fields", sheet: Path | None, *, force: bool, quiet: bool) -> int:
    """Draw the contact sheet; a failure costs the sheet only. The exit status."""
    from inr.sets import contact_sheet

    if sheet is None:
        return 0
    try:
        with waiting(f"drawing {sheet}", quiet=quiet):
            contact_sheet(fields, sheet, force=force)
    except InrError as error:
        return complain(str(error), 2)
    except KeyboardInterrupt:
        remark("interrupted while the contact sheet was drawn: the set is whole, without a sheet")
        return INTERRUPTED
    return 0


def _tell(fields: "Fields", path: Path, sheet: Path | None, *, as_json: bool, quiet: bool) -> None:
    """What it came to, as JSON or in few lines."""
    if as_json:
        unread = [{"name": name, "reason": reason} for name, reason in fields.unread]
        files = {"set": str(path), "contact sheet": None if sheet is None else str(sheet)}
        print_json(document(fields, path, ()) | {"unread": unread, "files": files})
    elif not quiet:
        found = document(fields, path, ())
        rows = {
            "fields": f"{found['count']:,}",
            "PSNR": psnr_quantiles(found),
            "steps": _spread(fields.steps.tolist()),
            "size": f"{found['bytes']:,} bytes, {found['bytes_a_field']:,.0f} a field",
            "set": str(path),
        }
        out().print(pairs(rows | ({} if sheet is None else {"contact sheet": str(sheet)})))


def _spread(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _tell_unread(fields: "Fields", folder: Path) -> None:
    """Name the files that could not be read."""
    tell_left_out(
        [
            f"{name}: {reason.removeprefix(f'{folder / name} ').removeprefix(f'{folder / name}: ')}"
            for name, reason in fields.unread
        ]
    )
