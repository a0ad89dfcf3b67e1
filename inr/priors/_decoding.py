"""Reading fields that are a few numbers and the name of a base."""

import os
from typing import Any

from inr._errors import DamagedFile
from inr.container import Contents
from inr.field import Field, section_tensors
from inr.priors._codes import KEY, CodeStorage
from inr.priors._lookup import found_base
from inr.signals import from_compact


def field_of_code(contents: Contents, path: str | os.PathLike[str], base: Any = None) -> Field:
    """The field that a code and its base make.

    Args:
        contents: of the field's file.
        path: its name; the base is looked for beside it.
        base: a `Base`, or the path of its file; None: one beside it, see `found_base`.

    Raises:
        DamagedFile: the file describes no field.
        UnknownWeights: the base is not there, or another one.
    """
    try:
        told = contents.header[KEY]
        wanted, file = str(told["base"]), str(told["file"])
        domain = from_compact(contents.header["domain"])
        metrics = {name: float(value) for name, value in contents.header.get("metrics", {}).items()}
        code = section_tensors(contents, [KEY])[f"{KEY}.numbers"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedFile(f"{path}: its header describes no field: {error!r}", "header") from error
    found = found_base(wanted, file, base, path)
    field = found.field(domain)
    decode = getattr(found.method, "decoded", None)
    if decode is None or code.ndim != 1:
        raise DamagedFile(f"{path}: its base makes no fields of codes", "header")
    found.filled(field, decode(found.learned, field, code[None]))
    field.metrics = metrics
    state = {name: each.clone() for name, each in field.state_dict().items()}
    field.storage = CodeStorage(wanted, file, code, state)
    return field
