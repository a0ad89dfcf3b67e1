"""Fitting a set: block by block, each kept as soon as it is done."""

import contextlib
import hashlib
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, cast, get_args, runtime_checkable

import numpy as np
import torch

from inr._cluster import Cluster
from inr._cores import usable_cores
from inr._errors import InrError, InrWarning
from inr._version import __version__
from inr.container import Payload, write_payloads
from inr.field import Field, Spec
from inr.fitting import LearningRates, check_seed, stopping_on_interrupt
from inr.sets._blocks import OpenBlock, fit_away, fit_here
from inr.sets._defaults import set_recipe
from inr.sets._engine import check_engine, choose_engine
from inr.sets._fields import Fields, InMemory
from inr.sets._file import Block, Index, header_of
from inr.sets._kept import HeldBlock, KeptBlock, KeptBlocks, block_key
from inr.sets._open import load_set
from inr.sets._recipe import Init, Recipe
from inr.sets._rows import Rows
from inr.sets._sources import Labels, Source, Sources, mixed, sources_of, survey
from inr.signals import Domain, Signal, Sort, sort_of

BLOCK = 1024
_MOST_SAMPLES = 1 << 23  # of a block's signals together: what a kill may cost, and what memory holds, is bounded
_MOST_BLOCKS = 4000  # sections of a file are 4096 at most
_TOLD = 10  # names in a warning


@dataclass(frozen=True)
class SetProgress:
    """How far a set is.

    Attributes:
        done: fields that are fitted, or were before.
        total: fields that there will be; None where only going through the signals tells.
        kept: of those done, fields that an earlier run left.
    """

    done: int
    total: int | None
    kept: int


@runtime_checkable
class Beginning(Protocol):
    """What makes fields for fits to begin with, as an `inr.priors.Base`, which is made above this room."""

    def field(self, domain: Domain) -> Field:
        """The field for signals of a domain; refuses those that it is not for."""
        ...


