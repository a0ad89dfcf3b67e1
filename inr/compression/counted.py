"""Which samples count when a picture is coded and compared: all that can be seen."""

import numpy as np
from jaxtyping import Bool, Shaped

from inr.signals import Domain


def counted(
    samples: Shaped[np.ndarray, "*grid channels"], domain: Domain, missing: np.ndarray | None = None
) -> Bool[np.ndarray, "*grid channels"]:
    """All samples but missing ones, and colours of pixels whose alpha is 0.

    Args:
        samples: in own units, of a grid or of all that are there.
        domain: of the signal.
        missing: of the grid's shape, True where a sample is missing; None where none is.
    """
    found = np.ones(samples.shape, bool)
    if domain.kind == "image" and domain.channels in (2, 4):
        found[..., :-1] = (samples[..., -1] != 0)[..., None]
    if missing is not None:
        found[missing] = False
    return found
