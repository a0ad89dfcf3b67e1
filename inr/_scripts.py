"""Scripts of the user's that register parts, and are run when parts are first looked for."""

import importlib.util
import os
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

from inr._errors import InrError

_VARIABLE = "INR_LOAD"


def name_scripts(paths: Sequence[str]) -> None:
    """Add scripts to those that the environment names: this process runs them, and so do those that it starts.

    Args:
        paths: Python files.

    Raises:
        InrError: one that is not there.
    """
    for path in paths:
        if not Path(path).is_file():
            raise InrError(f"--load {path}: there is no such script")
    named = [path for path in os.environ.get(_VARIABLE, "").split(os.pathsep) if path]
    os.environ[_VARIABLE] = os.pathsep.join([*named, *(str(Path(path).resolve()) for path in paths)])


def load_scripts() -> None:
    """Run the scripts that the environment variable INR_LOAD names, separated as the paths of PATH are, each once.

    Raises:
        InrError: one that is not there, or that fails.
    """
    for text in filter(None, os.environ.get(_VARIABLE, "").split(os.pathsep)):
        path = Path(text)
        name = f"inr_script_{zlib.crc32(text.encode()):08x}"
        if name in sys.modules:
            continue
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None or not path.is_file():
            raise InrError(f"INR_LOAD names {path}, which is no Python script")
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[name]
            raise InrError(f"{path} does not load: {type(error).__name__}: {error}") from error
