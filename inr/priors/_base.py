"""What was learned from similar signals, as one file, and how fields begin from it."""

import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inr import container
from inr._errors import DamagedFile, InrError
from inr.compression import CODING, codable
from inr.compression.bitstream.coefficients import Spread
from inr.container import Contents
from inr.field import MAX_FILE_BYTES, PARTS, Field, field_sections, section_tensors, tensor_section
from inr.fitting import Setup, whole_psnr
from inr.priors._codes import CodeStorage
from inr.priors._collection import Collection
from inr.priors._kind import BASE, CODES, is_base
from inr.priors._method import Adapted, Learned, Method, Sampled, Weights, first_of, methods
from inr.signals import Domain, GridSignal, Signal, Sort, as_signal, sort_of

_VERSION = 1
_OWN, _LEVELS = "own", "levels"  # sections of what is the method's, real numbers and whole ones
_SPREAD = "spread"
_MOST_SAMPLES = 16_384  # of a signal, that its start is found by


@dataclass(frozen=True)
class Base:
    """What a method learned from signals of one sort: an initialisation, or a network and the codes that it takes.

    A base is for signals of its kind, of any size, with as many axes and channels. Its file holds parts, weights and
    what the method needs besides; its name is a SHA-256 of all that, by which fields tell that they need it.

    Attributes:
        method: that learned it.
        parts: configurations of a field's "encoding", "activation" and "network".
        domain: of one of the signals that it was learned from.
        weights: by the names of a field's state: where a fit begins that knows nothing of its signal.
        own: what the method needs besides.
        about: plain JSON: "signals" (their number), "learned" (dB) and "steps"; "held_out" (dB, mean of signals that
            nothing was learned from) and "held_out_signals" where there were some; "fit", what the steps were.
        file: where it is from; None where it was not saved yet.
        spread: of what compressed files tell of signals, see `Method.spread`; empty where it is not known.

    >>> base = inr.learn([np.random.rand(8, 8) for _ in range(4)], network="mlp:depth=1,width=8", steps=5)
    >>> base.method.config()["name"], base.about["signals"], base.domain.channels
    ('trunk', 3, 1)
    >>> field = inr.fit(np.random.rand(12, 8), base=base, steps=5, coding="exact")
    """

    method: Method
    parts: Mapping[str, Any]
    domain: Domain
    weights: Weights
    own: Weights
    about: Mapping[str, Any]
    file: Path | None = None
    spread: Weights = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def name(self) -> str:
        """The SHA-256 of what its file holds, 64 hexadecimal digits; not of its bytes, which deflate decides too."""
        header, sections = self._contents()
        digest = hashlib.sha256(json.dumps(header, sort_keys=True, separators=(",", ":")).encode())
        for section in sections:
            for name, array in sorted(section.tensors.items()):
                digest.update(f"\n{section.name}.{name} {array.dtype.str} {array.shape}\n".encode())
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    @property
    def learned(self) -> Learned:
        """What its method begins and adapts by."""
        return Learned(self.weights, self.own)

    @property
    def sort(self) -> Sort:
        """What signals it is for."""
        return sort_of(self.domain)

    @property
    def parameter_count(self) -> int:
        """Numbers in the file."""
        return sum(tensor.numel() for tensor in (*self.weights.values(), *self.own.values()))

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> "Base":
        """Write the base to a file, all of it or none. Equal bases give equal bytes.

        Args:
            path: where to.
            force: overwrite a file that is there.

        Returns:
            The base, which knows its file.

        Raises:
            InrError: the file exists, or cannot be written.
        """
        container.write(Path(path), *self._contents(), force=force)
        return replace(self, file=Path(path))

    def _contents(self) -> tuple[dict[str, Any], list[container.Section]]:
        told = {"version": _VERSION, "method": self.method.config(), "domain": self.domain.to_json(), **self.about}
        sections = field_sections(self.weights)
        whole = {name: each for name, each in self.own.items() if not each.is_floating_point()}
        if real := {name: each for name, each in self.own.items() if name not in whole}:
            sections.append(tensor_section(_OWN, real))
        sections += [
            replace(tensor_section(name, each), coding=CODING if codable() else "raw")
            for name, each in ((_LEVELS, whole), (_SPREAD, self.spread))
            if each
        ]
        return {BASE: told, "field": dict(self.parts)}, sections

    def check(self, domain: Domain) -> None:
        """Refuse a signal that is of another sort.

        Args:
            domain: of the signal.

        Raises:
            InrError: another kind, or another number of axes or channels.
        """
        if (theirs := sort_of(domain)) != self.sort:
            raise InrError(
                f"{self.file or 'the base'} is for {self.sort}, and this is of the sort {theirs}: give a base that was "
                "learned from such (inr learn)"
            )

    def field(self, domain: Domain) -> Field:
        """A field of the base's parts and weights.

        Args:
            domain: of the signal that it will be of.

        Raises:
            InrError: a signal of another sort.
        """
        self.check(domain)
        field = Field.build(domain, **self.parts)
        field.load_state_dict(dict(self.weights))
        return field

    def start(self, signal: Any = None) -> dict[str, Tensor]:
        """Weights to begin a fit with, as `Recipe.start` of a set and `Fitter` take them.

        Args:
            signal: what will be fitted, as of `inr.fit`; None: weights that know nothing of it, the same for all.

        Returns:
            By the names of a field's state.

        Raises:
            InrError: a signal of another sort.
        """
        if signal is None:
            return _copies(self.weights)
        found = as_signal(signal)
        field = self.field(found.domain)
        return _copies(self.method.start(self.learned, field, _sampled([found])))

    def adapt(self, signal: Any, steps: int | None = None) -> Field:
        """The field of a signal by the few steps that the method takes: there is no rate to be chosen.

        Of method maml and reptile these are steps of gradient descent; of modulated the signal's code, which is all
        that the field's file holds besides the name of the base; of trunk the last layer in closed form, and a few
        steps of Adam. Samples alone are learned from, as by `lattice_only`: their values are taken as those at points.

        Args:
            signal: as of `inr.fit`, on a grid.
            steps: of the inner loop; None: as many as were learned.

        Returns:
            The field, with its PSNR measured on the whole signal.

        Raises:
            InrError: a signal of another sort.
        """
        if steps is not None and steps < 0:
            raise InrError(f"steps are 0 or more, got {steps}")
        found = as_signal(signal)
        if isinstance(found, GridSignal):  # samples alone are learned from: the field is not to be asked for means
            found = found.measured_as("point")
        field = self.field(found.domain)
        adapted = self.method.adapt(self.learned, field, _sampled([found]), steps)
        self.filled(field, adapted)
        if steps is not None:
            field.fit["steps"] = steps
        if adapted.codes is not None:
            file = "base.inr" if self.file is None else self.file.name
            field.storage = CodeStorage(self.name, file, adapted.codes[0], _copies(field.state_dict()))
        field.metrics = {"psnr": whole_psnr(field, found)}
        return field

    def filled(self, field: Field, adapted: Adapted) -> Field:
        """A field with the weights of the first of several that were adapted, which says where it is from.

        Args:
            field: of the base's parts.
            adapted: by its method.

        Returns:
            The same field, in evaluation mode.
        """
        field.load_state_dict({**self.weights, **first_of(adapted)})
        field.fit = {"base": self.name, "method": self.method.config()["name"]}
        return field.eval()

    @torch.no_grad()
    def measure(self, signals: Collection) -> float:
        """How near adapted fields come to signals, in dB, the mean over signals.

        Args:
            signals: of the base's sort.

        Returns:
            PSNR of normalised values, as `adapt` leaves it; NaN without signals.
        """
        levels = []
        for place in range(len(signals)):
            signal = signals.signal(place)
            field = self.field(signal.domain)
            adapted = self.method.adapt(self.learned, field, _sampled([signal]), None)
            levels.append(whole_psnr(self.filled(field, adapted), signal))
        return float(np.mean(levels)) if levels else float("nan")


