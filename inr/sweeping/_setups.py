"""Setups: whole combinations, "siren" or "fourier:sigma=10 + relu", as a list that is no product."""

import difflib
import itertools
import re
from collections.abc import Iterable, Mapping
from typing import Any

from inr._errors import InrError
from inr._specs import format_spec, parse_spec
from inr.fitting import presets
from inr.sweeping._lists import expanded
from inr.sweeping._tasks import PARTS, Combination

Setups = str | Mapping[str, Any] | Iterable[str | Mapping[str, Any]]

_KINDS = {"preset": presets, **PARTS}
_BETWEEN = re.compile(r"\s+\+\s+")  # "outputs=1+2+4" is one value
_NAMED_KIND = re.compile(rf"({'|'.join(_KINDS)})\s*=\s*(.*)")


def split_setups(given: Setups) -> list[Combination]:
    """The combinations that setups stand for, in order and each once.

    Args:
        given: one setup or several. A setup is a preset's name; or parts joined by " + ", in any order, each found
            where there is a part of that name, "kind=spec" where there are several; or both, the parts then taking the
            place of the preset's; or a mapping from kinds to specs. A value a|b|c stands for as many setups.

    Returns:
        Combinations, whose specs each stand for one part.

    Raises:
        InrError: names that are unknown or could mean several things, or two parts of one kind.
    """
    items = [given] if isinstance(given, str | Mapping) else list(given)
    found: list[Combination] = []
    for item in items:
        specs = _checked(item) if isinstance(item, Mapping) else _parts(item)
        choices = [[(kind, spec) for spec in expanded(spec)] for kind, spec in specs.items()]
        found += [Combination(**dict(parts)) for parts in itertools.product(*choices)]
    return list(dict.fromkeys(found))


def _checked(setup: Mapping[str, Any]) -> dict[str, str]:
    """The specs of a setup that names the kinds."""
    for kind in setup:
        if kind not in _KINDS:
            raise InrError(f"a setup has no {kind!r}; known: {', '.join(_KINDS)}")
    return {kind: format_spec(parse_spec(spec)) for kind, spec in setup.items()}


def _parts(text: str) -> dict[str, str]:
    """The specs of a setup in words, by kind."""
    pieces = _BETWEEN.split(text.strip())
    found: dict[str, str] = {}
    for piece in pieces:
        named = _NAMED_KIND.fullmatch(piece)
        kind, spec = named.groups() if named else (_kind(piece, text, alone=len(pieces) == 1), piece)
        if kind in found:
            raise InrError(f"the setup '{text}' has two parts of the kind {kind}: {found[kind]} and {spec}")
        found[kind] = spec.strip()
    return found


def _kind(spec: str, text: str, *, alone: bool) -> str:
    """What kind of part a spec is of; a name alone is the preset's where there is one."""
    name = spec.partition(":")[0].strip()
    if "," in name:
        raise InrError(f"'{text}' is no setup: give each its own --setup, its parts joined by ' + '")
    kinds = [kind for kind, registry in _KINDS.items() if name in registry.names()]
    if len(kinds) > 1 and kinds[0] == "preset" and ":" in spec:
        kinds = kinds[1:]  # presets have no parameters
    if not kinds:
        known = [each for registry in _KINDS.values() for each in registry.names()]
        near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
        raise InrError(
            f"{name!r} in the setup '{text}' is no preset and no part"
            + (f"; did you mean '{near[0]}'?" if near else "; inr parts lists them")
        )
    if len(kinds) > 1 and not (alone and kinds[0] == "preset"):
        ways = " or ".join(f"{kind}={name}" for kind in kinds)
        raise InrError(f"'{name}' in the setup '{text}' names more than one thing: write {ways}")
    return kinds[0]
