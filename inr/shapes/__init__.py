"""Shapes as fields: meshes and curves of them, pictures, and how close they come to what they were fitted to."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.shapes._files import film_format as film_format
    from inr.shapes._files import write_film as write_film
    from inr.shapes._files import write_outline as write_outline
    from inr.shapes._flat import flat_picture as flat_picture
    from inr.shapes._implicit import Implicit as Implicit
    from inr.shapes._implicit import NoSurface as NoSurface
    from inr.shapes._implicit import clearance as clearance
    from inr.shapes._implicit import implicit as implicit
    from inr.shapes._measure import Measures as Measures
    from inr.shapes._measure import Reference as Reference
    from inr.shapes._measure import measure as measure
    from inr.shapes._measure import surface_measures as surface_measures
    from inr.shapes._mesh import mesh as mesh
    from inr.shapes._outline import outline as outline
    from inr.shapes._picture import picture as picture
    from inr.shapes._picture import turntable as turntable
    from inr.shapes._scene import Scene as Scene
    from inr.shapes._views import View as View
    from inr.shapes._views import shape_views as shape_views

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Implicit": "._implicit",
        "clearance": "._implicit",
        "film_format": "._files",
        "flat_picture": "._flat",
        "implicit": "._implicit",
        "Measures": "._measure",
        "NoSurface": "._implicit",
        "Reference": "._measure",
        "measure": "._measure",
        "mesh": "._mesh",
        "outline": "._outline",
        "picture": "._picture",
        "Scene": "._scene",
        "View": "._views",
        "shape_views": "._views",
        "surface_measures": "._measure",
        "turntable": "._picture",
        "write_film": "._files",
        "write_outline": "._files",
    },
)
