"""Opening the file of a set: header and index are checked at once, blocks of rows when they are read."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from inr._errors import DamagedFile, InrError
from inr.activations import activations
from inr.container import GIB, Payload, Sections
from inr.encodings import encodings
from inr.networks import networks
from inr.sets._fields import Fields
from inr.sets._file import INDEX, Block, Index, block_name
from inr.sets._kind import is_set
from inr.sets._layout import layout_in, layout_of
from inr.signals import Domain


def load_set(path: str | os.PathLike[str], *, max_bytes: int = GIB) -> Fields:
    """Open the file of a set; nothing in it is executed.

    Args:
        path: the file.
        max_bytes: most bytes that the index, or one block of rows, may take.

    Returns:
        The set, of which only the index is read.

    Raises:
        DamagedFile: header or index do not hold together; a damaged block of rows shows when it is read.
        InrError: no such file, a file of something else, parts that are not registered here, or a newer inr's.
    """
    sections = Sections(Path(path), max_bytes=max_bytes)
    if not is_set(sections.header):
        raise InrError(f"{path} holds no set of fields; inr.load opens a single field")
    _check_parts(sections.header, path)
    try:
        index = Index.of_section(sections.read(INDEX))
        _check_layout(sections, index)
        return Fields(sections.header, index, _Stored(sections, index, int(sections.header["parameters"])))
    except DamagedFile as error:
        raise DamagedFile(_led_by(path, error), error.section) from error
    except InrError as error:
        raise InrError(_led_by(path, error)) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedFile(f"{path}: its header describes no set: {error!r}", "header") from error


def _led_by(path: str | os.PathLike[str], error: InrError) -> str:
    """The words of an error, begun with the path of the file unless they are already."""
    words = str(error)
    return words if words.startswith(f"{path}: ") else f"{path}: {words}"


class _Stored:
    """Blocks of rows in a file."""

    def __init__(self, sections: Sections, index: Index, width: int) -> None:
        self._sections, self._index, self._width = sections, index, width

    def read(self, number: int) -> Block:
        section = self._sections.read(block_name(number))
        try:
            return Block.of_section(section, int(self._index.counts[number]), self._width)
        except DamagedFile as error:
            raise DamagedFile(f"{self._sections.path}: {error}", error.section) from error

    def payload(self, number: int) -> Payload:
        return self._sections.payload(block_name(number))


def _check_layout(sections: Sections, index: Index) -> None:
    """Raises DamagedFile where the header claims another layout than its parts have, or blocks that are not there."""
    header = sections.header
    domain = Domain.from_json(header["domain"])
    fit, formula = header["fit"], header["formula"]
    whole = all(isinstance(fit[key], int) for key in ("seed", "steps", "batch")) and isinstance(fit["init"], str)
    rates = [float(rate) for rate in fit["rates"].values()] + [0.0 if fit["psnr"] is None else float(fit["psnr"])]
    if not (whole and 0 <= fit["seed"] < 1 << 32 and rates and isinstance(formula, Mapping)):
        raise DamagedFile("the header is damaged: it does not say what the set was fitted with", "header")
    layout = layout_of(domain, {part: header["field"][part] for part in ("encoding", "activation", "network")})
    if layout != layout_in(header) or layout[-1].stop != header["parameters"]:
        raise DamagedFile("the header is damaged: its layout is not that of its parts", "header")
    if index.sizes.shape[1] != domain.in_dim:
        raise DamagedFile(f"section '{INDEX}' does not fit the header: sizes of other axes", INDEX)
    sizes = {entry.name: entry.size for entry in sections.table}
    for number, count in enumerate(index.counts):
        if sizes.get(block_name(number), 0) < 4 * int(count) * layout[-1].stop:
            raise DamagedFile(f"section '{INDEX}' does not fit the header: block {number} is too small", INDEX)


def _check_parts(header: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Raises InrError for parts that are not registered here, and for a set of a later layout."""
    known: dict[str, Callable[..., Any]] = {
        "encoding": encodings.info, "activation": activations.info, "network": networks.info
    }  # fmt: skip
    try:
        number = int(header["set"]["format"])
        names = {part: str(header["field"][part]["name"]) for part in known}
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFile(f"{path}: its header describes no set: {error!r}", "header") from error
    if number > 1:
        raise InrError(f"{path}: a set written by a newer version of inr (format {number}): pip install -U inr")
    for part, info in known.items():
        try:
            info(names[part])
        except InrError as error:
            raise InrError(
                f"{path} needs the {part} '{names[part]}', which is not registered here: install the package that "
                "brings it, or name the script that registers it, with --load SCRIPT.py or the environment's INR_LOAD"
            ) from error
