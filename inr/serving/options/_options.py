"""The options of jobs, as requests write them: names, types, and what can be refused before a job waits."""

import difflib
import math
from collections.abc import Mapping
from typing import Any

from inr._errors import InrError
from inr._option_values import check_purpose, parse_rates

_TARGET = {"bpp": "number", "bytes": "whole", "psnr": "number", "max_error": "number"}
_RUN = {"steps": "whole", "seconds": "number", "seed": "whole", "engine": "spec"}
_PARTS = {"encoding": "spec", "activation": "spec", "network": "spec", "teacher": "spec"}
_RATES = {"lr": "rates", "schedule": "text", "batch": "whole"}

# by kind of job, what each option is: those of the command of the same name
OPTIONS: Mapping[str, Mapping[str, str]] = {
    "fit": {
        "preset": "text", **_PARTS, "objective": "spec", "adjust": "spec", "solver": "text", **_RUN, **_RATES,
        "psnr": "number", "max_error": "number", "bytes": "whole", "exact": "flag", "coded": "flag", "half": "flag",
        "samples": "flag",
        "purpose": "text",
    },
    "compress": {"codec": "spec", **_TARGET, "quality": "number", "preset": "text", **_RUN},
    "recompress": {**_TARGET, **_RUN},
    "sweep": {
        "setups": "list", "encodings": "list", "activations": "list", "networks": "list", "teachers": "list",
        "auto": "flag", "steps": "whole", "seconds": "number", "parameters": "whole", "holdout": "number", **_RATES,
        "seed": "seeds", "seeds": "whole", "engine": "spec", "jobs": "whole",
    },
}  # fmt: skip
# other spellings of the command line
_ALIASES = {"for": "purpose", "optimiser": "solver", "learning_rate": "lr"}
_LONGEST = 2_000  # letters of a text


def normalised(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as they are kept with a job: known names, right types, nothing that goes without saying.

    Args:
        kind: of the job.
        options: plain JSON, by the long names of the command's options with underscores.

    Returns:
        The options that say something, in a fixed order: equal wishes are equal.

    Raises:
        InrError: an option that the kind has not, or a value of the wrong type.
    """
    if kind not in OPTIONS:
        raise InrError(f"a job is one of {', '.join(OPTIONS)}, not {kind!r}")
    known = OPTIONS[kind]
    found = dict[str, Any]()
    for given, value in options.items():
        name = _ALIASES.get(given, given)
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            raise InrError(f"{kind} has no option '{given}'" + (f"; did you mean '{close[0]}'?" if close else ""))
        if value is None or value is False:
            continue
        if name in found:
            raise InrError(f"'{given}' is given twice, as '{name}' too")
        found[name] = _checked(name, known[name], value)
    check_purpose(found.get("purpose", "zoom"))
    return {name: found[name] for name in known if name in found}


def _checked(name: str, what: str, value: Any) -> Any:
    option = "--" + name.replace("_", "-")
    wrong = InrError(f"{option} is {_WORDS[what]}, not {_shown(value)}")
    match what:
        case "flag":
            if value is not True:
                raise wrong
        case "whole":
            if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**53:
                raise wrong
        case "number":
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise wrong
            return float(value)
        case "text":
            if not _is_text(value):
                raise wrong
        case "spec":
            if not (_is_text(value) or (isinstance(value, dict) and isinstance(value.get("name"), str))):
                raise wrong
        case "list":
            items = value if isinstance(value, list) else [value]
            if not items or not all(map(_is_text, items)):
                raise wrong
            return items
        case "seeds":
            items = value if isinstance(value, list) else [value]
            if not items or not all(isinstance(each, int) and not isinstance(each, bool) for each in items):
                raise wrong
        case "rates":
            return _rates(value, wrong)
    return value


_WORDS = {
    "flag": "true or false", "whole": "a whole number", "number": "a finite number", "text": "a text",
    "spec": "a part, as 'name:key=value'", "list": "a text or a list of texts",
    "seeds": "a whole number or a list of them", "rates": "auto, paper, a number, or numbers by part",
}  # fmt: skip


def _rates(value: Any, wrong: InrError) -> Any:
    if _is_text(value):
        return parse_rates(value)
    numbers = list(value.values()) if isinstance(value, dict) else [value]
    if not numbers or not all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in numbers):
        raise wrong
    return value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
