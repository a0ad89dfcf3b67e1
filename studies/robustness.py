"""What damage costs: weights hit by noise, flipped bits and lost sections, for the codecs here and for JPEG.

Pictures are compressed by every codec to about as many bytes. Then, several times each:

- flips: bits of the payload are flipped at random, at rates of 1e-5 to 1e-2. "checked" is what a reader gets: checksums
  find every flip, so the section is left out, or the file refused. "unchecked" is what would be decoded if checksums
  were put right again: the file's own weakness. JPEG has no checksums; its first 600 bytes, the tables, are spared, as
  are those of ours before the payload.
- noise: Gaussian noise is added to the decoded weights, of 1e-3 to 1e-1 times their root mean square by tensor.
- lost: enhancement sections are dropped, from the last one on.

Figures are means of PSNR in dB over the files that decode; the report has how that differs from the file as it was,
mean over pictures; files that do not decode are counted apart.

    python -m studies.robustness --data DIR [--pictures kodim11 …] [--size 192x128] [--bytes 3000] [--steps 3000]
        [--codecs mlp …] [--report]

It supports the choice of checksums for every section of a file. DIR holds the folder kodak. Most of its time are the
fits, one a picture and codec. What a codec's files of a picture come to is kept in results/robustness.tsv as it is
found, and not made again; `--report` only writes results/robustness.md anew.
"""

import argparse
import functools
import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage.transform import resize

import inr
from inr import container
from inr.bench import machine
from inr.bench.tables import Row, append, origin, read
from inr.compression import compress, decode, sample
from inr.compression.codecs import codecs
from studies import RESULTS
from studies.metrics import psnr

RATES = (1e-5, 1e-4, 1e-3, 1e-2)
SPREADS = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
SPARED = 600  # of a JPEG file, which are tables
PICTURES = ("kodim11", "kodim23")
COLUMNS = ("picture", "size", "steps", "codec", "bytes", "damage", "strength", "psnr", "decoded", "trials")


def flipped(data: bytes, rate: float, rng: np.random.Generator, start: int = 0) -> bytes:
    """Data with bits from byte `start` on flipped at a rate; at least one."""
    bits = np.unpackbits(np.frombuffer(data[start:], dtype=np.uint8))
    hit = rng.random(bits.size) < rate
    hit[rng.integers(bits.size)] |= not hit.any()
    return data[:start] + np.packbits(bits ^ hit).tobytes()


def checked(data: bytes) -> np.ndarray | None:
    """What a reader decodes; None where it refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return sample(decode(data), engine="eager")
        except inr.InrError:
            return None


def resealed(data: bytes, rate: float, rng: np.random.Generator) -> bytes:
    """The file with bits of its payloads flipped, and checksums that agree."""
    contents = container.loads(data)
    sections = []
    for section in contents.sections.values():
        payload = flipped(section.tensors["payload"].tobytes(), rate, rng)
        tensors = {"payload": np.frombuffer(payload, dtype=np.uint8)}
        sections.append(container.Section(section.name, tensors, section.coding, section.base))
    return container.dumps(contents.header, sections)


def noisy(data: bytes, spread: float, rng: np.random.Generator) -> np.ndarray:
    """What is decoded from weights with noise on them."""
    field = decode(data)
    with torch.no_grad():
        for parameter in field.parameters():
            noise = torch.from_numpy(rng.normal(size=tuple(parameter.shape)).astype(np.float32))
            parameter += spread * float(parameter.square().mean().sqrt()) * noise
    return sample(field, engine="eager")


def as_jpeg(pixels: np.ndarray, size: int) -> bytes:
    """The largest optimised JPEG of at most so many bytes."""
    best = b""
    for quality in range(1, 96):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality, optimize=True)
        if len(file.getvalue()) > size and best:
            break
        best = file.getvalue()
    return best


def from_jpeg(data: bytes, shape: tuple[int, ...]) -> np.ndarray | None:
    """What Pillow decodes, damaged files too; None where it refuses."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            pixels = np.asarray(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError):
        return None
    return pixels if pixels.shape == shape else None


class Victim:
    """A codec's file of a picture, to be damaged again and again.

    Args:
        restore: pixels from a file's bytes, None where they are refused.
    """

    def __init__(
        self, name: str, data: bytes, pixels: np.ndarray, trials: int, restore: Callable[[bytes], np.ndarray | None]
    ) -> None:
        self.name, self.data = name, data
        self._pixels, self._trials, self._restore = pixels, trials, restore

    def sound(self) -> Row:
        """The file as it is."""
        return self._row("none", "", [self._restore(self.data)])

    def flips(self, what: str, rate: float, flip: Callable[[bytes, float, np.random.Generator], bytes]) -> Row:
        """Bits flipped at a rate."""
        damaged = [flip(self.data, rate, np.random.default_rng(trial)) for trial in range(self._trials)]
        return self._row(what, f"{rate:g}", [self._restore(each) for each in damaged])

    def noise(self, spread: float) -> Row:
        """Noise on the weights."""
        rngs = [np.random.default_rng(trial) for trial in range(self._trials)]
        return self._row("noise", f"{spread:g}", [noisy(self.data, spread, rng) for rng in rngs])

    def lost(self) -> Iterator[Row]:
        """One enhancement section after the other dropped, from the last one on."""
        contents = container.loads(self.data)
        end = len(self.data)
        for count, entry in enumerate(reversed(contents.table[1:]), 1):
            end -= entry.size
            yield self._row("lost sections", str(count), [self._restore(self.data[:end])]) | {"bytes": str(end)}

    def _row(self, damage: str, strength: str, found: list[np.ndarray | None]) -> Row:
        good = [psnr(self._pixels, each, 255) for each in found if each is not None]
        told = f"{np.mean(good):.2f}" if good else ""
        return {
            "codec": self.name, "bytes": str(len(self.data)), "damage": damage, "strength": strength, "psnr": told,
            "decoded": str(len(good)), "trials": str(len(found)),
        }  # fmt: skip


