"""The signals of a set: which they are, what they are called, and reading them one at a time."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inr._errors import InrError
from inr.sets._file import Label
from inr.signals import Signal, Sort, as_signal, sort_of
from inr.signals import open as open_signal

Labels = Sequence[Any] | Mapping[str, Any] | np.ndarray


@dataclass(frozen=True)
class Source:
    """One signal that is yet to be read.

    Attributes:
        name: in the set.
        label: None where it has none.
        read: gives the signal.
    """

    name: str
    label: Label
    read: Callable[[], Signal]


@dataclass(frozen=True)
class Sources:
    """The signals of a set.

    Attributes:
        each: in the order of the set.
        total: how many; None where only going through them tells. Then they are gone through once.
        labelled: whether they have labels.
        of: what they are, for messages.
    """

    each: Iterable[Source]
    total: int | None
    labelled: bool
    of: str


def sources_of(
    signals: Any,
    names: Iterable[str] | None,
    labels: Labels | None,
    *,
    besides: Collection[Path] = (),
    **reading: Any,
) -> Sources:
    """The signals that are given in one of many forms.

    Args:
        signals: a folder; a mapping from names to signals; a sequence, an array or an iterator of paths, arrays or
            signals.
        names: of the signals, in their order; None: paths from the folder that they have in common, else numbers.
        labels: in the order of the signals, or by name; None: of a folder with folders in it, the folder of each.
        besides: files that are left out of a folder, as the set itself.
        reading: options of `inr.open` and, for arrays, of `inr.from_array`.

    Raises:
        InrError: nothing that could be the signals of a set, names or labels of another number, names that are equal.
    """

    def reader(given: Any) -> Callable[[], Signal]:
        return lambda: _read(given, reading)

    if isinstance(signals, str | os.PathLike):
        folder = Path(signals)
        found = files_in(folder, besides)
        if names is not None:
            raise InrError(f"the files of {folder} have names already; names are for lists and iterators")
        if labels is None and any("/" in name for name in found):
            labels = {name: name.rpartition("/")[0] or None for name in found}
        given: Any = [folder / name for name in found]
        names = found
    elif isinstance(signals, Mapping):
        if names is not None:
            raise InrError("a mapping names its signals itself: leave out names")
        names, given = list(signals.keys()), list(signals.values())
    elif isinstance(signals, Signal):
        raise InrError("this is one signal; a set is fitted to a list of them (inr.fit fits one)")
    elif hasattr(signals, "__len__") and hasattr(signals, "__getitem__"):
        given = [signals[place] for place in range(len(signals))]
        names = _names(given) if names is None else list(names)
    elif isinstance(signals, Iterable):
        return Sources(_going_through(signals, names, labels, reader), None, labels is not None, "signals")
    else:
        raise InrError(f"the signals of a set are a folder, a list or an iterator, not {type(signals).__name__}")
    names = list(names)
    _check_names(names, len(given))
    listed = _labels_of(labels, names)
    each = [Source(name, label, reader(one)) for name, label, one in zip(names, listed, given, strict=True)]
    if not each:
        raise InrError("there are no signals to fit; give at least one")
    of = f"files of {signals}" if isinstance(signals, str | os.PathLike) else "signals"
    return Sources(each, len(each), labels is not None, of)


def files_in(folder: Path, besides: Collection[Path] = ()) -> list[str]:
    """The files in a folder and in the folders within, by their paths from it with /, sorted.

    Args:
        folder: where they are. Hidden files, .inr files and blocks of unfinished sets are left out.
        besides: further files that are left out.

    Raises:
        InrError: no such folder, or one without files.
    """
    if not folder.is_dir():
        raise InrError(f"{folder} is no folder; a set is fitted to a folder or a list of signals (inr.fit fits one)")
    left_out = {path.resolve() for path in besides}
    found = []
    for path, folders, files in os.walk(folder):
        here = Path(path)
        folders[:] = [each for each in folders if not each.startswith(".") and not each.endswith(".inr.blocks")]
        found += [
            (here / each).relative_to(folder).as_posix()
            for each in files
            if not each.startswith(".") and not each.endswith(".inr") and (here / each).resolve() not in left_out
        ]
    if not found:
        raise InrError(f"{folder} has no files to fit")
    return sorted(found)


def _read(given: Any, reading: Mapping[str, Any]) -> Signal:
    if isinstance(given, str | os.PathLike):
        signal: Signal = open_signal(given, **reading)
    else:
        signal = as_signal(_narrowed(given), **(reading if not isinstance(given, Signal) else {}))
    if signal.domain.kind == "shape":
        raise InrError("it is a shape, and sets are of samples; inr fit-many fits many shapes")
    return signal


def _narrowed(given: Any) -> Any:
    """An array of 64-bit floats as one of 32-bit floats where these are the same numbers: compiled fits read them."""
    if type(given) is not np.ndarray or given.dtype != np.float64:
        return given
    with np.errstate(over="ignore"):
        narrow = given.astype(np.float32)
    return narrow if np.array_equal(narrow, given, equal_nan=True) else given


def _names(given: Sequence[Any]) -> list[str]:
    """Paths from the folder that all have in common; numbers of what are no paths."""
    if all(isinstance(each, str | os.PathLike) for each in given) and given:
        paths = [Path(each).absolute() for each in given]
        common = Path(os.path.commonpath([path.parent for path in paths]))
        return [path.relative_to(common).as_posix() for path in paths]
    return [_number(place) for place in range(len(given))]


def _number(place: int) -> str:
    return f"{place:06d}"


def _check_names(names: Sequence[str], count: int) -> None:
    if len(names) != count:
        raise InrError(f"there are {count:,} signals and {len(names):,} names; each has one")
    seen: set[str] = set()
    for name in names:
        _check_name(name, seen)


def _check_name(name: Any, seen: set[str]) -> None:
    if not isinstance(name, str) or not name:
        raise InrError(f"a name is a word, not {name!r}")
    if name in seen:
        raise InrError(f"two signals are called '{name}'; the names of a set are all different")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InrError(f"the name {name!r} is no UTF-8; rename it") from None
    seen.add(name)


def _labels_of(labels: Labels | None, names: Sequence[str]) -> list[Label]:
    if labels is None:
        return [None] * len(names)
    if isinstance(labels, Mapping):
        known = set(names)
        unknown = next((name for name in labels if name not in known), None)
        if unknown is not None:
            raise InrError(f"there is a label for '{unknown}', and no signal of that name")
        return [_label(labels.get(name)) for name in names]
    if len(labels) != len(names):
        raise InrError(f"there are {len(names):,} signals and {len(labels):,} labels; each has one")
    return [_label(label) for label in labels]


def _label(label: Any) -> Label:
    if hasattr(label, "item"):  # a number of numpy's
        label = label.item()
    if label is None or (isinstance(label, str | int) and not isinstance(label, bool)):
        return label
    raise InrError(f"a label is a word or a whole number, not {label!r}")


def _going_through(
    signals: Iterable[Any],
    names: Iterable[str] | None,
    labels: Labels | None,
    reader: Callable[[Any], Callable[[], Signal]],
) -> Iterator[Source]:
    """The sources of an iterator, as it gives them."""
    listed = None if names is None else iter(names)
    seen: set[str] = set()
    for place, given in enumerate(signals):
        if listed is None:
            name = Path(given).name if isinstance(given, str | os.PathLike) else _number(place)
        else:
            name = next(listed, "")
            if not name:
                raise InrError(f"there are more signals than the {place:,} names; each has one")
        _check_name(name, seen)
        yield Source(name, _label_at(labels, name, place), reader(given))


def _label_at(labels: Labels | None, name: str, place: int) -> Label:
    if labels is None:
        return None
    if isinstance(labels, Mapping):
        return _label(labels.get(name))
    if place >= len(labels):
        raise InrError(f"there are more signals than the {len(labels):,} labels; each has one")
    return _label(labels[place])


def survey(sources: Sources, going_on: Callable[[], bool] = lambda: True) -> dict[str, str]:
    """Read all signals once, and see that they are of one kind, before anything is fitted.

    Args:
        sources: which can be gone through more than once.
        going_on: says whether to.

    Returns:
        Those that cannot be read, with the reasons, by name.

    Raises:
        InrError: signals of several kinds or numbers of channels, or none that can be read.
        KeyboardInterrupt: `going_on` said no.
    """
    groups: dict[Sort, list[str]] = {}
    unread: dict[str, str] = {}
    for source in sources.each:
        if not going_on():
            raise KeyboardInterrupt
        try:
            groups.setdefault(sort_of(source.read().domain), []).append(source.name)
        except InrError as error:
            unread[source.name] = str(error)
    if not groups:
        name, reason = next(iter(unread.items()))
        raise InrError(f"none of the {len(unread):,} {sources.of} can be read; {name}: {reason}")
    if len(groups) > 1:
        raise mixed(groups, sources.of)
    return unread


def mixed(groups: Mapping[Sort, Sequence[str]], of: str) -> InrError:
    """The refusal of signals that cannot be in one set.

    Args:
        groups: names by what they have in common.
        of: what the signals are.
    """
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    told = "; ".join(f"{sort}: {len(names):,}, as {names[0]}" for sort, names in ordered)
    return InrError(f"the {of} are of {len(groups)} kinds, and a set has one ({told}); fit each kind by itself")