def fit_many(
    signals: Any,
    *,
    names: Iterable[str] | None = None,
    labels: Labels | None = None,
    encoding: Spec | None = None,
    activation: Spec | None = None,
    network: Spec | None = None,
    steps: int | None = None,
    psnr: float | None = None,
    init: str | Field | Beginning = "shared",
    batch: int | None = None,
    learning_rate: float | str | LearningRates | None = None,
    schedule: str | None = None,
    optimiser: str | None = None,
    seed: int = 0,
    lattice_only: bool = True,
    engine: str = "auto",
    workers: int | None = None,
    on: str | None = None,
    block: int = BLOCK,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    force: bool = False,
    progress: Callable[[SetProgress], Any] | None = None,
    **reading: Any,
) -> Fields:
    """Fit a field of one architecture to each of many signals.

    The bits of a field depend on its signal, its name and the settings: not on the other signals, their order or the
    number of workers. A fit that diverges stops by itself, and is named in a warning, as are signals that cannot be
    read; the others are fitted.

    Args:
        signals: a folder, whose files are taken in the order of their names; or a mapping, a sequence, an array of
            arrays or an iterator of paths, arrays or signals, of one kind and number of channels and of any sizes.
            Arrays of float64 are taken as float32 where these are the same numbers.
        names: of the signals; paths from the folder that they have in common, or numbers, when None.
        labels: a word or a whole number for every signal, in their order or by name; the files' folders when None and
            `signals` is a folder with folders in it.
        encoding, activation, network: parts, as "name:key=value" or configurations; what suits the signals when None.
        steps: of every fit; what suits the signals when None.
        psnr: target in dB at which a fit stops by itself.
        init: "shared", the same first weights for all, so that weights of one place mean the same in all fields;
            "own", others for each; or a field, or an `inr.priors.Base`, with whose weights all begin and whose parts
            they have.
        batch: samples a step; what suits the signals when None.
        learning_rate: the network's, or several by part; what suits the parts when None.
        schedule: how rates fall, one of `inr.fitting.SCHEDULES`; what suits when None.
        optimiser: one of `inr.fitting.OPTIMISERS`; "adam" when None.
        seed: decides first weights and batches, with the names.
        lattice_only: learn the samples of a grid alone, which then are values at points to whatever uses the field.
        engine: "cpu", by whose kernels a field is what `inr.fit` makes of it, to the bit; "triton", by which a GPU fits
            all fields of a block side by side, the same but for roundings, whatever else is in the block; or "auto",
            the GPU where there is one and the fits suit it.
        workers: threads that fit side by side; the usable cores when None. With `on`, tasks under way at most.
        on: "ray" or "ray:HOST:PORT": fit on the machines of a Ray cluster, see `docs/sets.md`. Signals are read and the
            set is written here.
        block: fields of a block of rows at most. Blocks of large signals have fewer.
        out: the file that gets the set. Blocks that are done are kept in the folder `OUT.blocks` until it is there,
            and memory holds one block only. When None, the set is in memory.
        resume: go on from the blocks that an interrupted run left.
        force: overwrite a file that is there, and begin afresh where blocks are.
        progress: called now and then with how far it is.
        reading: options of `inr.open` for paths, as value_range, and of `inr.from_array` for arrays.

    Returns:
        The fields, in the order of the signals; their `unread` are the signals that could not be read.

    Raises:
        InrError: signals of several kinds or numbers of channels, none that can be read, settings that do not go
            together, an output that exists or cannot be written; blocks that are done are kept.
        KeyboardInterrupt: Ctrl-C; blocks that are done are kept.

    >>> signals = {"a": np.eye(8, dtype=np.float32), "b": np.eye(6, 8, dtype=np.float32)}
    >>> fields = inr.fit_many(signals, network="mlp:depth=1,width=8", steps=20)
    >>> fields.names, fields.steps.tolist(), fields["b"].domain.shape
    (('a', 'b'), [20, 20], (6, 8))
    """
    check_seed(seed)
    if block < 1:
        raise InrError(f"a block holds at least 1 field, got {block}")
    if workers is not None and not 1 <= workers <= 256:
        raise InrError(f"workers are from 1 to 256, got {workers}")
    if isinstance(init, str) and init not in get_args(Init):
        raise InrError(f"a set begins with weights that are {' or '.join(get_args(Init))}, not {init!r}")
    check_engine(engine, on)
    if resume and out is None:
        raise InrError("only a set with a file goes on: give out as well as resume")
    path = None if out is None else Path(out)
    kept = None if path is None else KeptBlocks(path)
    if kept is not None:
        kept.check(resume=resume, force=force)
    beside = () if kept is None else (kept.path, sheet_path(kept.path))
    sources = sources_of(signals, names, labels, besides=beside, **reading)
    settings: dict[str, Any] = {
        "encoding": encoding, "activation": activation, "network": network, "steps": steps, "psnr": psnr,
        "batch": batch, "learning_rate": learning_rate, "schedule": schedule, "optimiser": optimiser, "seed": seed,
        "lattice_only": lattice_only,
    }  # fmt: skip
    settings = {name: value for name, value in settings.items() if value is not None}
    with contextlib.nullcontext() if on is None else Cluster(on) as cluster:
        run = _Run(
            sources, settings, cast("Init | Field | Beginning", init), kept, workers, cluster, engine, block, progress
        )  # fmt: skip
        with stopping_on_interrupt(run):
            return run.fields(resume=resume, force=force)


def sheet_path(path: Path) -> Path:
    """Where the contact sheet of a set is, beside its file."""
    return path.with_name(f"{path.stem}.sheet.png")


