"""Stages: compiled functions that worker threads call without the interpreter.

A stage is a function of (worker, workers, …) that does its worker's share. It is compiled to a C function of three
numbers: the address of a block that holds the other arguments, the worker, and the number of workers. A list of
stages with their blocks is a program; `inr.jit.run` runs it.
"""

import functools
import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_origin

import numba
import numpy as np

from inr.jit._compile import entry_point, inline
from inr.jit.vector import POINTERS


@dataclass(frozen=True)
class Array:
    """A parameter that takes C-contiguous arrays of one dtype and number of axes."""

    dtype: str
    ndim: int


# annotations of parameters; what arrives is an array
F1 = Annotated[np.ndarray, Array("float32", 1)]
F2 = Annotated[np.ndarray, Array("float32", 2)]
D2 = Annotated[np.ndarray, Array("float64", 2)]
I1 = Annotated[np.ndarray, Array("int64", 1)]
I2 = Annotated[np.ndarray, Array("int64", 2)]
B1 = Annotated[np.ndarray, Array("uint8", 1)]


def _kind(annotation: Any) -> Any:
    return annotation.__metadata__[0] if get_origin(annotation) is Annotated else annotation


class Stage:
    """A function with annotated parameters (Array, int or float), made callable by worker threads.

    Args:
        function: takes worker and workers, then the parameters; returns nothing.
        key: what its code depends on besides what it refers to, for the cache on disk.
        phase: the name under which profiles count its time.

    >>> share = inr.jit.inline(inr.jit.share)
    >>> def double(worker: int, workers: int, numbers: inr.jit.F1) -> None:
    ...     start, stop = share(len(numbers), worker, workers, 16)
    ...     for index in range(start, stop):
    ...         numbers[index] *= 2
    >>> numbers = np.arange(4, dtype=np.float32)
    >>> inr.jit.run([inr.jit.Call(inr.jit.Stage(double), numbers=numbers)], threads=2)
    >>> numbers
    array([0., 2., 4., 6.], dtype=float32)
    """

    def __init__(self, function: Callable[..., None], key: str = "", phase: str = "the rest") -> None:
        self._function = function
        self._key = key
        self.phase = phase
        parameters = list(inspect.signature(function).parameters.values())[2:]
        self.kinds: dict[str, Any] = {parameter.name: _kind(parameter.annotation) for parameter in parameters}
        self.slots: dict[str, int] = {}
        self.size = 0
        for name, kind in self.kinds.items():
            self.slots[name] = self.size
            self.size += 1 + (kind.ndim if isinstance(kind, Array) else 0)

    @functools.cached_property
    def address(self) -> int:
        """Where the compiled code is; compiles it, or reads it from disk, the first time."""
        name = self._function.__name__
        arguments = ", ".join(["worker", "workers", *map(self._argument, self.kinds)])
        source = (
            f"# {self._function.__module__} {hashlib.sha256(self._key.encode()).hexdigest()}\n"
            f"def {name}(block, worker, workers):\n"
            f"    words = carray(int64_pointer(block), {max(self.size, 1)})\n"
            f"    reals = carray(float64_pointer(block), {max(self.size, 1)})\n"
            f"    function({arguments})\n"
        )
        names = {f"{dtype}_pointer": pointer for dtype, pointer in POINTERS.items()}
        return entry_point(source, name, names | {"carray": numba.carray, "function": inline(self._function)})

    def _argument(self, name: str) -> str:
        kind, slot = self.kinds[name], self.slots[name]
        if isinstance(kind, Array):
            shape = ", ".join(f"words[{slot + 1 + axis}]" for axis in range(kind.ndim))
            return f"carray({kind.dtype}_pointer(words[{slot}]), ({shape},))"
        return f"reals[{slot}]" if kind is float else f"words[{slot}]"


class Call:
    """A stage with its arguments, which may be changed between runs.

    Attributes:
        clock: ticks that its last runs took, until all workers were done; whoever reads it sets it back to 0.
    """

    def __init__(self, stage: Stage, **arguments: Any) -> None:
        self.stage = stage
        self._block = np.zeros(max(stage.size, 1), np.int64)
        self._reals = self._block.view(np.float64)
        self.clock = np.zeros(1, np.int64)
        self._kept: dict[str, Any] = {}
        self.set(**arguments)

    def set(self, **arguments: Any) -> "Call":
        """Change arguments by name.

        Args:
            arguments: arrays of the dtype and axes that the stage declares, C-contiguous, or numbers.

        Returns:
            The call itself.

        Raises:
            TypeError: an array of another kind.
        """
        for name, value in arguments.items():
            kind, slot = self.stage.kinds[name], self.stage.slots[name]
            if isinstance(kind, Array):
                self._set_array(name, slot, kind, value)
            elif kind is float:
                self._reals[slot] = value
            else:
                self._block[slot] = value
        return self

    def _set_array(self, name: str, slot: int, kind: Array, array: np.ndarray) -> None:
        if array.dtype != kind.dtype or array.ndim != kind.ndim or not array.flags.c_contiguous:
            raise TypeError(
                f"{name} must be a C-contiguous {kind.dtype} array of {kind.ndim} axes, got {array.dtype}, "
                f"{array.ndim} axes"
            )
        self._kept[name] = array
        self._block[slot] = array.ctypes.data
        self._block[slot + 1 : slot + 1 + kind.ndim] = array.shape

    def copy(self) -> "Call":
        """A call of the same stage with the same arguments, which later changes of this one leave as they are."""
        other = Call(self.stage)
        other._block[:] = self._block
        other._kept = dict(self._kept)
        return other

    def place(self, name: str) -> int:
        """Where an argument stands, for kernels that change it: the address of a number, or of an array's address."""
        return int(self._block.ctypes.data) + 8 * self.stage.slots[name]

    @property
    def words(self) -> tuple[int, int, int]:
        """Addresses of the code, of the arguments and of the clock."""
        return self.stage.address, self._block.ctypes.data, self.clock.ctypes.data


def share(count: int, worker: int, workers: int, grain: int) -> tuple[int, int]:
    """The part of a number of things that is a worker's.

    Args:
        count: how many things there are.
        worker: whose part, from 0 on.
        workers: how many share them.
        grain: things that are not divided.

    Returns:
        Where the part starts and stops; parts are whole grains, as equal as they can be.

    >>> [inr.jit.share(100, worker, 3, 8) for worker in range(3)]
    [(0, 32), (32, 64), (64, 100)]
    """
    grains = (count + grain - 1) // grain
    start = grains * worker // workers * grain
    stop = grains * (worker + 1) // workers * grain
    return min(start, count), min(stop, count)
