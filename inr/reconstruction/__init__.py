"""Pictures and slices from data that are not their samples, each beside classical methods."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.reconstruction._blur import Blur as Blur
    from inr.reconstruction._blur import gaussian_kernel as gaussian_kernel
    from inr.reconstruction._composite import composite as composite
    from inr.reconstruction._noise import estimate_noise as estimate_noise
    from inr.reconstruction._pixels import denoise as denoise
    from inr.reconstruction._pixels import inpaint as inpaint
    from inr.reconstruction._poisson import gradients as gradients
    from inr.reconstruction._poisson import laplacian as laplacian
    from inr.reconstruction._problem import Classical as Classical
    from inr.reconstruction._problem import Method as Method
    from inr.reconstruction._problem import Problem as Problem
    from inr.reconstruction._problem import Reconstruction as Reconstruction
    from inr.reconstruction._reconstruct import TASKS as TASKS
    from inr.reconstruction._reconstruct import problem as problem
    from inr.reconstruction._reconstruct import reconstruct as reconstruct
    from inr.reconstruction._reconstruct import with_parts as with_parts
    from inr.reconstruction._sensor import deblur as deblur
    from inr.reconstruction._sensor import superresolve as superresolve

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Blur": "._blur",
        "Classical": "._problem",
        "Method": "._problem",
        "Problem": "._problem",
        "Reconstruction": "._problem",
        "TASKS": "._reconstruct",
        "composite": "._composite",
        "deblur": "._sensor",
        "denoise": "._pixels",
        "estimate_noise": "._noise",
        "gaussian_kernel": "._blur",
        "gradients": "._poisson",
        "inpaint": "._pixels",
        "laplacian": "._poisson",
        "problem": "._reconstruct",
        "reconstruct": "._reconstruct",
        "superresolve": "._sensor",
        "with_parts": "._reconstruct",
    },
)
