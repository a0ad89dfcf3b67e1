"""Triangle meshes and curves as arrays: marching cubes, topology, sampling, files."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.geometry._contours import contours as contours
    from inr.geometry._contours import enclosed_area as enclosed_area
    from inr.geometry._cube_table import CubeTable as CubeTable
    from inr.geometry._cube_table import cube_table as cube_table
    from inr.geometry._marching_cubes import Values as Values
    from inr.geometry._marching_cubes import marching_cubes as marching_cubes
    from inr.geometry._mesh import Mesh as Mesh
    from inr.geometry._surface_samples import SurfaceSamples as SurfaceSamples
    from inr.geometry._surface_samples import sample_surface as sample_surface
    from inr.geometry._topology import Topology as Topology
    from inr.geometry._topology import topology as topology
    from inr.geometry._write_mesh import mesh_format as mesh_format
    from inr.geometry._write_mesh import write_mesh as write_mesh

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "CubeTable": "._cube_table",
        "Mesh": "._mesh",
        "SurfaceSamples": "._surface_samples",
        "Topology": "._topology",
        "Values": "._marching_cubes",
        "contours": "._contours",
        "cube_table": "._cube_table",
        "enclosed_area": "._contours",
        "marching_cubes": "._marching_cubes",
        "mesh_format": "._write_mesh",
        "sample_surface": "._surface_samples",
        "topology": "._topology",
        "write_mesh": "._write_mesh",
    },
)