def _sampled(signals: Sequence[Signal]) -> Sampled:
    """Samples of signals on one grid, evenly chosen where they are many."""
    first = signals[0]
    if not isinstance(first, GridSignal):
        raise InrError(f"a base is for signals on grids, and this is of kind {first.domain.kind}")
    stride = -(-first.size // _MOST_SAMPLES)
    indices = torch.arange(stride // 2, first.size, stride)
    return Sampled(first.coords(indices), torch.stack([signal.values(indices) for signal in signals]))


def load_base(path: str | os.PathLike[str]) -> Base:
    """Read a base's file.

    Args:
        path: the file.

    Raises:
        DamagedFile: the file does not hold together.
        InrError: no such file, one that holds no base, or a newer inr's.
    """
    return read_base(container.read(Path(path), max_bytes=MAX_FILE_BYTES), path)


def read_base(contents: Contents, path: str | os.PathLike[str]) -> Base:
    """The base in a file's contents.

    Args:
        contents: what was read.
        path: the file.

    Raises:
        DamagedFile, InrError: as of `load_base`.
    """
    header = contents.header
    if not is_base(header):
        raise InrError(f"{path} holds no base; make one from similar signals with: inr learn DIR -o {Path(path).name}")
    try:
        told = dict(header[BASE])
        if told.pop("version") != _VERSION:
            raise InrError(f"{path} is a base of a newer inr: pip install -U inr")
        method = methods.build(told.pop("method"))
        domain = Domain.from_json(told.pop("domain"))
        parts = {part: header["field"][part] for part in ("encoding", "activation", "network")}
        weights = section_tensors(contents, PARTS)
        with torch.device("meta"):
            expected = Field.build(domain, **parts)
        if _shapes(weights) != _shapes(expected.state_dict()):
            raise DamagedFile(f"{path}: its weights are not of the parts that its header names", "network")
        own = {name.partition(".")[2]: each for name, each in section_tensors(contents, [_OWN, _LEVELS]).items()}
        if _types(own) != _types(method.own(expected)):
            raise DamagedFile(f"{path}: what it holds besides weights is not its method's", _OWN)
        spread = {name.removeprefix(f"{_SPREAD}."): each for name, each in section_tensors(contents, [_SPREAD]).items()}
        if spread and not _is_spread(spread, method, expected):
            raise DamagedFile(f"{path}: the spread that it holds is not of its weights or codes", _SPREAD)
        base = Base(method, parts, domain, weights, own, told, Path(path), spread)
    except DamagedFile:
        raise
    except InrError as error:
        raise InrError(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedFile(f"{path}: its header describes no base: {error!r}", "header") from error
    return base


def _is_spread(spread: Weights, method: Method, field: Field) -> bool:
    """Whether tensors may be a spread: of a field's parameters, or of codes."""
    latents = getattr(method, "latents", None)
    wanted = {name: tuple(each.shape) for name, each in field.named_parameters()}
    if latents is not None:
        wanted = {CODES: (len(Spread._fields), latents)}
    return _shapes(spread) == wanted and all(each.dtype == torch.int8 for each in spread.values())


def _types(tensors: Weights) -> dict[str, tuple[torch.dtype, tuple[int, ...]]]:
    return {name: (each.dtype, tuple(each.shape)) for name, each in tensors.items()}


def _shapes(tensors: Weights) -> dict[str, tuple[int, ...]]:
    return {name: tuple(each.shape) for name, each in tensors.items()}


def as_base(given: Any) -> Base:
    """A base that is there, or in a file.

    Args:
        given: a base, or a path.

    Raises:
        InrError: as of `load_base`.
    """
    return given if isinstance(given, Base) else load_base(given)


def field_of_base(given: Any, signal: Signal) -> Field:
    """The field that a fit of a signal begins with.

    Args:
        given: a base, or the path of its file.
        signal: what will be fitted.

    Raises:
        InrError: no base, or one for signals of another sort.
    """
    base = as_base(given)
    field = base.field(signal.domain)
    if isinstance(signal, GridSignal):
        field.load_state_dict(base.start(signal))
    return field


def base_of(
    setup: Setup, method: Method, domain: Domain, weights: Weights, own: Weights, about: Mapping[str, Any]
) -> Base:
    """A base of what a method has learned.

    Args:
        setup: with the parts of a field.
        method, domain, weights, own, about: as of `Base`.
    """
    built = Field.build(domain, encoding=setup.encoding, activation=setup.activation, network=setup.network)
    return Base(method, built.config(), domain, _copies(weights), _copies(own), about)


def _copies(tensors: Weights) -> dict[str, Tensor]:
    """Of their own, so that what is trained further changes no base."""
    return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
