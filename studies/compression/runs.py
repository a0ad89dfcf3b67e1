"""Pictures as files of our codecs and of Pillow's, kept in a table as they end."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import inr
from inr import compression
from inr.bench.tables import Ledger, Row
from inr.compression import peers
from inr.compression.codecs import codecs as registry
from inr.signals import GridSignal
from studies import metrics
from studies.compression import anchors

PICTURES = ("kodim01", "kodim10", "kodim11", "kodim19", "kodim23", "kodim24")
COLUMNS = (
    "picture", "codec", "target", "bytes", "bpp", "psnr", "ssim", "ms_ssim", "encode_s", "decode_s", "steps", "seed",
)  # fmt: skip
_KEYS = ("picture", "codec", "target", "steps", "seed")


@dataclass(frozen=True)
class Settings:
    """Where things lie, and how many threads our codecs may take."""

    data: Path
    results: Path
    threads: int = 1

    @property
    def engine(self) -> str:
        """What runs fits."""
        return f"cpu:threads={self.threads}"

    @property
    def runs(self) -> Path:
        """The table of pictures."""
        return self.results / "compression_runs.tsv"

    @property
    def geo(self) -> Path:
        """The table of maps."""
        return self.results / "compression_geo.tsv"

    @property
    def quantised(self) -> Path:
        """The table of quantised fields."""
        return self.results / "compression_quantised.tsv"


def load(data: Path, name: str) -> GridSignal:
    """A picture of Kodak by its name."""
    return inr.open(data / "kodak" / f"{name}.png")


def code_anchors(settings: Settings, pictures: Sequence[str], comment: str) -> None:
    """Measure Pillow's codecs at all their settings that the table lacks."""
    ledger = Ledger(settings.runs, COLUMNS, _KEYS, comment)
    for codec, anchor in anchors.ANCHORS.items():  # the slow ones last, of all pictures
        for name in pictures:
            pixels = load(settings.data, name).array
            for setting in anchor.settings:
                key = {"picture": name, "codec": codec, "target": f"{setting:g}", "steps": "", "seed": ""}
                ledger.once(key, lambda anchor=anchor, setting=setting, pixels=pixels: _anchor(pixels, anchor, setting))
        print(f"{codec}: {len(pictures)} pictures", flush=True)


def warm_up(settings: Settings, codecs: Sequence[str]) -> None:
    """Let kernels be compiled before anything is timed."""
    for codec in codecs:
        compression.compress_and_measure(noise(), codec=codec, bpp=2, steps=5, engine=settings.engine)


def noise() -> GridSignal:
    """A small picture that no codec can do much with."""
    return inr.Signal.from_array(np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8))


def code(
    settings: Settings,
    pictures: Sequence[str],
    codecs: Sequence[str],
    rates: Sequence[float],
    steps: Sequence[int | None],
    seeds: Sequence[int],
    comment: str,
) -> None:
    """Compress pictures by our codecs wherever the table lacks it; steps of None are the codec's own."""
    ledger = Ledger(settings.runs, COLUMNS, _KEYS, comment)
    built = {codec: registry.build(codec) for codec in codecs}  # unknown ones are told before hours of work
    for seed in seeds:
        for given in steps:
            for codec in codecs:
                for rate in rates:
                    for name in pictures:
                        signal = load(settings.data, name)
                        count = given or built[codec].steps(signal)
                        key = {"picture": name, "codec": codec, "target": f"{rate:g}"}
                        key |= {"steps": str(count), "seed": str(seed)}
                        made = ledger.once(key, lambda signal=signal, key=key: _ours(settings, signal, key))
                        if made:
                            print(f"{name}: {codec} at {rate:g} bpp, {count} steps, seed {seed}", flush=True)


def _anchor(pixels: np.ndarray, anchor: peers.Peer, setting: float) -> Row:
    coded = peers.code(pixels, anchor.form, **anchor.given(setting))
    return measured(pixels, coded.pixels, len(coded.data), coded.encode_seconds, coded.decode_seconds)


def _ours(settings: Settings, signal: GridSignal, key: Row) -> Row:
    start = time.perf_counter()
    data = compression.compress_and_measure(
        signal, codec=key["codec"], bpp=float(key["target"]), steps=int(key["steps"]), seed=int(key["seed"]),
        engine=settings.engine,
    ).data  # fmt: skip
    encoded = time.perf_counter()
    decoded = compression.decompress(data, engine=settings.engine)
    return measured(signal.array, decoded, len(data), encoded - start, time.perf_counter() - encoded)


def measured(pixels: np.ndarray, decoded: np.ndarray, size: int, encoding: float, decoding: float) -> Row:
    """The columns of a row that say how large a file is and how good what it decodes to."""
    scales = metrics.ms_ssim(pixels, decoded)
    return {
        "bytes": str(size),
        "bpp": f"{8 * size / (pixels.shape[0] * pixels.shape[1]):.5f}",
        "psnr": f"{metrics.picture_psnr(pixels, decoded):.3f}",
        "ssim": f"{metrics.ssim(pixels, decoded):.5f}",
        "ms_ssim": "" if scales is None else f"{scales:.5f}",
        "encode_s": f"{encoding:.4g}",
        "decode_s": f"{decoding:.4g}",
    }
