"""Pictures and slices from data that are not their samples, each beside its classical method."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.reconstruction._ct import ct as ct
    from inr.reconstruction._ct import ct_fitter as ct_fitter
    from inr.reconstruction._ct_filter import Ramp as Ramp
    from inr.reconstruction._ct_filter import filtered_backprojection as filtered_backprojection
    from inr.reconstruction._ct_filter import noise_level as noise_level
    from inr.reconstruction._phantoms import Ellipse as Ellipse
    from inr.reconstruction._phantoms import fourier_samples as fourier_samples
    from inr.reconstruction._phantoms import line_integrals as line_integrals
    from inr.reconstruction._phantoms import sampled as sampled
    from inr.reconstruction._phantoms import shepp_logan as shepp_logan
    from inr.reconstruction._poisson import gradients as gradients
    from inr.reconstruction._poisson import laplacian as laplacian
    from inr.reconstruction._projector import Projector as Projector
    from inr.reconstruction._projector_geometry import Scan as Scan
    from inr.reconstruction._projector_quadrature import Quadrature as Quadrature
    from inr.reconstruction._total_variation import total_variation as total_variation
    from inr.reconstruction._total_variation import tv_reconstruct as tv_reconstruct

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Ellipse": "._phantoms",
        "Projector": "._projector",
        "Quadrature": "._projector_quadrature",
        "Ramp": "._ct_filter",
        "Scan": "._projector_geometry",
        "ct": "._ct",
        "ct_fitter": "._ct",
        "filtered_backprojection": "._ct_filter",
        "fourier_samples": "._phantoms",
        "gradients": "._poisson",
        "laplacian": "._poisson",
        "line_integrals": "._phantoms",
        "noise_level": "._ct_filter",
        "sampled": "._phantoms",
        "shepp_logan": "._phantoms",
        "total_variation": "._total_variation",
        "tv_reconstruct": "._total_variation",
    },
)
