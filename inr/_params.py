"""Parameters of parts: declared in a constructor's signature, checked on every construction."""

import inspect
import json
import math
import numbers
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from inr._errors import InrError
from inr._specs import parse_spec


@dataclass(frozen=True)
class Range:
    """Allowed numbers: low <= value <= high; with `above`, strictly greater than `low`."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False

    def __contains__(self, value: float) -> bool:
        return value <= self.high and (value > self.low if self.above else value >= self.low)

    def __str__(self) -> str:
        low, high = _plain(self.low), _plain(self.high)
        if math.isfinite(self.low) and math.isfinite(self.high) and not self.above:
            return f"{low} to {high}"
        bounds = []
        if math.isfinite(self.low):
            bounds.append(f"{'>' if self.above else '>='} {low}")
        if math.isfinite(self.high):
            bounds.append(f"<= {high}")
        return " and ".join(bounds) or "any number"


@dataclass(frozen=True)
class Param:
    """One parameter of a part, as its signature declares it.

    Attributes:
        open: whether it stands for parameters of any name, all of its type ("**axes" in the signature); at least
            one has to be given.
    """

    name: str
    type: Any
    default: Any
    allowed: Range | None
    description: str
    open: bool = False

    @property
    def required(self) -> bool:
        """Whether the parameter has no default."""
        return self.default is inspect.Parameter.empty

    @property
    def is_part(self) -> bool:
        """Whether it holds another part."""
        return any((get_origin(option) or option) is dict for option in _options(self.type))

    @property
    def type_name(self) -> str:
        """The type in words: 'int', 'float or none', 'one of basic, positional, gaussian'."""
        return " or ".join(_type_name(option) for option in _options(self.type))


def params_of(cls: type) -> tuple[Param, ...]:
    """The keyword-only parameters of a class's constructor, and what it says of all others."""
    params = []
    for parameter in inspect.signature(cls).parameters.values():
        if parameter.kind not in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD):
            continue
        annotation, allowed, description = parameter.annotation, None, ""
        if get_origin(annotation) is Annotated:
            annotation, *extras = get_args(annotation)
            allowed = next((extra for extra in extras if isinstance(extra, Range)), None)
            description = next((extra for extra in extras if isinstance(extra, str)), "")
        is_open = parameter.kind is inspect.Parameter.VAR_KEYWORD
        params.append(Param(parameter.name, annotation, parameter.default, allowed, description, is_open))
    return tuple(params)


def check_value(param: Param, value: Any, label: str) -> Any:
    """The value as the parameter's type, or an InrError that names the rule it breaks."""
    for option in _options(param.type):
        accepted, converted = _convert(option, value)
        if accepted:
            if param.allowed is not None and isinstance(converted, (int, float)) and converted not in param.allowed:
                raise InrError(f"{label}: {param.name} must be {param.allowed}, got {_show(value)}")
            return converted
    raise InrError(f"{label}: {param.name} must be {param.type_name}, got {_show(value)}")


def _options(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _convert(option: Any, value: Any) -> tuple[bool, Any]:
    """Whether a value is of the type, and the value as plain JSON."""
    if option is type(None):
        return value is None, None
    if get_origin(option) is Literal:
        return any(type(choice) is type(value) and choice == value for choice in get_args(option)), value
    if option in (int, float):
        return _convert_number(option, value)
    if (get_origin(option) or option) is dict:
        return _convert_config(value)
    return isinstance(value, option), value


def _convert_number(option: type, value: Any) -> tuple[bool, Any]:
    abstract = numbers.Integral if option is int else numbers.Real
    if isinstance(value, bool) or not isinstance(value, abstract):
        return False, value
    try:
        number = option(value)
        return math.isfinite(number), number
    except OverflowError:  # beyond the largest float
        return False, value


def _convert_config(value: Any) -> tuple[bool, Any]:
    if not isinstance(value, Mapping):
        return False, value
    try:
        return True, json.loads(json.dumps(parse_spec(value), allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return False, value


def _show(value: Any) -> str:
    """A value in one line of a message."""
    try:
        text = " ".join(repr(value).split())
    except RecursionError:
        return "parts too deep in each other"
    return text if len(text) <= 80 else text[:77] + "..."


def _plain(number: float) -> str:
    return str(int(number)) if math.isfinite(number) and number == int(number) else repr(number)


def _type_name(option: Any) -> str:
    if option is type(None):
        return "none"
    if get_origin(option) is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(option))
    return {int: "a whole number", float: "a finite number", bool: "true or false", str: "a word"}.get(
        option, "a part" if (get_origin(option) or option) is dict else getattr(option, "__name__", str(option))
    )
