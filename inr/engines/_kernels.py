"""Which parts an engine has kernels for: declared where the kernel stands, by the class of the part."""

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

_Maker = TypeVar("_Maker", bound=Callable[..., Any])


class Kernels:
    """What makes an engine's kernels, by the class of the part that they compute.

    A part without an entry is no error: the engine computes it by PyTorch, or says that it cannot.

    Args:
        modules: modules that make entries, imported when one is first looked for.
    """

    def __init__(self, *modules: str) -> None:
        self._modules = modules
        self._makers: dict[type, Callable[..., Any]] = {}

    def kernel_for(self, *parts: type) -> Callable[[_Maker], _Maker]:
        """Decorator of a class or function that makes the kernels of these parts."""

        def enter(maker: _Maker) -> _Maker:
            self._makers |= dict.fromkeys(parts, maker)
            return maker

        return enter

    def find(self, part: object) -> Callable[..., Any] | None:
        """What makes the kernels of a part; None where there are none.

        The part's own class counts, not those it derives from: a derived class may compute something else.
        """
        for module in self._modules:
            importlib.import_module(module)
        return self._makers.get(type(part))
