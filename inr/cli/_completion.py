"""All registries, and what completes the names of parts in a shell."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inr._parts import Registry


def registries() -> dict[str, "Registry"]:
    """By the kind of parts that they hold."""
    from inr.activations import activations
    from inr.compression.codecs import codecs
    from inr.encodings import encodings
    from inr.engines import engines
    from inr.fitting import adjustments, presets
    from inr.networks import initialisations, networks
    from inr.objectives import objectives
    from inr.priors import methods
    from inr.teaching import teachers

    found = (
        encodings, activations, networks, initialisations, objectives, adjustments, teachers, engines, codecs, presets,
        methods,
    )  # fmt: skip
    return {registry.kind: registry for registry in found}


def completing(kind: str) -> Callable[[str], list[str]]:
    """What completes the names of a kind of part in a shell."""

    def names(incomplete: str) -> list[str]:
        return [name for name in registries()[kind].names() if name.startswith(incomplete)]

    return names


def completed_name(incomplete: str) -> list[str]:
    """Kinds and parts whose names begin so."""
    names = [name for registry in registries().values() for name in registry.names()]
    return sorted({name for name in [*registries(), *names] if name.startswith(incomplete)})
