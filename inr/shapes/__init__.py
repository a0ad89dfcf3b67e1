"""Shapes as fields: meshes and curves of them, pictures, and how close they come to what they were fitted to."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.shapes._implicit import Implicit as Implicit
    from inr.shapes._implicit import implicit as implicit
    from inr.shapes._implicit import slope_bound as slope_bound
    from inr.shapes._mesh import mesh as mesh
    from inr.shapes._outline import outline as outline

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Implicit": "._implicit",
        "implicit": "._implicit",
        "mesh": "._mesh",
        "outline": "._outline",
        "slope_bound": "._implicit",
    },
)
