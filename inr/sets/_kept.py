"""Blocks of a set that is not finished yet: each is a file by itself, named by what it was made of."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from inr import container
from inr._errors import InrError
from inr._files import check_writable, describe, replacing
from inr.container import Payload, Sections
from inr.sets._file import INDEX, Block, Index, Label, block_name
from inr.signals import Signal

_RECIPE = "recipe.json"
_SUFFIX = ".rows.inr"


def blocks_path(path: Path) -> Path:
    """The folder of the blocks that are done, beside the file of a set that is not finished."""
    return path.with_name(f"{path.name}.blocks")


class KeptBlocks:
    """The folder of the blocks that are done, beside the file that they will make.

    Args:
        path: of the set's file.

    Attributes:
        folder: of the blocks.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = blocks_path(path)

    def check(self, *, resume: bool, force: bool) -> None:
        """Refuse before the work what would be refused after it.

        Raises:
            InrError: the set's file exists, or an unfinished one, without `force` or `resume`; nothing to resume; or
                they cannot be written.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise InrError(f"{self.folder} is a file, and the blocks of an unfinished set are kept there; rename it")
        begun = self.folder.is_dir() and any(self.folder.iterdir())
        if resume and not begun:
            raise InrError(f"nothing to resume: {self.folder} does not exist; start without --resume (resume=True)")
        if begun and not resume and not force:
            raise InrError(
                f"{self.folder} holds an unfinished set; go on with --resume (resume=True), or start afresh with "
                "--force (force=True)"
            )
        check_writable(self.path, force=force or resume)

    def begin(self, recipe: Mapping[str, Any], *, resume: bool) -> None:
        """Make the folder; empty it, or see that what it holds was begun in the same way.

        Args:
            recipe: what decides every field besides its signal, as plain JSON.
            resume: keep the blocks that are there.

        Raises:
            InrError: the blocks that are there were begun with other settings, or nothing can be written.
        """
        try:
            self.folder.mkdir(exist_ok=True)
            if resume:
                self._check_equal(recipe)
            else:
                self.discard(folder=False)
            with replacing(self.folder / _RECIPE, force=True) as temporary:
                temporary.write_text(_canonical(recipe), encoding="utf-8")
        except OSError as error:
            raise InrError(f"cannot write {self.folder}: {describe(error)}") from error

    def _check_equal(self, recipe: Mapping[str, Any]) -> None:
        try:
            before = json.loads((self.folder / _RECIPE).read_text(encoding="utf-8"))
        except (OSError, ValueError):  # it was killed before it had begun
            return
        now = json.loads(_canonical(recipe))
        differing = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
        if differing:
            told = ", ".join(f"{key} was {_short(before.get(key))}, is {_short(now.get(key))}" for key in differing)
            raise InrError(
                f"{self.folder} was begun in another way ({told}); go on as it was begun, or start afresh with --force "
                "(force=True)"
            )

    def find(self, key: str, labels: Sequence[Label] | None) -> "KeptBlock | None":
        """A block that is done; None where it is not, or does not hold together.

        Args:
            key: what it was made of, see `block_key`.
            labels: of its fields, which make no difference to them.
        """
        path = self._path(key)
        try:
            sections = Sections(path)
            index = Index.of_section(sections.read(INDEX))
        except InrError:
            return None
        if sections.damaged():
            return None
        return KeptBlock(path, replace(index, labels=None if labels is None else tuple(labels)))

    def keep(self, key: str, index: Index, block: Block) -> "KeptBlock":
        """Write a block; from then on it is kept, whatever happens.

        Args:
            key: what it was made of, see `block_key`.
            index: of its fields; block: their rows.

        Raises:
            InrError: it cannot be written.
        """
        sections = [index.section(), block.section(block_name(0))]
        with self.keeping():
            container.write(self._path(key), {"block": key}, sections, force=True)
        return KeptBlock(self._path(key), index)

    @contextlib.contextmanager
    def keeping(self) -> Iterator[None]:
        """While inside, an error also says that what is done is kept, and how to go on."""
        try:
            yield
        except InrError as error:
            raise InrError(
                f"{error}; what is done is kept in {self.folder}: go on with --resume (resume=True)"
            ) from error

    def discard(self, *, folder: bool = True) -> None:
        """Delete the blocks, and the folder where nothing else is in it."""
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if path.name.endswith(_SUFFIX) or path.name == _RECIPE or path.name.startswith(".inr-"):
                path.unlink(missing_ok=True)
        if folder and self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{_SUFFIX}"


class KeptBlock:
    """A block that is done, in a file.

    Args:
        path: of the file.
        index: of its fields.
    """

    def __init__(self, path: Path, index: Index) -> None:
        self.index = index
        self._path = path

    def payload(self, number: int) -> Payload:
        """Its rows as those of the block of that number in the set's file."""
        sections = Sections(self._path)
        found = sections.payload(block_name(0))
        entry = found.entry
        renamed = container.Entry(block_name(number), entry.coding, entry.base, entry.size, entry.crc)
        return Payload(renamed, found.read)


class HeldBlock:
    """A block that is done, in memory.

    Args:
        index: of its fields.
        block: their rows.
    """

    def __init__(self, index: Index, block: Block) -> None:
        self.index = index
        self.block = block


def block_key(recipe: Mapping[str, Any], names: Sequence[str], signals: Sequence[Signal]) -> str:
    """What a block of fields is made of, as 32 hexadecimal digits: equal for equal fields only.

    Args:
        recipe: what decides every field besides its signal, as plain JSON.
        names: of the signals; the signals themselves.
    """
    digest = hashlib.sha256(_canonical(recipe).encode())
    for name, signal in zip(names, signals, strict=True):
        domain = json.dumps(signal.domain.to_json(), sort_keys=True)
        digest.update(json.dumps([name, domain]).encode())
        for array in signal.sources:
            digest.update(f"{array.shape} {array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:32]


def _canonical(recipe: Mapping[str, Any]) -> str:
    return json.dumps(recipe, sort_keys=True, indent=1)


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= 60 else f"{text[:57]}..."
