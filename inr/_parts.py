"""Parts found by name, and configured by their constructor's keyword arguments.

A part (an encoding, an activation, a network …) is a class registered under a name. Its keyword-only
parameters are its configuration: `part.config()` returns them as plain JSON and `registry.build(config)`
gives an equal part. Each parameter is declared once, in the signature::

    @registry.register("hash", source="Müller et al., SIGGRAPH 2022")
    class HashGrid(Encoding):
        def __init__(self, in_dim: int, *, levels: Annotated[int, Range(1, 32), "resolution levels"] = 16): ...

The type, the allowed range, the default and the description are read from there: by the check that runs on
every construction, by `inr parts` and by the reference page. Parameters before the `*` are the context a
part is built in (input dimensions and the like), not configuration.
"""

import difflib
import fnmatch
import functools
import importlib
import inspect
import json
import math
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from inr._errors import InrError

Config = dict[str, Any]
_PartClass = TypeVar("_PartClass", bound=type)


@dataclass(frozen=True)
class Range:
    """Allowed numbers: low <= value <= high; with `above`, strictly greater than `low`."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False

    def __contains__(self, value: float) -> bool:
        return value <= self.high and (value > self.low if self.above else value >= self.low)

    def __str__(self) -> str:
        if self.high == math.inf:
            return f"{'>' if self.above else '>='} {self.low:g}"
        return f"{self.low:g} {'<' if self.above else '..'} {self.high:g}".replace(" .. ", " to ")


@dataclass(frozen=True)
class Param:
    """One parameter of a part, as its signature declares it."""

    name: str
    type: Any
    default: Any
    allowed: Range | None
    description: str

    @property
    def required(self) -> bool:
        """Whether the parameter has no default."""
        return self.default is inspect.Parameter.empty

    @property
    def type_name(self) -> str:
        """The type in words: 'int', 'float or none', 'one of basic, positional, gaussian'."""
        return " or ".join(_type_name(option) for option in _options(self.type))


@dataclass(frozen=True)
class PartInfo:
    """A registry entry: what a part is called, what it is, and what can be set."""

    kind: str
    name: str
    cls: type
    summary: str
    source: str
    params: tuple[Param, ...]


class Part:
    """Mixin of everything a registry holds."""

    _config: Config

    def config(self) -> Config:
        """The part's name and its parameters as plain JSON; `registry.build(config)` gives an equal part."""
        return json.loads(json.dumps(self._config))


class Registry:
    """The parts of one kind, by name.

    Args:
        kind: singular word used in messages ("encoding").
        modules: modules that register the built-in parts, imported on first use.
        Other packages add parts through the entry-point group `inr.<kind>s`: each entry point names a module
        or a class that registers itself when it is imported.
    """

    def __init__(self, kind: str, *modules: str) -> None:
        self.kind = kind
        self._modules = modules
        self._loaded = False
        self._parts: dict[str, PartInfo] = {}

    def register(self, name: str, *, source: str = "") -> Callable[[_PartClass], _PartClass]:
        """Class decorator that enters a part under `name`, with the publication it follows."""

        def enter(cls: _PartClass) -> _PartClass:
            if name in self._parts:
                raise InrError(f"{self.kind} '{name}' is registered already, as {self._parts[name].cls.__qualname__}")
            params = _params_of(cls)
            summary = (inspect.getdoc(cls) or "").partition("\n")[0]
            self._parts[name] = PartInfo(self.kind, name, cls, summary, source, params)
            _check_on_construction(cls, self.kind, name, params)
            return cls

        return enter

    def names(self, pattern: str = "*") -> list[str]:
        """Registered names that match a shell-style pattern, sorted."""
        self._load()
        return sorted(fnmatch.filter(self._parts, pattern))

    def info(self, name: str) -> PartInfo:
        """The entry of one part. Raises InrError naming the nearest known name."""
        self._load()
        if name not in self._parts:
            raise InrError(f"unknown {self.kind} '{name}'{_nearest(name, self._parts)}")
        return self._parts[name]

    def build(self, spec: str | Mapping[str, Any], *context: Any) -> Any:
        """Build a part from "name:key=value,…" or from a configuration, in the given context.

        Raises InrError for an unknown name, an unknown parameter or a value out of range.
        """
        config = parse_spec(spec)
        info = self.info(config.pop("name"))
        return info.cls(*context, **config)

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        for module in self._modules:
            importlib.import_module(module)
        for entry_point in entry_points(group=f"inr.{self.kind}s"):
            entry_point.load()


