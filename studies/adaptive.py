"""What sharing weights between widths costs: the codec "ani" beside a network of each width fitted alone.

All fits of a picture take the same steps of the same batches, with the same learning rate and schedule. Two tables:

- `float`: fits without rounding.
- `coded`: the file's prefixes, and for each a network of that width alone, rounded while it is fitted to as many bytes.

PSNR is of the clipped field on the whole picture, by a pass that belongs to no engine; where there are several seeds it
is their mean.

    python -m studies.adaptive --pictures DIR|FILE … [--size 96x144] [--steps 1500] [--bpp 1.0] [--seeds 0 …]

It supports what docs/compression.md says of codec `ani`; the table there is of one Kodak picture. Writes
results/adaptive.tsv and prints it. A picture and seed are two fits of each width, and two of the file's.
"""

import argparse
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import inr
from inr.bench import machine, tables
from inr.bench.quality import psnr
from inr.compression.bitstream.network import sine_network
from inr.compression.bitstream.slimmable import Slimmable
from inr.compression.codecs.ani import AniCodec
from inr.compression.encoder.network_size import batch_size, learning_rate
from inr.compression.encoder.qat_fit import fit_rounded
from inr.compression.encoder.slimmable_fit import fields_of_widths, slimmable_of_size
from inr.compression.encoder.slimmable_weights import SlimmableWeights
from inr.fitting import Budget, Fitter, Setup, recommended_optimiser
from inr.signals import GridSignal
from studies import RESULTS

COLUMNS = ["picture", "size", "steps", "table", "width", "ani dB", "alone dB", "difference", "bytes of prefix"]
TABLE = RESULTS / "adaptive.tsv"


def reduced(path: Path, size: str) -> GridSignal:
    """A picture scaled to so many rows and columns ("96x144")."""
    high, wide = map(int, size.split("x"))
    with Image.open(path) as picture:
        small = picture.convert("RGB").resize((wide, high), Image.Resampling.LANCZOS)
    return inr.Signal.from_array(np.array(small), kind="image")


def setup(signal: GridSignal, depth: int, width: int, steps: int) -> Setup:
    """A network of one width, fitted as "mlp" and "ani" do it."""
    parts = sine_network(signal.domain, depth, width, sphere=False)
    return Setup(
        *parts,
        batch_size(signal),
        steps,
        learning_rate=learning_rate(signal),
        optimiser=recommended_optimiser(steps),
        lattice_only=True,
    )


def in_float(
    signal: GridSignal, slimmable: Slimmable, steps: int, engine: str, seed: int
) -> Iterator[tuple[int, float, float]]:
    """Width, dB together and dB alone, without rounding."""
    fields = fields_of_widths(signal.domain, slimmable, seed, sphere=False)
    weights = SlimmableWeights(signal, slimmable, fields[:-1], engine=engine, seed=seed)
    widest = setup(signal, slimmable.depth, slimmable.widths[-1], steps)
    fitter = Fitter(signal, widest, Budget(steps=steps), engine=engine, seed=seed, parametrisation=weights)
    for _ in fitter.run():
        pass
    networks = slimmable.networks({name: leaf.cpu() for name, leaf in weights.leaves.items()}, len(fields))
    for width, field, network in zip(slimmable.widths, fields, networks, strict=True):
        field.load_state_dict({**field.state_dict(), **network})
        chosen = setup(signal, slimmable.depth, width, steps)
        alone = Fitter(signal, chosen, Budget(steps=steps), engine=engine, seed=seed)
        for _ in alone.run():
            pass
        yield width, psnr(field, signal), psnr(alone.field.cpu(), signal)


def coded(
    codec: AniCodec, signal: GridSignal, max_bytes: int, steps: int, engine: str, seed: int
) -> Iterator[tuple[int, float, float, int]]:
    """Width, dB of a prefix, dB of as many bytes alone, and the bytes."""
    payloads = {
        each.name: memoryview(each.data)
        for each in codec.encode(signal, max_bytes, steps=steps, engine=engine, seed=seed)
    }
    for count in range(1, len(payloads) + 1):
        prefix = {name: payloads[name] for name in list(payloads)[:count]}
        field = codec.decode(signal.domain, prefix, max_bytes=1 << 30)
        size = sum(map(len, prefix.values()))
        depth, width = field.network.config()["depth"], field.network.config()["width"]
        alone, _ = fit_rounded(signal, setup(signal, depth, width, steps), size, engine=engine, seed=seed)
        yield width, psnr(field, signal), psnr(alone, signal), size


def measured(path: Path, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The rows of a picture."""
    codec, signal = AniCodec(widths=options.widths), reduced(path, options.size)
    max_bytes = int(options.bpp * signal.size / 8)
    slimmable = slimmable_of_size(signal.domain, max_bytes, options.widths, sphere=False)
    runs = {
        "float": [list(in_float(signal, slimmable, options.steps, options.engine, k)) for k in options.seeds],
        "coded": [list(coded(codec, signal, max_bytes, options.steps, options.engine, k)) for k in options.seeds],
    }
    for table, found in runs.items():
        for rows in zip(*found, strict=True):
            width, together, alone, *size = (statistics.fmean(column) for column in zip(*rows, strict=True))
            yield {
                "picture": path.stem, "size": options.size, "steps": options.steps, "table": table,
                "width": round(width), "ani dB": f"{together:.2f}", "alone dB": f"{alone:.2f}",
                "difference": f"{together - alone:+.2f}", "bytes of prefix": round(*size) if size else "",
            }  # fmt: skip


def main() -> None:
    """Measure, print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, nargs="+", required=True, help="files, or folders of PNG files")
    parser.add_argument("--size", default="96x144", help="rows x columns that pictures are scaled to")
    parser.add_argument("--steps", type=int, default=1500, help="of every fit")
    parser.add_argument("--bpp", type=float, default=1.0, help="bits a pixel of all sections")
    parser.add_argument("--widths", type=int, default=3, help="how many")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--engine", default="cpu:threads=1")
    options = parser.parse_args()
    torch.set_num_threads(1)
    paths = [
        path for given in options.pictures for path in (sorted(given.glob("*.png")) if given.is_dir() else [given])
    ]
    rows = []
    for path in paths:
        for row in measured(path, options):
            rows.append(row)
            print(row, flush=True)
    tables.write(
        TABLE, COLUMNS, rows, f"{machine.describe()}; {options.engine}, seeds {', '.join(map(str, options.seeds))}"
    )
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
