"""What a scanner measured, and its geometry, as users give them."""

from pathlib import Path
from typing import Any

import numpy as np

from inr._errors import InrError
from inr._tensor import as_numpy
from inr.reconstruction._inputs import load_arrays, read_arrays
from inr.reconstruction._projector_geometry import Beam, Scan
from inr.signals import open as open_signal


def read_sinogram(given: Any, names: set[str], told: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The sinogram, and its geometry, as arguments tell it and where they do not as the file does.

    Args:
        given: as of `tomography`.
        names: of the arrays in it; empty where it is an array or the path of a picture.
        told: arguments by name, None where nothing was given; angles may be the path of a file of them.

    Returns:
        The sinogram, (views, …, detectors), and the geometry by the same names.

    Raises:
        InrError: arrays without a sinogram, or a file that cannot be read.
    """
    if isinstance(told["angles"], str | Path):
        told = {**told, "angles": _read_angles(Path(told["angles"]))}
    if names:
        if "sinogram" not in names:
            raise InrError(f"the data holds {', '.join(sorted(names))}, but no sinogram")
        wanted = [
            name
            for name in ("sinogram", "angles", "source", "detector", "pitch", "offset", "row_pitch")
            if name in names
        ]
        arrays = read_arrays(given, wanted)
        held: dict[str, Any] = {
            name: array if name == "angles" else float(array.reshape(-1)[0])
            for name, array in arrays.items() if name != "sinogram"
        }  # fmt: skip
        if "geometry" in names:
            held["geometry"] = str(load_arrays(given, ["geometry"])["geometry"])
        return arrays["sinogram"], {key: held.get(key) if value is None else value for key, value in told.items()}
    if isinstance(given, str | Path):
        signal = open_signal(given)
        given = signal.array[..., 0]
    return given, told


def _read_angles(path: Path) -> np.ndarray:
    """Angles in a file of numbers."""
    try:
        return np.load(path, allow_pickle=False) if path.suffix == ".npy" else np.loadtxt(path, ndmin=1)
    except (OSError, ValueError) as error:
        raise InrError(f"{path} is no file of angles, one number a view: {error}") from None


def scan_of(
    measured: np.ndarray,
    *,
    angles: Any,
    geometry: Beam | str | None,
    source: float | None,
    detector: float | None,
    pitch: float | None,
    offset: float | None,
    row_pitch: float | None,
) -> Scan:
    """The geometry that goes with measurements.

    Args:
        measured: (views, detectors), or (views, rows, detectors) of a cone beam.
        angles: of the views, in degrees.
        geometry, source, detector, pitch, offset, row_pitch: as of `tomography`.

    Raises:
        InrError: no angles, another number of them than of views, or measurements of another number of axes.
    """
    beam = geometry or "parallel"
    if angles is None:
        raise InrError("a sinogram needs the angles of its views, in degrees")
    directions = as_numpy(angles)
    if directions.dtype.kind not in "fiu":
        raise InrError("angles are real numbers, in degrees")
    axes = 3 if beam == "cone" else 2
    if measured.ndim != axes:
        what = "(views, rows, detectors)" if axes == 3 else "(views, detectors)"
        raise InrError(f"the sinogram of a {beam} beam is {what}, not {tuple(measured.shape)}")
    if len(measured) != directions.size:
        turned = "; it looks transposed: rows are views" if measured.shape[-1] == directions.size else ""
        raise InrError(f"the sinogram has {len(measured)} views, but there are {directions.size} angles{turned}")
    rows = measured.shape[1] if axes == 3 else 1
    return Scan(
        directions.reshape(-1), measured.shape[-1], beam, 1.0 if pitch is None else pitch, offset or 0.0, source,
        detector, rows, row_pitch,
    )  # fmt: skip
