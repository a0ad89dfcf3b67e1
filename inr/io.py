"""The door that opens any .inr file, whether it holds a plain field or a compressed one."""

import os
import warnings
from pathlib import Path
from typing import Any

from inr import container
from inr.compression import build_any_field
from inr.field import MAX_FILE_BYTES, Field


def load(path: str | os.PathLike[str], *, max_bytes: int = MAX_FILE_BYTES, base: Any = None) -> Field:
    """Read a field from an .inr file; nothing in the file is executed.

    Warns of damaged and missing sections that the field can do without.

    Args:
        path: the file.
        max_bytes: most bytes its sections may take.
        base: the `inr.priors.Base` that the field is told from, or the path of its file, for files that need one; None:
            it lies beside the file, under the name that this says.

    Returns:
        The field, on the processor and in evaluation mode.

    Raises:
        DamagedFile: the file does not hold together; `section` names the part at fault.
        InrError: no such file, not an .inr file, or one written by a newer inr.
    """
    contents = container.read(Path(path), max_bytes=max_bytes)
    if contents.damaged:
        warnings.warn(f"{path}: sections {', '.join(contents.damaged)} are damaged or missing", stacklevel=2)
    return build_any_field(contents, path, max_bytes=max_bytes, reference=base)
