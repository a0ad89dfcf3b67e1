"""Reading fields that are a few numbers and the name of a base."""

import os
from pathlib import Path
from typing import Any

from inr._errors import DamagedFile, InrError
from inr.container import Contents
from inr.field import Field, section_tensors
from inr.priors._base import as_base
from inr.priors._codes import KEY, CodeStorage
from inr.signals import from_compact


def field_of_code(contents: Contents, path: str | os.PathLike[str], base: Any = None) -> Field:
    """The field that a code and its base make.

    Args:
        contents: of the field's file.
        path: its name; the base is looked for beside it.
        base: a `Base`, or the path of its file; None: the file beside it that has the base's name.

    Raises:
        DamagedFile: the file describes no field.
        InrError: the base is not there, or another one.
    """
    try:
        told = contents.header[KEY]
        wanted, file = str(told["base"]), Path(str(told["file"])).name
        domain = from_compact(contents.header["domain"])
        metrics = {name: float(value) for name, value in contents.header.get("metrics", {}).items()}
        code = section_tensors(contents, [KEY])[f"{KEY}.numbers"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedFile(f"{path}: its header describes no field: {error!r}", "header") from error
    beside = Path(path).parent / file
    if base is None and not beside.exists():
        raise InrError(f"{path} needs the base {file} (SHA-256 {wanted[:12]}…), which is not beside it: put it there")
    found = as_base(beside if base is None else base)
    if found.name != wanted:
        raise InrError(
            f"{path} needs the base {file} of SHA-256 {wanted[:12]}…, and {found.file or 'this base'} is another, "
            f"{found.name[:12]}…"
        )
    field = found.field(domain)
    decode = getattr(found.method, "decoded", None)
    if decode is None or code.ndim != 1:
        raise DamagedFile(f"{path}: its base makes no fields of codes", "header")
    weights = decode(found.learned, field, code[None]).weights
    field.load_state_dict({**found.weights, **{name: each[0] for name, each in weights.items()}})
    field.metrics = metrics
    field.fit = {"base": wanted, "method": found.method.config()["name"]}
    state = {name: each.clone() for name, each in field.state_dict().items()}
    field.storage = CodeStorage(wanted, file, code, state)
    return field.eval()
