"""What was typed, as the options of a job of the service."""

from collections.abc import Mapping, Set
from typing import Any

# how the service spells what the command line holds under another name
_SPELT = {"size_in_bytes": "bytes"}
# what options are where they are not typed, unless that is nothing
_USUAL = {
    "solver": "adam", "engine": "auto", "purpose": "zoom", "seed": 0, "checkpoint_every": 60.0,
}  # fmt: skip


def job_options(arguments: Mapping[str, Any], apart: Set[str]) -> dict[str, Any]:
    """The options of a job that were typed, as the service spells them.

    Args:
        arguments: of the command, by name.
        apart: names of those that are no options of the job.
    """
    return {
        _SPELT.get(name, name): value
        for name, value in sorted(arguments.items())
        if name not in apart and value is not None and value is not False and value != _USUAL.get(name)
    }
