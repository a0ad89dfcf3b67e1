"""Parts found by name, and configured by their constructor's keyword arguments.

A part (an encoding, an activation, a network …) is a class registered under a name. Its keyword-only
parameters are its configuration: `part.config()` returns them as plain JSON and `registry.build(config)`
gives an equal part. Each parameter is declared once, in the signature::

    @registry.register("hash", source="Müller et al., SIGGRAPH 2022")
    class HashGrid(Encoding):
        def __init__(self, in_dim: int, *, levels: Annotated[int, Range(1, 32), "resolution levels"] = 16): ...

The type, the allowed range, the default and the description are read from there: by the check that runs on
every construction and by `inr parts`. Parameters before the `*` are the context a
part is built in (input dimensions and the like), not configuration.
"""

import difflib
import fnmatch
import functools
import importlib
import inspect
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, TypeVar

from inr._errors import InrError
from inr._params import Param, Range, check_value, params_of
from inr._scripts import load_scripts
from inr._specs import Config, format_spec, is_name, parse_spec

__all__ = [
    "AUTO",
    "WAYS",
    "Automatic",
    "Config",
    "Param",
    "Part",
    "PartInfo",
    "Range",
    "Registry",
    "Sizes",
    "check_value",
    "format_spec",
    "parse_spec",
]

AUTO = "auto"  # what a parameter is given that is to be chosen for a signal
WAYS = (AUTO, "kernel", "fresh")  # in which it is chosen, see `choose_frequencies`

_PartClass = TypeVar("_PartClass", bound=type)


@dataclass(frozen=True)
class PartInfo:
    """A registry entry: what a part is called, what it is, and what can be set.

    Attributes:
        summary: the first line of its documentation; source: the publication it follows.
        formula: what it computes, in plain text with Unicode; limits: where it does not work or not well.
    """

    kind: str
    name: str
    cls: Any
    summary: str
    source: str
    params: tuple[Param, ...]
    formula: str = ""
    limits: str = ""


@dataclass(frozen=True)
class Sizes:
    """Which of a part's parameters set how many numbers it learns: what a sweep of equal sizes changes.

    Attributes:
        names: the parameter to change first, and those to change where it is given or makes no difference; after
            them any whole number that does.
        finer: one that is changed afterwards, where steps of the first are coarse (a doubling of a table).
        tied: parameters that keep their proportion to another one, by the other's name.
    """

    names: tuple[str, ...] = ()
    finer: str | None = None
    tied: Mapping[str, str] = field(default_factory=dict)


Automatic = Mapping[str, Callable[[float], float]]


class Part:
    """Mixin of everything a registry holds.

    Attributes:
        sizes: which parameters set how large the part is.
        searched: whether a search through all parts tries it where nobody asks for it.
        automatic: parameters that may be "auto", "kernel" or "fresh", which a fit replaces by a number that it chooses
            for the signal in that way; each with a function from the number of samples along an axis to a number from
            which to search.
    """

    sizes: ClassVar[Sizes] = Sizes()
    searched: ClassVar[bool] = True
    automatic: ClassVar[Automatic] = {}

    _config: Config
    _resolved: Config | None = None  # values of parameters that were left to the part, set when it is built

    def config(self) -> Config:
        """The part's name and its parameters as plain JSON; `registry.build(config)` gives an equal part.

        Parameters that were left to the part have the values that it chose.
        """
        return json.loads(json.dumps(self._config)) | (self._resolved or {})

    @classmethod
    def suited(cls, signal: Any) -> Config:
        """Values that suit a signal, for parameters that the user leaves open; none where the defaults do.

        Args:
            signal: an `inr.Signal`.
        """
        return {}

    @classmethod
    def placed(cls, config: Config, signal: Any) -> Config:
        """The configuration with "auto" at the parameter that decides for the signal; most have one only.

        Args:
            config: as the user gave it, with its name.
            signal: an `inr.Signal`.
        """
        return config


