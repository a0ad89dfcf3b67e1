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
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import inr
import inr.compression

# a name, and what makes the bytes
Case = tuple[str, Callable[[], bytes]]
PICTURE = Path(__file__).resolve().parents[1] / "examples" / "chelsea.png"


def picture() -> inr.Signal:
    """A part of the example picture, 48 x 64."""
    from PIL import Image

    return inr.Signal.from_array(np.asarray(Image.open(PICTURE))[100:148, 120:184].copy())


def grey(rows: slice = slice(None), columns: slice = slice(None)) -> inr.Signal:
    """One channel of it or of a part, in float32."""
    part = picture().array[rows, columns, 1]
    return inr.Signal.from_array(np.ascontiguousarray(part).astype(np.float32) / 255)


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


def fits(folder: Path) -> Iterator[Case]:
    """Files of fields after a few steps."""
    for name, options in FITS.items():
        yield f"fit {name}", partial(fitted, folder, options)
    yield "fit volume", lambda: saved(inr.fit(volume(), steps=30), folder)
    yield "fit until a psnr", lambda: saved(inr.fit(grey(), psnr=25, steps=400), folder)


def fitted(folder: Path, options: dict[str, Any]) -> bytes:
    """The file of a field that was fitted to the picture."""
    return saved(inr.fit(picture(), steps=40, seed=3, **options), folder)


def saved(field: inr.Field, folder: Path) -> bytes:
    """The file of a field."""
    field.save(folder / "field.inr", force=True)
    return (folder / "field.inr").read_bytes()


def codecs(folder: Path) -> Iterator[Case]:
    """Compressed files, and what is decoded from them."""
    options = {"mlp": 600, "mlp:sphere=true": 600, "ani": 1500, "coin": 2000, "doh": 600}
    for codec, size in options.items():
        compressed = cache(partial(inr.compress, picture(), codec=codec, bytes=size, steps=240, seed=5))
        yield f"compress {codec}", compressed
        yield f"decompress {codec}", partial(decoded, compressed)
    yield "compress by soap", lambda: inr.compress(grey(), codec="mlp", bytes=300, steps=400)
    yield "compress small, refined", lambda: inr.compress(grey(slice(16), slice(16)), codec="mlp", bytes=80, steps=1000)
    yield "compress to a psnr", lambda: inr.compress(grey(), codec="mlp", psnr=24, steps=60)
    for steps in (0, 60):
        yield f"recompress {steps}", partial(recompressed, steps)
    yield "recompress a grid", recompressed_grid


def decoded(compressed: Callable[[], bytes]) -> bytes:
    """The samples in a file."""
    return inr.decompress(compressed(), engine="eager").tobytes()


def recompressed(steps: int) -> bytes:
    """A small field with rounded weights."""
    field = inr.fit(picture(), activation="sine", network="mlp:depth=2,width=24", steps=60)
    return inr.compression.recompress(field, signal=picture(), bytes=1500, steps=steps).data


def recompressed_grid() -> bytes:
    """The usual field with rounded weights, from what it renders itself."""
    return inr.compression.recompress(inr.fit(picture(), steps=60), bytes=4000, steps=30).data


COMMANDS = {
    "inr fit": (("fit", "picture.png", "--steps", "30", "--no-comparison", "-o", "fit.inr"), "fit.inr"),
    "inr render": (("render", "fit.inr", "--size", "100x80", "-o", "large.png"), "large.png"),
    "inr compress": (("compress", "picture.png", "--bytes", "500", "--steps", "60", "-o", "first.inr"), "first.inr"),
    "inr compress --initial": (
        ("compress", "picture.png", "--bytes", "500", "--steps", "60", "--initial", "first.inr", "-o", "second.inr"),
        "second.inr",
    ),
    "inr decompress --initial": (
        ("decompress", "second.inr", "--initial", "first.inr", "-o", "decoded.png"),
        "decoded.png",
    ),
    "inr fit --solver closed-form": (
        ("fit", "picture.png", "--solver", "closed-form", "--network", "kronecker", "--no-comparison", "-o", "k.inr"),
        "k.inr",
    ),
}


def commands(folder: Path) -> Iterator[Case]:
    """Files that the command line writes, each in need of those before."""
    from PIL import Image

    Image.fromarray(picture().array).save(folder / "picture.png")
    for name, (words, output) in COMMANDS.items():
        yield name, partial(written, folder, words, output)


def written(folder: Path, words: tuple[str, ...], output: str) -> bytes:
    """What a command writes."""
    start = "import sys, inr.cli; sys.argv[0] = 'inr'; inr.cli.main()"
    subprocess.run([sys.executable, "-c", start, *words], check=True, capture_output=True, cwd=folder)
    return (folder / output).read_bytes()


def main() -> None:
    """Print a line for every case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="cases whose names contain this")
    only = parser.parse_args().only
    warnings.simplefilter("ignore")
    torch.set_num_threads(2)
    kinds: tuple[Callable[[Path], Iterator[Case]], ...] = fits, codecs, commands
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            for name, made in kind(Path(folder)):
                if only in name:
                    data = made()
                    print(f"{hashlib.sha256(data).hexdigest()[:16]}  {len(data):8}  {name}", flush=True)


if __name__ == "__main__":
    main()
