"""A set of fields of one architecture, in memory or in a file that is read block by block."""

import difflib
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64

from inr._errors import DamagedFile, InrError, InrWarning
from inr._specs import Config, format_spec
from inr.container import Payload, write_payloads
from inr.field import Field
from inr.fitting import Reason
from inr.sets._file import Block, Index, Label, block_name
from inr.sets._layout import ABOUT, Slot, layout_in, state_of
from inr.sets._recipe import seed_of

_NAMED = 3  # fields of a damaged block that a message names


@runtime_checkable
class Blocks(Protocol):
    """Where the rows of a set are."""

    def read(self, number: int) -> Block:
        """One block of rows. Raises DamagedFile for one that does not hold together."""
        ...

    def payload(self, number: int) -> Payload:
        """The same as bytes of a file."""
        ...


class Fields:
    """Fields of one architecture, each of a signal of its own; what `inr.fit_many` gives and `inr.load_set` reads.

    Of a file the index is read, and a block of rows when one of its fields is asked for: a set may be larger than
    memory. The block that was read last is kept.

    Args:
        header: what all fields share, as the file says it.
        index: names, measures and labels.
        blocks: gives the rows.
        unread: signals that could not be read, with the reasons; `inr.fit_many` tells of them.

    Attributes:
        header: as given.
        unread: as given.

    >>> rng = np.random.default_rng(0)
    >>> signals = rng.random((3, 8, 8), np.float32)
    >>> fields = inr.fit_many(signals, names=["a", "b", "c"], network="mlp:depth=1,width=8", steps=5)
    >>> len(fields), fields.weights().shape, fields["b"].render().shape
    (3, (3, 33), (8, 8, 1))
    """

    def __init__(
        self,
        header: Mapping[str, Any],
        index: Index,
        blocks: Blocks,
        unread: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.header = dict(header)
        self.unread = tuple(unread)
        self._index = index
        self._blocks = blocks
        self._ends = np.cumsum(index.counts)
        self._places: dict[str, int] | None = None
        self._last: tuple[int, Block] | None = None
        self._layout = layout_in(header)

    def __len__(self) -> int:
        """Number of fields."""
        return len(self._index.names)

    def __iter__(self) -> Iterator[Field]:
        """The fields in order, built one at a time."""
        return (self[place] for place in range(len(self)))

    def __contains__(self, name: object) -> bool:
        """Whether there is a field of that name."""
        return name in self._by_name

    def __getitem__(self, key: int | str) -> Field:
        """One field, with its own domain and its PSNR among its metrics.

        Args:
            key: its place, from 0 on or from the end; or its name.

        Raises:
            InrError: there is no such field.
            DamagedFile: its block of rows does not hold together.
        """
        place = self.place(key)
        number = int(np.searchsorted(self._ends, place, side="right"))
        block = self._block(number)
        row = place - int(self._ends[number] - self._index.counts[number])
        return self._built(place, block, row)

    def __repr__(self) -> str:
        parts = ", ".join(f"{part}={format_spec(config)}" for part, config in self.config.items())
        return f"<Fields: {len(self):,} of {parts}>"

    @property
    def names(self) -> tuple[str, ...]:
        """Of the fields, all different."""
        return self._index.names

    @property
    def psnr(self) -> Float64[np.ndarray, " n"]:
        """Of every field on its own signal, float64 (n,) in dB; NaN where a field has no numbers."""
        return self._index.psnr

    @property
    def steps(self) -> Int64[np.ndarray, " n"]:
        """Taken by each, int64 (n,)."""
        return self._index.steps

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why each fit ended: "steps", "target" or "diverged"."""
        return self._index.reasons

    @property
    def labels(self) -> tuple[Label, ...] | None:
        """A word, a whole number or None for every field; None where they have none at all."""
        return self._index.labels

    @property
    def sizes(self) -> Int64[np.ndarray, "n axes"]:
        """Samples along the axes of every signal, int64 (n, axes), in array order; 0 of scattered samples."""
        return self._index.sizes

    @property
    def layout(self) -> tuple[Slot, ...]:
        """Where the tensors of a field stand in its row of weights."""
        return self._layout

    @property
    def config(self) -> dict[str, Config]:
        """The configurations of the parts that all fields have, as `Field.config` gives them."""
        return {part: dict(self.header["field"][part]) for part in ("encoding", "activation", "network")}

    @property
    def formula(self) -> dict[str, str]:
        """What a field computes, from coordinates to values in own units, in plain text."""
        found = self.header["formula"]
        return {about: str(found[about]) for about in ABOUT if about in found}

    @property
    def counts(self) -> Int64[np.ndarray, " blocks"]:
        """How many fields each block of rows holds, int64 (blocks,)."""
        return self._index.counts

    def place(self, key: int | str) -> int:
        """Where a field stands.

        Args:
            key: its place, from 0 on or from the end; or its name.

        Raises:
            InrError: there is no such field.
        """
        if isinstance(key, str):
            if key not in self._by_name:
                close = difflib.get_close_matches(key, self.names, n=1, cutoff=0.4)
                raise InrError(f"the set has no field '{key}'" + (f"; did you mean '{close[0]}'?" if close else ""))
            return self._by_name[key]
        if not -len(self) <= key < len(self):
            raise InrError(f"the set has {len(self):,} fields; there is no number {key}")
        return key % len(self)

    def weights(self) -> Float32[np.ndarray, "n p"]:
        """All weights, a row a field, float32 (n, p); `layout` says what stands where in a row.

        Rows of damaged blocks are NaN, and a warning names their fields.
        """
        rows = np.full((len(self), self._layout[-1].stop), np.nan, np.float32)
        for start, weights in self.blocks():
            rows[start : start + len(weights)] = weights
        return rows

    def blocks(self) -> Iterator[tuple[int, Float32[np.ndarray, "n p"]]]:
        """The weights block by block, for sets that are larger than memory.

        Yields:
            The place of the first field of a block, and its rows, float32 (n, p). Damaged blocks are left out, and a
            warning names their fields.
        """
        for number, start in enumerate(self._ends - self._index.counts):
            try:
                yield int(start), self._block(number).weights
            except DamagedFile as error:
                warnings.warn(str(error), InrWarning, stacklevel=2)

    def damaged(self) -> tuple[str, ...]:
        """The names of the fields whose blocks do not hold together; the whole file is read for it."""
        found: list[str] = []
        for number in range(len(self._ends)):
            try:
                self._block(number)
            except DamagedFile:
                found += self._names_of(number)
        return tuple(found)

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the set to a file, all of it or none, block by block. Equal sets give equal bytes.

        Args:
            path: where to.
            force: overwrite a file that is there.

        Raises:
            InrError: the file exists, or it cannot be written.
            DamagedFile: a block of the set is damaged.
        """
        rows = [self._blocks.payload(number) for number in range(len(self._ends))]
        write_payloads(Path(path), self.header, [Payload.of(self._index.section()), *rows], force=force)

    @property
    def _by_name(self) -> dict[str, int]:
        if self._places is None:
            self._places = {name: place for place, name in enumerate(self.names)}
        return self._places

    def _names_of(self, number: int) -> tuple[str, ...]:
        return self.names[int(self._ends[number] - self._index.counts[number]) : int(self._ends[number])]

    def _block(self, number: int) -> Block:
        if self._last is None or self._last[0] != number:
            try:
                self._last = number, self._blocks.read(number)
            except DamagedFile as error:
                raise DamagedFile(f"{error}; it holds {_listed(self._names_of(number))}", error.section) from error
        return self._last[1]

    def _built(self, place: int, block: Block, row: int) -> Field:
        with torch.random.fork_rng(devices=[]):  # the weights that are drawn here are not those it has
            field = Field.build(block.domains[row], **self.config)
        tensors = state_of(torch.from_numpy(block.weights[row].copy()), self._layout)
        field.load_state_dict(tensors)
        name = self.names[place]
        field.metrics = {"psnr": float(self.psnr[place])}
        shared = dict(self.header["fit"])
        field.fit = shared | {"seed": seed_of(name, int(shared["seed"])), "steps": int(self.steps[place])}
        return field.eval()


class InMemory:
    """Blocks of rows in memory.

    Args:
        blocks: in order.
    """

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = tuple(blocks)

    def read(self, number: int) -> Block:
        """One block of rows."""
        return self._blocks[number]

    def payload(self, number: int) -> Payload:
        """The same as bytes of a file."""
        return Payload.of(self._blocks[number].section(block_name(number)))


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return f"{'the field' if len(names) == 1 else 'the fields'} {', '.join(names)}"
    return f"the {len(names):,} fields from {names[0]} to {names[-1]}"
