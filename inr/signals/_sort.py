"""What signals must have in common to be in one set, or to be learned from together."""

from typing import NamedTuple

from inr.signals._domain import Domain

_WORDS = {"image": "pictures", "audio": "sounds", "video": "videos", "shape": "shapes"}


class Sort(NamedTuple):
    """What signals of one sort have in common; as text it is their name, "pictures of 3 channels".

    Attributes:
        kind: of the domain; axes: how many there are; channels: of a sample.
    """

    kind: str
    axes: int
    channels: int

    def __str__(self) -> str:
        words = _WORDS.get(self.kind)
        if self.kind == "volume":
            words = f"arrays of {self.axes} axes"
        found = words or f"scattered samples in {self.axes} dimensions"
        return f"{found} of {self.channels} channel{'s' * (self.channels != 1)}"


def sort_of(domain: Domain) -> Sort:
    """The sort of signals on a domain.

    >>> str(inr.signals.sort_of(inr.from_array(np.zeros((4, 4, 3), np.uint8)).domain))
    'pictures of 3 channels'
    """
    return Sort(domain.kind, domain.in_dim, domain.channels)
