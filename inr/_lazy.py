"""Public names that load their module on first use, so that importing a room stays cheap."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazy_exports(package: str, modules: Mapping[str, str]) -> tuple[Callable[[str], Any], list[str]]:
    """A module-level `__getattr__` (PEP 562) and `__all__` for a package.

    Args:
        package: `__name__` of the package.
        modules: public name to the module, relative to the package (".module"), that defines it.
    """

    def __getattr__(name: str) -> Any:  # noqa: N807
        if name not in modules:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(importlib.import_module(modules[name], package), name)

    return __getattr__, sorted(modules, key=_constants_classes_functions)


def _constants_classes_functions(name: str) -> tuple[bool, bool, str]:
    return not name.isupper(), not name[0].isupper(), name