@dataclass
class _Run:
    """One run over the signals of a set."""

    sources: Sources
    settings: Mapping[str, Any]
    init: Init | Field | Beginning
    kept: KeptBlocks | None
    workers: int | None
    cluster: Cluster | None
    engine: str
    block: int
    progress: Callable[[SetProgress], Any] | None
    done: int = 0
    before: int = 0
    unread: dict[str, str] = field(default_factory=dict)
    _stopped: bool = False
    _noted: bool = False
    _total: int | None = None
    _header: dict[str, Any] | None = None

    def stop(self) -> None:
        """Ask it to end, as Ctrl-C does."""
        self._stopped = True

    def fields(self, *, resume: bool, force: bool) -> Fields:
        """Fit what is not there yet, and put the set together."""
        if self.sources.total is not None:
            self._total = self.sources.total - len(survey(self.sources, lambda: not self._stopped))
        pieces: dict[int, KeptBlock | HeldBlock] = {}
        for block, rows in self._fitted(self._open_blocks(pieces, resume=resume)):
            pieces[block.place] = self._piece(block, rows)
        if self._header is None:
            raise self._nothing()
        found = self._together(self._header, [pieces[place] for place in sorted(pieces)], force=force or resume)
        self._warn(found)
        return found

    def _open_blocks(self, pieces: dict[int, KeptBlock | HeldBlock], *, resume: bool) -> Iterator[OpenBlock]:
        """The blocks that are to be fitted; those that are there already go to the pieces."""
        recipe: Recipe | None = None
        told: dict[str, Any] = {}
        for place, (sources, signals) in enumerate(self._blocks()):
            if recipe is None:
                recipe = self._on_engine(self._recipe(signals), sources[0].name, signals[0])
                self._header = _header(recipe, sources[0].name, signals[0])
                told = _decisive(recipe, self._header)
                if self.kept is not None:
                    self.kept.begin(told, resume=resume)
            if place >= _MOST_BLOCKS:
                raise InrError(f"a set has {_MOST_BLOCKS:,} blocks at most; make several sets of these signals")
            names = [source.name for source in sources]
            labels = [source.label for source in sources] if self.sources.labelled else None
            key = "" if self.kept is None else block_key(told, names, signals)
            there = None if self.kept is None else self.kept.find(key, labels)
            sources.clear()  # before the next ones are read
            if there is None:
                yield OpenBlock(place, recipe, key, names, labels, signals)
            else:
                signals.clear()
                pieces[place] = there
                self.before += len(names)
                self.done += len(names)
                self._tell(0)

    def _fitted(self, blocks: Iterator[OpenBlock]) -> Iterator[tuple[OpenBlock, Rows]]:
        if self.cluster is None:
            return fit_here(blocks, self._tell, self.workers or usable_cores())
        return fit_away(blocks, self._tell, self.cluster, self.workers)

    def _recipe(self, signals: Sequence[Signal]) -> Recipe:
        """What all fits have in common, by the signals of the first block."""
        if isinstance(self.init, str):
            return set_recipe(signals, init=self.init, **self.settings)
        first = self.init if isinstance(self.init, Field) else self.init.field(signals[0].domain)
        recipe = set_recipe(signals, **{**first.config(), **self.settings})
        return replace(recipe, start=dict(first.state_dict()))

    def _on_engine(self, recipe: Recipe, name: str, signal: Signal) -> Recipe:
        """The recipe with the engine that fits; a GPU that is there and does not is told of."""
        engine, why = choose_engine("cpu" if self.cluster else self.engine, recipe, name, signal)
        if why:
            warnings.warn(why, InrWarning, stacklevel=6)
        return replace(recipe, engine=engine)

    def _blocks(self) -> Iterator[tuple[list[Source], list[Signal]]]:
        """The signals that can be read, block by block."""
        sources: list[Source] = []
        signals: list[Signal] = []
        first: tuple[str, Sort] | None = None
        samples = 0
        for source in self.sources.each:
            if self._stopped:
                raise KeyboardInterrupt
            try:
                signal = source.read()
            except InrError as error:
                self.unread[source.name] = str(error)
                continue
            sort = sort_of(signal.domain)
            first = first or (source.name, sort)
            if sort != first[1]:
                raise mixed({first[1]: [first[0]], sort: [source.name]}, "first signals that differ")
            if sources and (len(sources) == self.block or samples + signal.size > _MOST_SAMPLES):
                yield sources, signals
                sources, signals, samples = [], [], 0
            sources.append(source)
            signals.append(signal)
            samples += signal.size
        if sources:
            yield sources, signals

    def _piece(self, block: OpenBlock, rows: Rows) -> KeptBlock | HeldBlock:
        """A block that is fitted, kept where the set is to be a file."""
        if rows.notes and not self._noted:
            self._noted = True
            warnings.warn(rows.notes[0], InrWarning, stacklevel=4)
        index, made = Index.of_rows(rows, block.labels), Block(rows.weights, rows.domains)
        piece = HeldBlock(index, made) if self.kept is None else self.kept.keep(block.key, index, made)
        self.done += len(block.names)
        self._tell(0)
        return piece

    def _tell(self, of_this_block: int) -> bool:
        """Say how far it is; whether to go on."""
        if self.progress is not None:
            self.progress(SetProgress(self.done + of_this_block, self._total, self.before))
        return not self._stopped

    def _together(self, header: dict[str, Any], pieces: Sequence[KeptBlock | HeldBlock], *, force: bool) -> Fields:
        """The set of all blocks, in memory or in its file."""
        index = Index.joined([piece.index for piece in pieces])
        unread = list(self.unread.items())
        if self.kept is None:
            return Fields(
                header, index, InMemory([piece.block for piece in pieces if isinstance(piece, HeldBlock)]), unread
            )
        with self.kept.keeping():
            rows = [piece.payload(number) for number, piece in enumerate(pieces) if isinstance(piece, KeptBlock)]
            write_payloads(self.kept.path, header, [Payload.of(index.section()), *rows], force=force)
        self.kept.discard()
        found = load_set(self.kept.path)
        found.unread = tuple(unread)
        return found

    def _nothing(self) -> InrError:
        if self.unread:
            name, reason = next(iter(self.unread.items()))
            return InrError(f"none of the {len(self.unread):,} signals can be read; {name}: {reason}")
        return InrError("there are no signals to fit; give at least one")

    def _warn(self, found: Fields) -> None:
        """Name what did not go well, in a line each."""
        diverged = [name for name, reason in zip(found.names, found.reasons, strict=True) if reason == "diverged"]
        if diverged:
            warnings.warn(
                f"{len(diverged):,} of {len(found):,} fits diverged, and are as good as they were before: "
                f"{_listed(diverged)}; a lower learning rate may help",
                InrWarning,
                stacklevel=4,
            )
        if self.unread:
            warnings.warn(
                f"{len(self.unread):,} signals could not be read, and are not in the set: {_listed(list(self.unread))}",
                InrWarning,
                stacklevel=4,
            )


