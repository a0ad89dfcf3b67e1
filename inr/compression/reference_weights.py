"""Initial weights: files hold what weights differ from them by, and a checksum that tells which ones those were."""

import hashlib
from os import PathLike
from pathlib import Path

from inr import container
from inr._errors import InrError
from inr.field import MAX_FILE_BYTES, Field

_known: dict[str, Field] = {}


class UnknownWeights(InrError):
    """A file that begins from initial weights which this process was not given."""


def initial_weights(source: Field | str | PathLike[str]) -> str:
    """Make a field's weights known to this process, to begin from; the name by which files tell them.

    `inr.compress(signal, codec=f"mlp:initial={name}")` codes what weights differ from these by. Where signals are alike
    that takes fewer bytes; who decodes must make the same weights known first.

    Args:
        source: a field with the parts that the codec "mlp" has for the signals to come, such as `inr.compress` made it
            of a similar one; or the path of its file.
    """
    if not isinstance(source, Field):
        from inr.compression.bitstream.files import build_any_field

        source = build_any_field(container.read(Path(source), max_bytes=MAX_FILE_BYTES), source)
    digest = hashlib.sha256()
    for name, tensor in source.named_parameters():
        digest.update(name.encode() + tensor.detach().cpu().numpy().astype("<f4").tobytes())
    found = "w" + digest.hexdigest()[:8]  # a letter first: eight digits would be a number in a spec
    _known[found] = source
    return found


def known_weights(name: str) -> Field:
    """The field that `initial_weights` gave this name; raises UnknownWeights."""
    if name not in _known:
        raise UnknownWeights(
            f"it begins from initial weights {name}: give their file, inr decompress --initial FILE "
            "(Python: inr.compression.initial_weights)"
        )
    return _known[name]