def rows(name: str, pixels: np.ndarray, options: argparse.Namespace) -> Iterator[Row]:
    """A codec's figures for a picture."""
    if name == "jpeg":
        restore = functools.partial(from_jpeg, shape=pixels.shape)
        jpeg = Victim(name, as_jpeg(pixels, options.bytes), pixels, options.trials, restore)
        yield jpeg.sound()
        for rate in RATES:
            yield jpeg.flips("flips, unchecked", rate, functools.partial(flipped, start=SPARED))
        return
    signal = inr.Signal.from_array(pixels)
    data = compress(signal, codec=name, bytes=options.bytes, steps=options.steps, engine=options.engine)
    victim = Victim(name, data, pixels, options.trials, checked)
    start = container.loads(data).header_size
    yield victim.sound()
    for rate in RATES:
        yield victim.flips("flips, checked", rate, functools.partial(flipped, start=start))
    for rate in RATES:
        yield victim.flips("flips, unchecked", rate, resealed)
    yield from map(victim.noise, SPREADS)
    yield from victim.lost()


def study(options: argparse.Namespace, table: Path) -> None:
    """Damage what the table lacks."""
    width, height = map(int, options.size.split("x"))
    done = {(row["picture"], row["codec"]) for row in read(table)}
    for picture in options.pictures:
        pixels = inr.open(options.data / "kodak" / f"{picture}.png").array
        pixels = (resize(pixels, (height, width), anti_aliasing=True) * 255).round().astype(np.uint8)
        for codec in (*options.codecs, "jpeg"):
            if (picture, codec) in done:
                continue
            around = {"picture": picture, "size": options.size, "steps": str(options.steps)}
            # a codec's rows all at once, so that what stands in the table is whole
            for row in [*rows(codec, pixels, options)]:
                append(table, COLUMNS, around | row, machine.describe())
            print(f"{picture}: {codec}", flush=True)


def report(table: Path) -> str:
    """The table for people."""
    found = read(table)
    pictures, sizes, steps = (", ".join(dict.fromkeys(row[name] for row in found)) for name in COLUMNS[:3])
    trials = max(int(row["trials"]) for row in found)
    lines = [
        "# What damage costs",
        "",
        f"`python -m studies.robustness --data DIR`: {pictures} at {sizes}, {steps} steps, {trials} trials.",
        origin(table),
        "",
        "PSNR of the files as they are; then strength of damage, by how much it changes that where files decode, and",
        "in brackets how many do, all where there is none. Bytes are the whole file's. Means over the pictures.",
        "",
        "| codec | bytes | damage | " + " | ".join(str(column + 1) for column in range(len(SPREADS))) + " |",
        "|---|---|---|" + "---|" * len(SPREADS),
    ]
    for codec in dict.fromkeys(row["codec"] for row in found):
        sound = {row["picture"]: row for row in found if (row["codec"], row["damage"]) == (codec, "none")}
        for damage in dict.fromkeys(row["damage"] for row in found):
            alike = [row for row in found if (row["codec"], row["damage"]) == (codec, damage)]
            strengths = dict.fromkeys(row["strength"] for row in alike)
            cells = [_cell([row for row in alike if row["strength"] == each], sound) for each in strengths]
            if cells:
                size = f"{np.mean([int(row['bytes']) for row in sound.values()]):,.0f}"
                told = cells + [""] * (len(SPREADS) - len(cells))
                lines.append(f"| {codec} | {size} | {damage} | " + " | ".join(told) + " |")
    return "\n".join(lines) + "\n"


def _cell(rows: list[Row], sound: Mapping[str, Row]) -> str:
    """What one strength of damage does, over the pictures."""
    if rows[0]["damage"] == "none":
        return f"{np.mean([float(row['psnr']) for row in rows]):.2f} dB"
    decoded, trials = (sum(int(row[name]) for row in rows) for name in ("decoded", "trials"))
    strength = f"{rows[0]['strength']}: "
    if not decoded:
        return f"{strength}refused"
    lost = [float(row["psnr"]) - float(sound[row["picture"]]["psnr"]) for row in rows if row["psnr"]]
    return f"{strength}{np.mean(lost):+.2f}" + (f" ({decoded} of {trials})" if decoded < trials else "")


def main() -> None:
    """Parse the command line, damage, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--pictures", nargs="+", default=list(PICTURES))
    parser.add_argument("--size", default="192x128")
    parser.add_argument("--bytes", type=int, default=3_000)
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--codecs", nargs="+", default=[name for name in codecs.names() if name != "weights"])
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--report", action="store_true")
    options = parser.parse_args()
    table = options.results / "robustness.tsv"
    if not options.report:
        study(options, table)
    text = report(table)
    (options.results / "robustness.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