def _header(recipe: Recipe, name: str, signal: Signal) -> dict[str, Any]:
    """What the file says of all fields."""
    fitter = recipe.fitter(name, signal)
    chosen = {key: value for key, value in fitter.choices().items() if key not in ("engine", "seed", "steps")}
    fit = {
        **chosen, "seed": recipe.seed, "init": "start" if recipe.start is not None else recipe.init,
        "steps": fitter.steps, "psnr": recipe.budget.psnr, "lattice_only": recipe.setup.lattice_only,
        **({} if recipe.engine == "cpu" else {"engine": recipe.engine}),
    }  # fmt: skip
    return header_of(fitter.signal.domain, fitter.field.config(), fit)


def _decisive(recipe: Recipe, header: Mapping[str, Any]) -> dict[str, Any]:
    """All that decides a field besides its signal and its name, as plain JSON."""
    found = {**header["field"], **header["fit"], "inr": __version__}
    if recipe.start is not None:
        found["start"] = _digest(recipe.start)
    return found


def _digest(weights: Mapping[str, torch.Tensor]) -> str:
    found = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        found.update(name.encode())
        found.update(np.ascontiguousarray(tensor.detach().cpu().numpy()).data)
    return found.hexdigest()


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _TOLD
    return ", ".join(names[:_TOLD]) + (f" and {more:,} more" if more > 0 else "")