def parse_spec(spec: str | Mapping[str, Any]) -> Config:
    """Turn "hash:levels=16,features=2" into {"name": "hash", "levels": 16, "features": 2}.

    A value is a number, true/false/none, a word, or another part's spec in parentheses
    ("sape:over=(fourier:sigma=20)"). A mapping is copied; it must hold "name".
    """
    if isinstance(spec, Mapping):
        if not isinstance(spec.get("name"), str):
            raise InrError(f"a part's configuration must hold its name, got {dict(spec)!r}")
        return dict(spec)
    name, _, rest = spec.strip().partition(":")
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise InrError(f"'{spec}' is not a part: write name or name:key=value,key=value")
    config: Config = {"name": name}
    for item in _split_items(rest, spec) if rest else []:
        key, equals, value = item.partition("=")
        key = key.strip()
        if not equals or not key or not value.strip():
            raise InrError(f"'{item}' in '{spec}' is not key=value")
        if key in config:
            raise InrError(f"'{key}' is given twice in '{spec}'")
        config[key] = _parse_value(value.strip())
    return config


def format_spec(config: Mapping[str, Any]) -> str:
    """The inverse of `parse_spec`: the spelling that the command line takes."""
    items = [f"{key}={_format_value(value)}" for key, value in config.items() if key != "name"]
    return config["name"] + (":" + ",".join(items) if items else "")


def _split_items(text: str, spec: str) -> list[str]:
    """Split at the commas outside parentheses."""
    items, depth, start = [], 0, 0
    for position, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth < 0:
            break
        if char == "," and depth == 0:
            items.append(text[start:position])
            start = position + 1
    if depth != 0:
        raise InrError(f"unbalanced parentheses in '{spec}'")
    return [*items, text[start:]]


def _parse_value(text: str) -> Any:
    if text.startswith("(") and text.endswith(")"):
        return parse_spec(text[1:-1])
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            pass
    return {"true": True, "false": False, "none": None}.get(text.lower(), text)


def _format_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"({format_spec(value)})"
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)


def _params_of(cls: type) -> tuple[Param, ...]:
    params = []
    for parameter in inspect.signature(cls).parameters.values():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        annotation, allowed, description = parameter.annotation, None, ""
        if get_origin(annotation) is Annotated:
            annotation, *extras = get_args(annotation)
            allowed = next((extra for extra in extras if isinstance(extra, Range)), None)
            description = next((extra for extra in extras if isinstance(extra, str)), "")
        params.append(Param(parameter.name, annotation, parameter.default, allowed, description))
    return tuple(params)


def _check_on_construction(cls: type, kind: str, name: str, params: tuple[Param, ...]) -> None:
    """Wrap `cls.__init__` so that its parameters are checked before, and recorded after, it runs."""
    original = cls.__init__
    label = f"{kind} '{name}'"

    @functools.wraps(original)
    def __init__(self: Any, *context: Any, **given: Any) -> None:  # noqa: N807
        context_names = [p for p in inspect.signature(original).parameters if p != "self"]
        known = {param.name for param in params}
        for key in given:
            if key not in known and key not in context_names:
                raise InrError(f"{label} has no parameter '{key}'{_nearest(key, known)}")
        values = {}
        for param in params:
            if param.name in given:
                values[param.name] = check_value(param, given[param.name], label)
            elif param.required:
                raise InrError(f"{label} needs '{param.name}': {param.description}")
            else:
                values[param.name] = param.default
        rest = {key: value for key, value in given.items() if key not in known}
        original(self, *context, **rest, **values)
        self._config = {"name": name, **values}

    cls.__init__ = __init__


def check_value(param: Param, value: Any, label: str) -> Any:
    """The value as the parameter's type, or an InrError that names the rule it breaks."""
    for option in _options(param.type):
        accepted, converted = _convert(option, value)
        if accepted:
            if param.allowed is not None and converted is not None and converted not in param.allowed:
                raise InrError(f"{label}: {param.name} must be {param.allowed}, got {value!r}")
            return converted
    raise InrError(f"{label}: {param.name} must be {param.type_name}, got {value!r}")


def _options(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _convert(option: Any, value: Any) -> tuple[bool, Any]:
    if option is type(None):
        return value is None, None
    if get_origin(option) is Literal:
        return value in get_args(option), value
    if option is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        return number, float(value) if number else value
    if option is int:
        return isinstance(value, int) and not isinstance(value, bool), value
    plain = get_origin(option) or option
    return isinstance(plain, type) and isinstance(value, plain), value


def _type_name(option: Any) -> str:
    if option is type(None):
        return "none"
    if get_origin(option) is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(option))
    return {int: "a whole number", float: "a finite number", bool: "true or false", str: "a word"}.get(
        option, "a part" if (get_origin(option) or option) is dict else getattr(option, "__name__", str(option))
    )


def _nearest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else f"; known: {', '.join(sorted(known)) or 'none'}"
