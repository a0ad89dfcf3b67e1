"""Classical methods of tomography, with our own projectors, for parallel beams and fans."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32

from inr.reconstruction._ct_filter import filtered_backprojection
from inr.reconstruction._problem import Classical
from inr.reconstruction._projector import Projector
from inr.reconstruction._projector_geometry import Scan
from inr.reconstruction._total_variation import tv_reconstruct

_GOLDEN = (5**0.5 - 1) / 2
_SART_ROUNDS, _TV_STEPS = 20, 500
# strength of the total variation: of the largest line integral, and of the noise
_TV_OF_RANGE, _TV_OF_NOISE = 1e-3, 1.0


def sart(
    scan: Scan,
    sinogram: Float[np.ndarray, "views detectors"],
    shape: Sequence[int],
    extent: float,
    rounds: int = _SART_ROUNDS,
    relaxation: float = 0.5,
) -> Float32[np.ndarray, "*shape"]:
    """The simultaneous algebraic reconstruction technique (Andersen and Kak 1984), bounded from below by 0.

    Args:
        scan: how rays ran.
        sinogram: float (*scan.shape).
        shape: of the picture.
        extent: its width, in the unit of the scan.
        rounds: over all views, one after the other in steps of the golden ratio.
        relaxation: share of each correction.

    Returns:
        float32, per unit of length.
    """
    rays = scan.rays()
    picture = np.zeros(tuple(shape), np.float32)
    views = []
    for view in range(len(rays)):
        projector = Projector(rays[view], shape, extent)
        along, across = projector(np.ones_like(picture)), projector.adjoint(np.ones(projector.measured, np.float32))
        views.append((projector, np.maximum(along, 1e-3 * along.max()), np.maximum(across, 1e-3 * across.max())))
    order = np.argsort(np.arange(len(rays)) * _GOLDEN % 1)
    for _ in range(rounds):
        for view in order:
            projector, along, across = views[view]
            correction = projector.adjoint(((sinogram[view] - projector(picture)) / along).astype(np.float32))
            picture = np.maximum(picture + np.float32(relaxation) * correction / across, 0)
    return picture


def classical_methods(
    scan: Scan, sinogram: Float[np.ndarray, "views detectors"], projector: Projector, noise: float
) -> list[Classical]:
    """What a reconstruction by a field stands beside.

    Args:
        scan, sinogram: the data.
        projector: of the scan's rays, over the picture.
        noise: standard deviation of the sinogram's.
    """
    extent = projector.side * projector.shape[-1]
    strength = _TV_OF_RANGE * float(np.abs(sinogram).max()) + _TV_OF_NOISE * noise

    def fbp() -> np.ndarray:
        return filtered_backprojection(scan, sinogram, projector)[..., None]

    def algebraic() -> np.ndarray:
        return sart(scan, sinogram, projector.shape, extent)[..., None]

    def variation() -> np.ndarray:
        start = np.zeros(projector.shape, np.float32)
        return tv_reconstruct(projector, projector.adjoint, sinogram, start, strength, _TV_STEPS)[..., None]

    return [
        Classical("FBP", fbp, "Hann's window"),
        Classical("SART", algebraic, f"{_SART_ROUNDS} rounds"),
        Classical("TV", variation, f"Chambolle and Pock, strength {strength:.2g}"),
    ]
