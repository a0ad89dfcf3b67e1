"""Lists of parts, "hash,fourier:sigma=1|4,frequencies=64,sape", and the specs that they stand for."""

import itertools
import re
from collections.abc import Iterable, Mapping
from typing import Any

from inr._errors import InrError
from inr._specs import format_spec, parse_spec

Specs = str | Iterable[str | Mapping[str, Any]]

# what begins another part: a name alone, or one that a colon follows; key=value goes on with the last one
_BEGINS = re.compile(r"\s*[A-Za-z][\w-]*\s*(:|$)")
MOST_SPECS = 4096  # that one list may stand for


def split_specs(given: Specs) -> list[str]:
    """The specs of a list, or of several, in order and each once.

    Commas separate parts, and the parameters of a part: an item key=value belongs to the part before it. A value may
    be several, "sigma=1|4|10", which stand for as many specs.

    Args:
        given: one list, or a sequence of lists and of specs as plain JSON.

    Returns:
        Specs, "name:key=value,key=value", each of which stands for one part.

    Raises:
        InrError: what is no list of parts, or stands for more than 4,096.

    >>> inr.sweeping.split_specs("hash,fourier:sigma=1|4,frequencies=64")
    ['hash', 'fourier:sigma=1,frequencies=64', 'fourier:sigma=4,frequencies=64']
    """
    lists = [given] if isinstance(given, str) else list(given)
    specs: list[str] = []
    for item in lists:
        for text in _parts(item) if isinstance(item, str) else [format_spec(parse_spec(item))]:
            specs += expanded(text)
            if len(specs) > MOST_SPECS:
                raise InrError(f"a list of more than {MOST_SPECS:,} parts; give fewer values")
    # by what they mean: "sigma=4" and "sigma=4.0" are one
    return list({format_spec(parse_spec(spec)): None for spec in specs})


def _parts(text: str) -> list[str]:
    """The parts of a list, each as it is written there."""
    parts: list[str] = []
    for item in split_outside(text, ","):
        if _BEGINS.match(item):
            parts.append(item.strip())
        elif not item.strip():
            raise InrError(f"an empty item in {text!r}: write name or name:key=value, with commas between")
        elif not parts or "=" not in item:
            raise InrError(f"{item.strip()!r} in {text!r} is no part: write name or name:key=value")
        else:
            parts[-1] += ("," if ":" in parts[-1] else ":") + item.strip()
    return parts


def expanded(spec: str) -> list[str]:
    """The specs that a spec with several values stands for; the last parameter changes fastest."""
    name, colon, rest = spec.partition(":")
    if not colon:
        return [spec]
    choices = []
    for item in split_outside(rest, ","):
        key, equals, value = item.partition("=")
        choices.append([f"{key}{equals}{one}" for one in _values(value)] if equals else [item])
    if len(list(itertools.islice(itertools.product(*choices), MOST_SPECS + 1))) > MOST_SPECS:
        raise InrError(f"{spec!r} stands for more than {MOST_SPECS:,} parts; give fewer values")
    return [f"{name}:{','.join(items)}" for items in itertools.product(*choices)]


def _values(value: str) -> list[str]:
    """The values that "1|4|10" lists, also within a part in parentheses."""
    values: list[str] = []
    for one in split_outside(value, "|"):
        inner = one.strip()
        nested = inner.startswith("(") and inner.endswith(")")
        values += [f"({part})" for part in expanded(inner[1:-1])] if nested else [one]
    return values


def split_outside(text: str, separator: str) -> list[str]:
    """Split at the separators outside parentheses; unbalanced ones are left for `parse_spec` to complain about."""
    items, depth, start = [], 0, 0
    for position, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == separator and depth <= 0:
            items.append(text[start:position])
            start = position + 1
    return [*items, text[start:]]