class Registry:
    """The parts of one kind, by name.

    Args:
        kind: singular word used in messages ("encoding").
        modules: modules that register the built-in parts, imported on first use.
        Other packages add parts through the entry-point group `inr.<kind>s`: each entry point names a module
        or a class that registers itself when it is imported. So do scripts, see `load_scripts`.
    """

    def __init__(self, kind: str, *modules: str) -> None:
        self.kind = kind
        self._modules = modules
        self._loaded = False
        self._lock = threading.RLock()
        self._parts: dict[str, PartInfo] = {}
        self._aliases: dict[str, Config] = {}

    def alias(self, name: str, spec: str) -> None:
        """Let a name that people know stand for a part of published settings: wire for gabor:omega=20,scale=30."""
        self._aliases[name] = parse_spec(spec)

    def resolve(self, spec: Any) -> Config:
        """The configuration that a spec, a configuration or a part says, under the part's own name.

        What an alias sets is overridden by what is given.
        """
        config = parse_spec(spec)
        self._load()
        meant = self._aliases.get(config["name"], {})
        return {**meant, **config, **({"name": meant["name"]} if meant else {})}

    def register(
        self, name: str, *, source: str = "", formula: str = "", limits: str = ""
    ) -> Callable[[_PartClass], _PartClass]:
        """Class decorator that enters a part under `name`, with what `PartInfo` tells of it."""

        def enter(cls: _PartClass) -> _PartClass:
            if not is_name(name):
                raise InrError(f"{name!r} cannot name a part: letters, digits, _ and - only, a letter first")
            if name in self._parts:
                raise InrError(f"{self.kind} '{name}' is registered already, as {self._parts[name].cls.__qualname__}")
            params = params_of(cls)
            if any(param.name == "name" for param in params):
                raise InrError(f"{self.kind} '{name}': a parameter cannot be called 'name'")
            summary = (inspect.getdoc(cls) or "").partition("\n")[0]
            self._parts[name] = PartInfo(self.kind, name, cls, summary, source, params, formula, limits)
            _check_on_construction(cls, self.kind, name, params)
            return cls

        return enter

    def names(self, pattern: str = "*") -> list[str]:
        """Registered names that match a shell-style pattern, sorted."""
        self._load()
        return sorted(fnmatch.filter(self._parts, pattern))

    def info(self, name: str) -> PartInfo:
        """The entry of one part, by its name or an alias. Raises InrError naming the nearest known name."""
        self._load()
        name = self._aliases.get(name, {"name": name})["name"]
        if name not in self._parts:
            raise InrError(f"unknown {self.kind} {name!r}{_nearest(name, self._parts)}")
        return self._parts[name]

    def build(self, spec: Any, *context: Any) -> Any:
        """Build a part from "name:key=value,…", a configuration or a part of equal ones, in the given context.

        Raises InrError for an unknown name, an unknown parameter or a value out of range.
        """
        config = self.resolve(spec)
        info = self.info(config.pop("name"))
        _check_names(config, info.params, f"{self.kind} '{info.name}'")
        return info.cls(*context, **config)

    def _load(self) -> None:
        if self._loaded:
            return
        with self._lock:
            for module in self._modules:
                importlib.import_module(module)
            for entry_point in entry_points(group=f"inr.{self.kind}s"):
                _load_plugin(entry_point)
            load_scripts()
            self._loaded = True


def _load_plugin(entry_point: EntryPoint) -> None:
    try:
        entry_point.load()
    except Exception as error:
        plugin = f"{entry_point.name} = {entry_point.value}"
        raise InrError(f"the plug-in {plugin} does not load: {error}") from error


def _check_on_construction(cls: Any, kind: str, name: str, params: tuple[Param, ...]) -> None:
    """Wrap `cls.__init__` so that its parameters are checked before, and recorded after, it runs."""
    original = cls.__init__
    label = f"{kind} '{name}'"
    known = {param.name for param in params}
    context_names = inspect.signature(original).parameters.keys() - known - {"self"}

    @functools.wraps(original)
    def __init__(self: Any, *context: Any, **given: Any) -> None:  # noqa: N807
        named_context = {key: given.pop(key) for key in context_names & given.keys()}
        _check_chosen(cls, given, label)
        values = _checked(params, given, label)
        original(self, *context, **named_context, **values)
        self._config = {"name": name, **values}

    cls.__init__ = __init__


def _check_chosen(cls: Any, given: Mapping[str, Any], label: str) -> None:
    """Refuse a parameter that is still to be chosen for a signal."""
    for name in getattr(cls, "automatic", ()):
        if given.get(name) in WAYS:
            raise InrError(
                f"{label}: {name}={given[name]} is chosen for a signal when it is fitted; give a number here"
            )


def _checked(params: tuple[Param, ...], given: Mapping[str, Any], label: str) -> Config:
    """The value of every parameter, given or default."""
    _check_names(given, params, label)
    values: Config = {}
    for param in params:
        if param.open:
            others = [key for key in given if key not in {each.name for each in params if not each.open}]
            if not others:
                raise InrError(f"{label} needs {param.description}")
            values |= {key: check_value(replace(param, name=key), given[key], label) for key in others}
        elif param.name in given:
            values[param.name] = check_value(param, given[param.name], label)
        elif param.required:
            raise InrError(f"{label} needs '{param.name}': {param.description}")
        else:
            values[param.name] = param.default
    return values


def _check_names(given: Iterable[str], params: tuple[Param, ...], label: str) -> None:
    if any(param.open for param in params):
        return
    known = [param.name for param in params]
    for key in given:
        if key not in known:
            raise InrError(f"{label} has no parameter {key!r}{_nearest(key, known)}")


def _nearest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else f"; known: {', '.join(sorted(known)) or 'none'}"
