"""Files of signals that are told from a base, as `inr compress --base`, `inr decompress` and `inr info` have them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from inr._errors import InrError
from inr._files import check_writable, replacing
from inr.cli._console import out, pairs, print_json, remark, size
from inr.cli._progress import waiting
from inr.cli._render import default_output

if TYPE_CHECKING:
    from inr.container import Contents

_USUAL_PSNR = 35.0


def compress_by_base(
    signal: Path,
    base: Path,
    path: Path,
    psnr: float | None,
    others: dict[str, Any],
    *,
    force: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Write signals as a file that a base is needed for.

    Args:
        signal: a signal, a folder of them, or an .npz file.
        base: of method gaussian.
        path: the file.
        psnr: of every signal; 35 dB if not given.
        others: options that were given and that do not go with a base, by name.
    """
    if given := [f"--{name.replace('_', '-')}" for name, value in others.items() if value is not None]:
        raise InrError(f"with --base the target is --psnr; leave out {', '.join(given)}")
    check_writable(path, force=force)
    with waiting(f"reading {signal}", quiet=quiet):
        from inr.priors import compress_signals, load_base, read_signals

        learned = load_base(base)
        found, names = read_signals(signal, learned)
    kept = names if len(names) > 1 else ()
    with waiting("compressing", quiet=quiet):
        data = compress_signals(found, learned, psnr=_USUAL_PSNR if psnr is None else psnr, names=kept)
    with replacing(path, force=force) as temporary:
        temporary.write_bytes(data)
    result = _sums(path, len(data), len(found), learned.name, base)
    if as_json:
        print_json(result)
    elif not quiet:
        out().print(pairs(_rows(result)))


def decompress_by_base(
    contents: "Contents", file: Path, output: Path | None, base: Path | None, *, force: bool, quiet: bool
) -> None:
    """Write the signals of such a file: one as itself, several as an .npz file or into a folder."""
    import numpy as np

    from inr.priors import decompress_signals
    from inr.signals import default_suffix, write

    with waiting(f"decoding {file}", quiet=quiet):
        found, learned, names = decompress_signals(contents, base, path=file)
    domain = learned.domain
    suffix = default_suffix(domain)
    if len(found) == 1:
        path = output or default_output(file, suffix, "decoded")
        write(path, found[0], domain, force=force)
    else:
        path = output or default_output(file, ".npz", "decoded")
        names = names or [f"{place:04}" for place in range(len(found))]
        if path.suffix.lower() == ".npz":
            with replacing(path, force=force) as temporary:
                np.savez(temporary, **dict(zip(names, found, strict=True)))
        elif path.suffix:
            raise InrError(f"{file} holds {len(found):,} signals: give an .npz file or a folder (-o NAME)")
        else:
            path.mkdir(exist_ok=True)
            for name, each in zip(names, found, strict=True):
                write(path / f"{Path(name).stem}{suffix}", each, domain, force=force)
    if not quiet:
        remark(f"wrote {path}: {len(found):,} signal{'s' if len(found) > 1 else ''}")


def tell_coded(contents: "Contents", file: Path, *, as_json: bool) -> None:
    """Say what such a file holds, and what it takes with its base."""
    from inr.compression import UnknownWeights
    from inr.priors import found_base, told_of_signals

    told = told_of_signals(contents)
    total = contents.header_size + sum(entry.size for entry in contents.table)
    try:
        where = found_base(told["base"], told["file"], None, file).file
    except UnknownWeights:
        where = None
    result = _sums(file, total, told["count"], told["base"], where)
    if as_json:
        print_json(result)
    else:
        out().print(pairs(_rows(result)))


def _sums(path: Path, total: int, count: int, name: str, base: Path | None) -> dict[str, Any]:
    """Bytes of the signals alone, and with the base's shared by all of them."""
    own = None if base is None else base.stat().st_size
    return {
        "file": str(path), "bytes": total, "signals": count, "bytes_a_signal": total / count, "base": name,
        "base_file": None if base is None else str(base), "base_bytes": own,
        "bytes_a_signal_with_base": None if own is None else (total + own) / count,
    }  # fmt: skip


def _rows(result: dict[str, Any]) -> dict[str, str]:
    rows = {
        "signals": f"{result['signals']:,}",
        "size": f"{size(result['bytes'])}, {result['bytes_a_signal']:.1f} bytes a signal",
        "base": f"SHA-256 {result['base']}",
    }
    if result["base_bytes"] is None:
        rows["with the base"] = "the base is not here: it is needed to decompress"
    else:
        rows["with the base"] = (
            f"{result['bytes_a_signal_with_base']:,.1f} bytes a signal: {result['base_file']} has "
            f"{size(result['base_bytes'])}"
        )
    return rows
