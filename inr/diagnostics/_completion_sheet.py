"""A signal that was seen in part, on one sheet: what was seen, what is expected, how sure that is, and what may be."""

import os
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from inr._files import replacing
from inr.diagnostics._figures import checked_png
from inr.diagnostics._layout import Panel, page
from inr.diagnostics._methods_sheet import UNKNOWN
from inr.diagnostics._pixels import error_picture, fitted, picture
from inr.signals import Domain

_SIDE = 300


def completion_sheet(
    mean: Float[np.ndarray, "h w c"],
    deviation: Float[np.ndarray, "h w c"],
    samples: Sequence[Float[np.ndarray, "h w c"]],
    unseen: Bool[np.ndarray, "h w"],
    path: str | os.PathLike[str],
    *,
    title: str,
    domain: Domain,
    truth: Float[np.ndarray, "h w c"] | None = None,
    force: bool = False,
) -> None:
    """Draw a completed picture as a PNG.

    Args:
        mean: what is expected, in own units; deviation: standard deviations; samples: what may be.
        unseen: where nothing was seen: in a colour of its own in the first panel.
        path: the PNG to write.
        title: over the sheet.
        domain: of the values: its range goes from black to white.
        truth: where it is known; then a second row has it, and the error in the tones of the deviations.
        force: whether to overwrite an existing file.

    Raises:
        InrError: another suffix, an existing file without `force`, or one that cannot be written.
    """
    path = checked_png(path, "a sheet", force=force)
    seen = picture(mean, domain).copy()
    seen[unseen] = UNKNOWN
    # as one picture, so that errors and deviations have the same tones
    others = np.concatenate([mean + deviation, mean if truth is None else truth])
    tones, factor = error_picture(np.concatenate([mean, mean]), others, domain)
    spread, error = np.split(tones, 2)
    rows = [
        [
            Panel(fitted(seen, _SIDE), "seen", f"{np.mean(~unseen):.1%}"),
            Panel(fitted(picture(mean, domain), _SIDE), "expected"),
            Panel(fitted(spread, _SIDE), "standard deviation", f"x{factor}"),
        ]
    ]
    if truth is not None:
        rows.append(
            [Panel(fitted(picture(truth, domain), _SIDE), "truth"), Panel(fitted(error, _SIDE), "error", f"x{factor}")]
        )
    if len(samples):
        rows.append(
            [Panel(fitted(picture(each, domain), _SIDE), f"draw {place + 1}") for place, each in enumerate(samples)]
        )
    with replacing(path, force=force) as temporary:
        page(title, rows).save(temporary, format="PNG")
