"""The short spelling of a part, "hash:levels=16,features=2", and the configuration it stands for."""

import re
from collections.abc import Mapping
from typing import Any

from inr._errors import InrError

Config = dict[str, Any]
_NAME = re.compile(r"[A-Za-z][\w-]*")
_MAX_DEPTH = 8  # of parts within parts


def is_name(text: object) -> bool:
    """Whether a part can be called so: letters, digits, _ and - only, a letter first."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def parse_spec(spec: Any) -> Config:
    """Turn "hash:levels=16,features=2" into {"name": "hash", "levels": 16, "features": 2}.

    A value is a number, true/false/none, a word, or another part's spec in parentheses
    ("sape:over=(fourier:sigma=20)"). A mapping is copied; it must hold "name". A part stands for its configuration.
    """
    if callable(told := getattr(spec, "config", None)):
        return dict(told())
    if isinstance(spec, Mapping):
        if not is_name(spec.get("name")) or not all(isinstance(key, str) for key in spec):
            raise InrError(f"a part's configuration must hold its name, got {dict(spec)!r}")
        return dict(spec)
    name, colon, rest = spec.strip().partition(":") if isinstance(spec, str) else ("", "", "")
    if not is_name(name):
        raise InrError(f"{spec!r} is not a part: write name or name:key=value,key=value")
    config: Config = {"name": name}
    for item in _split_items(rest, spec) if colon else []:
        key, equals, value = item.partition("=")
        key = key.strip()
        if not equals or not key or not value.strip():
            raise InrError(f"{item!r} in {spec!r} is not key=value")
        if key in config:
            raise InrError(f"{key!r} is given twice in {spec!r}")
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
        if depth > _MAX_DEPTH:
            raise InrError(f"parentheses more than {_MAX_DEPTH} deep in {spec!r}")
        if depth < 0:
            break
        if char == "," and depth == 0:
            items.append(text[start:position])
            start = position + 1
    if depth != 0:
        raise InrError(f"unbalanced parentheses in {spec!r}")
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
    if isinstance(value, str) and not re.fullmatch(r"[^,:=()]+", value):
        return f"({value})"  # a part in its short spelling
    return repr(value) if isinstance(value, float) else str(value)
