"""Pictures and slices from data that are not their samples, each beside its classical methods."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.reconstruction._blur import Blur as Blur
    from inr.reconstruction._blur import gaussian_kernel as gaussian_kernel
    from inr.reconstruction._composite import composite as composite
    from inr.reconstruction._ct import ct as ct
    from inr.reconstruction._ct import tomography as tomography
    from inr.reconstruction._ct_classical import sart as sart
    from inr.reconstruction._ct_filter import Ramp as Ramp
    from inr.reconstruction._ct_filter import filtered_backprojection as filtered_backprojection
    from inr.reconstruction._ct_filter import noise_level as noise_level
    from inr.reconstruction._fourier import MaskedFourier as MaskedFourier
    from inr.reconstruction._fourier import density_mask as density_mask
    from inr.reconstruction._fourier import line_mask as line_mask
    from inr.reconstruction._mri import magnetic_resonance as magnetic_resonance
    from inr.reconstruction._mri import mri as mri
    from inr.reconstruction._noise import estimate_noise as estimate_noise
    from inr.reconstruction._phantoms import Ellipse as Ellipse
    from inr.reconstruction._phantoms import fourier_samples as fourier_samples
    from inr.reconstruction._phantoms import line_integrals as line_integrals
    from inr.reconstruction._phantoms import sampled as sampled
    from inr.reconstruction._phantoms import shepp_logan as shepp_logan
    from inr.reconstruction._pixels import denoise as denoise
    from inr.reconstruction._pixels import inpaint as inpaint
    from inr.reconstruction._poisson import gradients as gradients
    from inr.reconstruction._poisson import laplacian as laplacian
    from inr.reconstruction._problem import Classical as Classical
    from inr.reconstruction._problem import Method as Method
    from inr.reconstruction._problem import Problem as Problem
    from inr.reconstruction._problem import Reconstruction as Reconstruction
    from inr.reconstruction._projector import Projector as Projector
    from inr.reconstruction._projector_geometry import Scan as Scan
    from inr.reconstruction._projector_quadrature import Quadrature as Quadrature
    from inr.reconstruction._reconstruct import TASKS as TASKS
    from inr.reconstruction._reconstruct import problem as problem
    from inr.reconstruction._reconstruct import reconstruct as reconstruct
    from inr.reconstruction._sensor import deblur as deblur
    from inr.reconstruction._sensor import superresolve as superresolve
    from inr.reconstruction._total_variation import tv_reconstruct as tv_reconstruct

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Blur": "._blur",
        "Classical": "._problem",
        "Ellipse": "._phantoms",
        "MaskedFourier": "._fourier",
        "Method": "._problem",
        "Problem": "._problem",
        "Projector": "._projector",
        "Quadrature": "._projector_quadrature",
        "Ramp": "._ct_filter",
        "Reconstruction": "._problem",
        "Scan": "._projector_geometry",
        "TASKS": "._reconstruct",
        "composite": "._composite",
        "ct": "._ct",
        "deblur": "._sensor",
        "denoise": "._pixels",
        "density_mask": "._fourier",
        "estimate_noise": "._noise",
        "filtered_backprojection": "._ct_filter",
        "fourier_samples": "._phantoms",
        "gaussian_kernel": "._blur",
        "gradients": "._poisson",
        "inpaint": "._pixels",
        "laplacian": "._poisson",
        "line_integrals": "._phantoms",
        "line_mask": "._fourier",
        "magnetic_resonance": "._mri",
        "mri": "._mri",
        "noise_level": "._ct_filter",
        "problem": "._reconstruct",
        "reconstruct": "._reconstruct",
        "sampled": "._phantoms",
        "sart": "._ct_classical",
        "shepp_logan": "._phantoms",
        "superresolve": "._sensor",
        "tomography": "._ct",
        "tv_reconstruct": "._total_variation",
    },
)
