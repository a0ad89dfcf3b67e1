"""What can be read, in words: one list for messages and for the help of the command line."""

SUPPORTED = (
    "images (PNG, JPEG, WebP, TIFF, JPEG XL, AVIF, JPEG 2000, HDR, BMP, PPM, PFM, TGA, DICOM and more), audio (WAV, "
    "FLAC, AIFF, CAF, OGG, MP3, M4A and more), video (MP4, MOV, MKV, WebM, AVI, animated GIF, PNG and WebP, a folder "
    "of numbered frames), volumes (.npy, .npz, NIfTI), arrays with coordinates (NetCDF, HDF5, Zarr, GRIB), and "
    "scattered samples (.npz with coords and values)"
)
