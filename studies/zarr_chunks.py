"""Bytes of Zarr's chunks within a bound on the error: the codec of `inr.zarr` beside what Zarr and numcodecs have.

    python -m studies.zarr_chunks --shared DIR

Five maps of ERA5's temperature at 2 m, 46 x 90 float32 in K, each a chunk: without loss by Zarr's default compressor,
rounded by numcodecs' FixedScaleOffset to multiples of twice the bound in 16 bits and compressed by the same, and by
codec "inr". Writes studies/results/zarr_chunks.tsv.
"""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs.numcodecs import FixedScaleOffset
from zarr.storage import MemoryStore

from inr.compression import latent_files
from inr.container import loads
from inr.zarr import FieldCodec

RESULTS = Path(__file__).parent / "results" / "zarr_chunks.tsv"
BOUNDS = (0.1, 0.5, 2.0, 5.0)  # K


def stored(maps: np.ndarray, **codecs: Any) -> tuple[list[bytes], float]:
    """The chunks of maps, and the largest error of what is read from them."""
    store = MemoryStore()
    array = zarr.create_array(store, data=maps, chunks=(1, *maps.shape[1:]), **codecs)
    error = float(np.abs(array[:].astype(np.float64) - maps).max())
    return [each.to_bytes() for key, each in store._store_dict.items() if key.startswith("c/")], error


def form(chunk: bytes) -> str:
    """Which of its forms a chunk of codec "inr" has."""
    header = loads(chunk).header
    return "field" if latent_files.is_latent(header) else "rounded" if "rounded" in header else "exact"


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shared", type=Path, required=True, help="the folder with geo/era5_t2m_coinpp.npz")
    parser.add_argument("--steps", type=int, default=0, help="of the fit of a field; 0 tries none")
    options = parser.parse_args()
    maps = np.load(options.shared / "geo" / "era5_t2m_coinpp.npz")["t2m_kelvin"]
    rows = ["bound_K\tcodec\tbytes\tlargest_error_K\tchunks"]

    def told(bound: float, name: str, found: tuple[list[bytes], float], forms: str = "") -> None:
        chunks, error = found
        rows.append(f"{bound:g}\t{name}\t{sum(map(len, chunks))}\t{error:.4g}\t{forms}")
        print(rows[-1], flush=True)
        RESULTS.write_text("\n".join(rows) + "\n", encoding="utf-8")

    told(0, "zstd", stored(maps))
    for bound in BOUNDS:
        scale = 1 / (2 * bound)
        rounded = FixedScaleOffset(offset=float(maps.min()), scale=scale, dtype="f4", astype="i2")
        told(bound, "FixedScaleOffset, zstd", stored(maps, filters=[rounded]))
        codec = FieldCodec(max_error=bound, steps=options.steps)
        found = stored(maps, serializer=codec, compressors=None)
        forms = Counter(map(form, found[0]))
        told(bound, f"inr, {options.steps} steps", found, ", ".join(f"{n} {name}" for name, n in forms.items()))


if __name__ == "__main__":
    main()
