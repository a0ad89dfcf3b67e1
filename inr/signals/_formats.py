"""What can be read, in words: one list for messages and for the help of the command line; and as what."""

from typing import Literal

# what is learned of a shape: signed distances, what is inside, or a distance that is found from points alone
ShapeAs = Literal["sdf", "occupancy", "eikonal"]

SUPPORTED = (
    "images (PNG, JPEG, WebP, TIFF, JPEG XL, AVIF, JPEG 2000, HDR, BMP, PPM, PFM, TGA, DICOM and more), audio (WAV, "
    "FLAC, AIFF, CAF, OGG, MP3, M4A and more), video (MP4, MOV, MKV, WebM, AVI, animated GIF, PNG and WebP, a folder "
    "of numbered frames), volumes (.npy, .npz, NIfTI), arrays with coordinates (NetCDF, HDF5, Zarr, GRIB), scattered "
    "samples (.npz with coords and values), and shapes (OBJ, PLY, STL, OFF, GLB, points with normals as PLY, .xyz or "
    ".npz)"
)
