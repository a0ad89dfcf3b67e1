"""Files of signals that are told from a base, as `inr compress --base`, `inr decompress` and `inr info` have them."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from inr._errors import InrError
from inr._files import check_writable, replacing
from inr.cli._console import out, pairs, print_json, remark, size, tell_left_out
from inr.cli._progress import waiting
from inr.cli._render import DAMAGED, default_output

if TYPE_CHECKING:
    from inr.container import Contents
    from inr.priors import Base


def compress_by_base(
    signal: Path,
    base: "Base",
    path: Path,
    others: Mapping[str, Any],
    *,
    psnr: float | None,
    most: int | None,
    bpp: float | None,
    inputs: Sequence[Path | None],
    force: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Write signals as a file that a base is needed for.

    Args:
        signal: a signal, a folder of them, or an .npz file.
        base: of method gaussian or modulated.
        path: the file.
        others: options that were given and that do not go with such a base, by name.
        psnr: of every signal; most: bytes of the file; bpp: bits a sample. One of them at most; 35 dB if none is given.
        inputs: files that are read, which are not to be overwritten.
    """
    refuse_given(others, f"with a base of method {base.method.config()['name']} the target is --psnr, --bytes or --bpp")
    targets = {"psnr": psnr, "bytes": most, "bpp": bpp}
    if len(given := [name for name, value in targets.items() if value is not None]) > 1:
        raise InrError(f"give one of psnr, bytes and bpp; got {' and '.join(given)}")
    check_writable(path, force=force, inputs=inputs)
    with waiting(f"reading {signal}", quiet=quiet):
        from inr.priors import compress_signals, read_signals

        found = read_signals(signal, base)
    kept = found.names if len(found.names) > 1 else ()
    if bpp is not None:
        if not 0 < bpp < math.inf:
            raise InrError(f"bits per sample must be a positive number, got {bpp:g}")
        most = int(bpp * len(found.signals) * math.prod(base.domain.shape or ()) / 8)
    with waiting("compressing", quiet=quiet):
        data = compress_signals(found.signals, base, psnr=psnr, bytes=most, names=kept)
    with replacing(path, force=force) as temporary:
        temporary.write_bytes(data)
    result = sums(path, len(data), len(found.signals), base.name, base.file) | {"left_out": found.unreadable}
    if as_json:
        print_json(result)
    elif not quiet:
        out().print(pairs(rows_of(result)))
    tell_left_out(found.unreadable)
    if found.unreadable:
        raise typer.Exit(DAMAGED)


def refuse_given(options: Mapping[str, Any], why: str) -> None:
    """Refuse options that were given and do not go with others.

    Args:
        options: by name; None and False where they were not given.
        why: what goes, in words.
    """
    if given := [f"--{name.replace('_', '-')}" for name, value in options.items() if value not in (None, False)]:
        raise InrError(f"{why}; leave out {', '.join(given)}")


def decompress_by_base(
    contents: "Contents",
    file: Path,
    output: Path | None,
    base: Path | None,
    max_bytes: int,
    *,
    force: bool,
    quiet: bool,
) -> None:
    """Write the signals of such a file: one as itself, several as an .npz file or into a folder."""
    import numpy as np

    from inr.priors import decompress_signals
    from inr.signals import default_suffix, write

    with waiting(f"decoding {file}", quiet=quiet):
        found, learned, names = decompress_signals(contents, base, path=file, max_bytes=max_bytes)
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
    result = sums(file, total, told["count"], told["base"], where)
    if as_json:
        print_json(result)
    else:
        out().print(pairs(rows_of(result)))


def needs_base(header: Mapping[str, Any]) -> bool:
    """Whether a file holds a field that is told from a base, by its header."""
    return str(header.get("codec", "")).partition(":")[0] == "differences"


def tell_differences(contents: "Contents", file: Path, *, as_json: bool) -> None:
    """Say what a field that is told from a base takes, and its share of the base's bytes.

    The base is shared by as many files as lie in the same folder and name it.
    """
    from inr._specs import parse_spec
    from inr.compression import UnknownWeights
    from inr.priors import found_base
    from inr.signals import from_compact, sort_of

    codec = parse_spec(contents.header["codec"])
    name = str(codec.get("base", ""))[1:]
    domain = from_compact(contents.header["domain"])
    others = [
        each for each in sorted(file.parent.glob("*.inr")) if _header_of(each).get("codec") == contents.header["codec"]
    ]
    files = list({each.resolve(): each for each in [file, *others]}.values()) if file.exists() else [file]
    total = sum(each.stat().st_size for each in files)
    try:
        where = found_base(name, None, None, file).file
    except UnknownWeights:
        where = None
    own = contents.header_size + sum(entry.size for entry in contents.table)
    result = {
        **sums(file, total, len(files), name, where), "bytes": own, "bytes_of_all": total, "kind": domain.kind,
        "shape": list(domain.shape or ()), "channels": domain.channels, "codec": codec["name"],
        "bits_per_sample": 8 * own / math.prod(domain.shape or (1,)), "damaged": list(contents.damaged),
    }  # fmt: skip
    if as_json:
        print_json(result)
        return
    rows = rows_of({**result, "bytes": total})
    grid = " x ".join(str(each) for each in reversed(result["shape"]))
    told = {
        "kind": f"{sort_of(domain)}, {grid}",
        "codec": "differences",
        "file": f"{size(own)}, {result['bits_per_sample']:.3g} bits a sample",
        "files here": f"{len(files):,} need this base: {rows['size']}",
    }
    out().print(pairs(told | {key: rows[key] for key in ("base", "with the base")}))


def _header_of(file: Path) -> Mapping[str, Any]:
    """What the header of an .inr file says; nothing where it is none."""
    from inr.container import Sections

    try:
        return Sections(file).header
    except InrError:
        return {}


def sums(path: Path, total: int, count: int, name: str, base: Path | None) -> dict[str, Any]:
    """Bytes of signals alone, and with the base's shared by all of them.

    Args:
        path: their file, or the folder of their files.
        total: bytes of all.
        count: of signals.
        name: of the base, a SHA-256.
        base: its file; None where it is not there.
    """
    own = None if base is None else base.stat().st_size
    return {
        "file": str(path), "bytes": total, "signals": count, "bytes_a_signal": total / count, "base": name,
        "base_file": None if base is None else str(base), "base_bytes": own,
        "bytes_a_signal_with_base": None if own is None else (total + own) / count,
    }  # fmt: skip


def rows_of(result: Mapping[str, Any]) -> dict[str, str]:
    """What `sums` found as a small table."""
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
