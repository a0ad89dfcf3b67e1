"""Triangle meshes and curves as arrays: marching cubes, topology, sampling, files."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.geometry._bvh import build_tree as build_tree
    from inr.geometry._cleaning import FARTHEST as FARTHEST
    from inr.geometry._cleaning import cleaned as cleaned
    from inr.geometry._clearance import Clearance as Clearance
    from inr.geometry._closest import Closest as Closest
    from inr.geometry._closest import closest as closest
    from inr.geometry._contours import contours as contours
    from inr.geometry._contours import enclosed_area as enclosed_area
    from inr.geometry._cube_table import CubeTable as CubeTable
    from inr.geometry._cube_table import cube_table as cube_table
    from inr.geometry._marching_cubes import Values as Values
    from inr.geometry._marching_cubes import candidate_bricks as candidate_bricks
    from inr.geometry._marching_cubes import marching_cubes as marching_cubes
    from inr.geometry._mesh import Mesh as Mesh
    from inr.geometry._order import space_filling as space_filling
    from inr.geometry._orientation import Edges as Edges
    from inr.geometry._orientation import consistent as consistent
    from inr.geometry._orientation import count_edges as count_edges
    from inr.geometry._outline import Outline as Outline
    from inr.geometry._points import OrientedPoints as OrientedPoints
    from inr.geometry._polygons import triangulated as triangulated
    from inr.geometry._rays import first_hits as first_hits
    from inr.geometry._read import read_shape as read_shape
    from inr.geometry._read import shape_format as shape_format
    from inr.geometry._signed import SignedDistance as SignedDistance
    from inr.geometry._surface_samples import SurfaceSamples as SurfaceSamples
    from inr.geometry._surface_samples import sample_surface as sample_surface
    from inr.geometry._topology import Topology as Topology
    from inr.geometry._topology import topology as topology
    from inr.geometry._winding import Windings as Windings
    from inr.geometry._write_mesh import mesh_format as mesh_format
    from inr.geometry._write_mesh import write_mesh as write_mesh

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Clearance": "._clearance",
        "Closest": "._closest",
        "CubeTable": "._cube_table",
        "Edges": "._orientation",
        "FARTHEST": "._cleaning",
        "Mesh": "._mesh",
        "OrientedPoints": "._points",
        "Outline": "._outline",
        "SignedDistance": "._signed",
        "SurfaceSamples": "._surface_samples",
        "Topology": "._topology",
        "Values": "._marching_cubes",
        "Windings": "._winding",
        "build_tree": "._bvh",
        "candidate_bricks": "._marching_cubes",
        "cleaned": "._cleaning",
        "closest": "._closest",
        "consistent": "._orientation",
        "contours": "._contours",
        "count_edges": "._orientation",
        "cube_table": "._cube_table",
        "enclosed_area": "._contours",
        "marching_cubes": "._marching_cubes",
        "first_hits": "._rays",
        "mesh_format": "._write_mesh",
        "read_shape": "._read",
        "sample_surface": "._surface_samples",
        "shape_format": "._read",
        "space_filling": "._order",
        "topology": "._topology",
        "triangulated": "._polygons",
        "write_mesh": "._write_mesh",
    },
)
