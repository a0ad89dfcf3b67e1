"""What an equation that is known by name brings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Preset:
    """An equation that is known by name.

    Attributes:
        stated: what `inr.solve` takes.
        exact: points (n, d) in own units to values (n, c) of the first channels; None where nothing is known.
        within: points (n, d) to where the solution is compared, bool (n,): everywhere where None.
        options: settings that suit it.
    """

    stated: Mapping[str, Any]
    exact: Callable[[np.ndarray], np.ndarray] | None = None
    within: Callable[[np.ndarray], np.ndarray] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
