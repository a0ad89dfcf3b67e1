"""What a codec is, and the registry that finds codecs by name."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from inr._parts import Part, Registry
from inr.field import Field, Spec
from inr.fitting import Event
from inr.signals import Domain, GridSignal

codecs = Registry(
    "codec",
    "inr.compression.codecs.ani",
    "inr.compression.codecs.coin",
    "inr.compression.codecs.doh",
    "inr.compression.codecs.mlp",
    "inr.compression.codecs.weights",
)

OnEvent = Callable[[Event], Any]


class Payload(NamedTuple):
    """A section to be: its name, its bytes, and whether the file is worthless without it."""

    name: str
    data: bytes
    base: bool = True


class Codec(Part):
    """Turns signals on grids into few bytes, and those into fields. Its configuration is stored with them."""

    def steps(self, signal: GridSignal) -> int:
        """Of a fit, where the user says nothing."""
        raise NotImplementedError

    def outline(self, room: int) -> Sequence[Payload]:
        """Sections named and sized as those of `room` bytes may be: what a file takes besides is told by them."""
        return [Payload("base", bytes(room))]

    def encode(
        self,
        signal: GridSignal,
        room: int,
        *,
        steps: int,
        engine: Spec = "auto",
        seed: int = 0,
        on_event: OnEvent | None = None,
    ) -> Sequence[Payload]:
        """Sections that take at most `room` bytes together; as few as it can where that is too little.

        From coarse to fine, base sections first. Equal input gives equal bytes on one machine and number of threads.
        """
        raise NotImplementedError

    def decode(self, domain: Domain, payloads: Mapping[str, memoryview], *, limit: int) -> Field:
        """The field of sections by name: of all base ones, and those others that could be read.

        It allocates at most about `limit` bytes. Raises InrError for payloads that do not hold together.
        """
        raise NotImplementedError
