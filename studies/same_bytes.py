"""Checksums of what fixed seeds give: run it before and after a change that is to change no result, and compare.

    PYTHONPATH=OLD python studies/same_bytes.py > old.txt
    PYTHONPATH=NEW python studies/same_bytes.py > new.txt
    diff old.txt new.txt

Results are equal on one machine, with one number of threads and one set of library versions; other machines may give
other checksums. It takes about two minutes on two cores.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

import inr
import inr.compression

PICTURE = Path(__file__).resolve().parents[1] / "examples" / "chelsea.png"


def picture() -> inr.Signal:
    """A part of the example picture, 48 x 64."""
    from PIL import Image

    return inr.Signal.from_array(np.asarray(Image.open(PICTURE))[100:148, 120:184].copy())


def grey() -> inr.Signal:
    """One channel of it, in float32."""
    return inr.Signal.from_array(np.ascontiguousarray(picture().array[..., 1]).astype(np.float32) / 255)


def volume() -> inr.Signal:
    """Waves in three axes."""
    x, y, z = np.meshgrid(*(np.linspace(0, 6, size) for size in (12, 14, 16)), indexing="ij")
    return inr.Signal.from_array((np.sin(x) * np.cos(y) + np.sin(z)).astype(np.float32))


# options of a fit by what they show
FITS: dict[str, dict] = {
    "default": {},
    "eager default": {"engine": "eager"},
    "siren": {"activation": "sine"},
    "siren by soap": {"activation": "sine", "optimiser": "soap", "network": "mlp:depth=2,width=32"},
    "siren, eager": {"activation": "sine", "engine": "eager", "network": "mlp:depth=2,width=32"},
    "finer": {"activation": "finer", "network": "mlp:depth=2,width=48"},
    "gabor": {"activation": "gabor", "network": "mlp:depth=2,width=32"},
    "gauss": {"activation": "gaussian", "network": "mlp:depth=2,width=32"},
    "fourier": {"encoding": "fourier:kind=gaussian,sigma=10", "network": "mlp:depth=2,width=64"},
    "sape": {"encoding": "sape:num_blocks=2"},
    "shifted": {"encoding": "shifted"},
    "dense": {"encoding": "dense"},
    "triplane": {"encoding": "triplane"},
    "bacon": {"network": "bacon"},
    "mfn": {"network": "mfn"},
    "cam": {"network": "cam"},
    "split": {"network": "split"},
    "skip": {"network": "skip"},
    "exponential rates": {"activation": "sine", "schedule": "exponential", "learning_rate": 1e-3},
    "rates by part": {"learning_rate": {"encoding": 3e-3, "network": 1e-3}},
    "bfloat16": {"activation": "sine", "engine": "cpu:backward=bfloat16"},
    **{
        f"teacher {name}": {"activation": "sine", "network": "mlp:depth=2,width=32", "teacher": name, "batch": 512}
        for name in ("uniform", "int", "mint", "nint", "evos", "expansive", "soft", "auto")
    },
}


def fits(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Files of fields after a few steps."""
    for name, options in FITS.items():
        yield f"fit {name}", saved(inr.fit(picture(), steps=40, seed=3, **options), folder)
    yield "fit volume", saved(inr.fit(volume(), steps=30), folder)
    yield "fit until a psnr", saved(inr.fit(grey(), psnr=25, steps=400), folder)


def saved(field: inr.Field, folder: Path) -> bytes:
    """The file of a field."""
    field.save(folder / "field.inr", force=True)
    return (folder / "field.inr").read_bytes()


def codecs(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Compressed files, and what is decoded from them."""
    options = {"mlp": 600, "mlp:sphere=true": 600, "ani": 1500, "coin": 2000, "doh": 600}
    for codec, size in options.items():
        data = inr.compress(picture(), codec=codec, bytes=size, steps=240, seed=5)
        yield f"compress {codec}", data
        yield f"decompress {codec}", inr.decompress(data, engine="eager").tobytes()
    yield "compress by soap", inr.compress(grey(), bytes=300, steps=400)
    yield "compress small, refined", inr.compress(grey(), bytes=160, steps=1000)
    yield "compress to a psnr", inr.compress(grey(), psnr=24, steps=60)
    field = inr.fit(picture(), activation="sine", network="mlp:depth=2,width=24", steps=60)
    for steps in (0, 60):
        yield f"recompress {steps}", inr.compression.recompress(field, signal=picture(), bytes=1500, steps=steps).data
    grid = inr.fit(picture(), steps=60)
    yield "recompress a grid", inr.compression.recompress(grid, bytes=4000, steps=30).data


def commands(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Files that the command line writes."""
    from PIL import Image

    Image.fromarray(picture().array).save(folder / "picture.png")

    def run(*words: str) -> None:
        subprocess.run(
            [sys.executable, "-c", "import sys, inr.cli; sys.argv[0] = 'inr'; inr.cli.main()", *words],
            check=True,
            capture_output=True,
            cwd=folder,
        )

    run("fit", "picture.png", "--steps", "30", "--no-comparison", "-o", "fit.inr")
    yield "inr fit", (folder / "fit.inr").read_bytes()
    run("render", "fit.inr", "--size", "100x80", "-o", "large.png")
    yield "inr render", (folder / "large.png").read_bytes()
    run("compress", "picture.png", "--bytes", "500", "--steps", "60", "-o", "first.inr")
    run("compress", "picture.png", "--bytes", "500", "--steps", "60", "--initial", "first.inr", "-o", "second.inr")
    yield "inr compress --initial", (folder / "second.inr").read_bytes()
    run("decompress", "second.inr", "--initial", "first.inr", "-o", "decoded.png")
    yield "inr decompress --initial", (folder / "decoded.png").read_bytes()
    run(
        "fit", "picture.png", "--solver", "closed-form", "--network", "kronecker", "--no-comparison", "-o", "solved.inr"
    )
    yield "inr fit --solver closed-form", (folder / "solved.inr").read_bytes()


def main() -> None:
    """Print a line for every case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="cases whose names contain this")
    only = parser.parse_args().only
    warnings.simplefilter("ignore")
    torch.set_num_threads(2)
    kinds: tuple[Callable[[Path], Iterator[tuple[str, bytes]]], ...] = fits, codecs, commands
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            for name, data in kind(Path(folder)):
                if only in name:
                    print(f"{hashlib.sha256(data).hexdigest()[:16]}  {len(data):8}  {name}", flush=True)


if __name__ == "__main__":
    main()
