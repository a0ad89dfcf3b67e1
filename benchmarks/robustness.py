"""What damage costs: weights hit by noise, flipped bits and lost sections, for the codecs here and for JPEG.

A picture is compressed by every codec to about as many bytes. Then, several times each:

- flips: bits of the payload are flipped at random, at rates of 1e-5 to 1e-2. "checked" is what a reader gets: checksums
  find every flip, so the section is left out, or the file refused. "unchecked" is what would be decoded if checksums
  were put right again: the file's own weakness. JPEG has no checksums; its first 600 bytes, the tables, are spared, as
  are those of ours before the payload.
- noise: Gaussian noise is added to the decoded weights, of 1e-3 to 1e-1 times their root mean square by tensor.
- lost: enhancement sections are dropped, from the last one on.

Figures are means of PSNR in dB over the files that decode; a picture that does not decode is counted apart.

    python benchmarks/robustness.py --data DIR [--picture kodim23] [--size 192x128] [--bytes 3000] [--steps 3000]

DIR holds the folder kodak. Writes results/robustness.tsv and results/robustness.md.
"""

import argparse
import csv
import functools
import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch
from compressed.measure import psnr
from PIL import Image
from skimage.transform import resize

import inr
from inr import container
from inr.compression import codecs, decode, encode, sample

RATES = (1e-5, 1e-4, 1e-3, 1e-2)
SPREADS = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
SPARED = 600  # of a JPEG file, which are tables
COLUMNS = ["codec", "bytes", "damage", "strength", "psnr", "decoded", "trials"]
Row = dict[str, Any]


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
            yield self._row("lost sections", str(count), [self._restore(self.data[:end])]) | {"bytes": end}

    def _row(self, damage: str, strength: str, found: list[np.ndarray | None]) -> Row:
        good = [psnr(self._pixels, each, 255) for each in found if each is not None]
        told = f"{np.mean(good):.2f}" if good else ""
        return {
            "codec": self.name, "bytes": len(self.data), "damage": damage, "strength": strength, "psnr": told,
            "decoded": len(good), "trials": len(found),
        }  # fmt: skip


def rows(pixels: np.ndarray, options: argparse.Namespace) -> Iterator[Row]:
    """Every codec's figures, one after the other."""
    signal = inr.Signal.from_array(pixels)
    for name in options.codecs:
        data = encode(signal, codec=name, bytes=options.bytes, steps=options.steps, engine=options.engine).data
        victim = Victim(name, data, pixels, options.trials, checked)
        start = container.loads(data).header_size
        yield victim.sound()
        for rate in RATES:
            yield victim.flips("flips, checked", rate, functools.partial(flipped, start=start))
        for rate in RATES:
            yield victim.flips("flips, unchecked", rate, resealed)
        yield from map(victim.noise, SPREADS)
        yield from victim.lost()
    jpeg = Victim(
        "jpeg", as_jpeg(pixels, options.bytes), pixels, options.trials,
        functools.partial(from_jpeg, shape=pixels.shape),
    )  # fmt: skip
    yield jpeg.sound()
    for rate in RATES:
        yield jpeg.flips("flips, unchecked", rate, functools.partial(flipped, start=SPARED))


def write(found: list[Row], options: argparse.Namespace, folder: Path) -> str:
    """The table for people, and the rows."""
    with (folder / "robustness.tsv").open("w", newline="") as file:
        file.write(f"# {machine.describe()}\n")
        writer = csv.DictWriter(file, COLUMNS, delimiter="\t", restval="")
        writer.writeheader()
        writer.writerows(found)
    lines = [
        "# What damage costs",
        "",
        f"`python benchmarks/robustness.py --data DIR`: {options.picture} at {options.size}, about {options.bytes}",
        f"bytes, {options.steps} steps, {options.trials} trials. Strength, then mean PSNR in dB over what decodes; in",
        "brackets how many do.",
        "",
        "| codec | bytes | damage | " + " | ".join(str(column + 1) for column in range(len(SPREADS))) + " |",
        "|---|---|---|" + "---|" * len(SPREADS),
    ]
    for codec in dict.fromkeys(row["codec"] for row in found):
        for damage in dict.fromkeys(row["damage"] for row in found):
            cells = [row for row in found if (row["codec"], row["damage"]) == (codec, damage)]
            if cells:
                told = [_cell(row) for row in cells] + [""] * (len(SPREADS) - len(cells))
                lines.append(f"| {codec} | {cells[0]['bytes']} | {damage} | " + " | ".join(told) + " |")
    text = "\n".join(lines) + "\n"
    (folder / "robustness.md").write_text(text)
    return text


def _cell(row: Row) -> str:
    strength = f"{row['strength']}: " if row["strength"] else ""
    if row["decoded"] == 0:
        return f"{strength}refused"
    all_decoded = row["decoded"] == row["trials"]
    return f"{strength}{row['psnr']}" + ("" if all_decoded else f" ({row['decoded']} of {row['trials']})")


def main() -> None:
    """Parse the command line, damage, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--picture", default="kodim23")
    parser.add_argument("--size", default="192x128")
    parser.add_argument("--bytes", type=int, default=3_000)
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--codecs", nargs="+", default=[name for name in codecs.names() if name != "weights"])
    parser.add_argument("--engine", default="auto")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    pixels = inr.open(options.data / "kodak" / f"{options.picture}.png").array
    pixels = (resize(pixels, (height, width), anti_aliasing=True) * 255).round().astype(np.uint8)
    found = []
    for row in rows(pixels, options):
        found.append(row)
        print(*(row.get(column, "") for column in COLUMNS), sep="\t", flush=True)
    print(write(found, options, options.results))


if __name__ == "__main__":
    main()
