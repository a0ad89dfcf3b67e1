"""Codec `latent` on pictures, by preset and quality, kept in a table as runs end."""

import time
from collections.abc import Sequence
from pathlib import Path

import inr
from inr import compression, container
from inr.bench.tables import Ledger, Row
from inr.compression.bitstream.latent.components import read_table
from inr.compression.bitstream.stream import Cursor
from inr.fitting import Event
from inr.signals import from_compact
from studies.compression import runs
from studies.compression.runs import Settings

PRESETS = ("fast", "default", "best")
# From a weight of the rate of 2e-2 to one of 1e-4, nearly: the published points are at these two and three between.
QUALITIES = (14.0, 38.0, 59.0, 72.0, 93.0)
COLUMNS = (
    "picture", "preset", "quality", "bytes", "networks", "bpp", "psnr", "ssim", "ms_ssim", "encode_s", "fit_s",
    "decode_s", "steps", "threads", "seed",
)  # fmt: skip
_KEYS = ("picture", "preset", "quality", "threads", "seed")


def table(settings: Settings) -> Path:
    """The table of runs."""
    return settings.results / "compression_latent.tsv"


def code(
    settings: Settings,
    pictures: Sequence[str],
    presets: Sequence[str],
    qualities: Sequence[float],
    seeds: Sequence[int],
    comment: str,
) -> None:
    """Compress pictures wherever the table lacks it, and say of every run what it came to."""
    ledger = Ledger(table(settings), COLUMNS, _KEYS, comment)
    for seed in seeds:
        for preset in presets:
            for quality in qualities:
                for name in pictures:
                    key = {
                        "picture": name, "preset": preset, "quality": f"{quality:g}",
                        "threads": str(settings.threads), "seed": str(seed),
                    }  # fmt: skip
                    ledger.once(key, lambda key=key: _told(key, _run(settings, key)))


def warm_up(settings: Settings) -> None:
    """Let kernels be compiled before anything is timed."""
    noise = runs.noise()
    data = compression.compress(noise, codec="latent", quality=50, steps=20, engine=settings.engine)
    compression.decompress(data)


def network_bytes(data: bytes) -> int:
    """Bytes of a file that hold the parameters of networks."""
    contents = container.loads(data)
    base = contents.sections["base"].tensors["payload"].tobytes()
    found = read_table(Cursor(memoryview(base)), from_compact(contents.header["domain"]))
    return sum(len(component.networks) for component in found.components)


def _run(settings: Settings, key: Row) -> Row:
    signal = runs.load(settings.data, key["picture"])
    events: list[Event] = []
    start = time.perf_counter()
    fits = compression.FitSeries(on_event=events.append)
    data = compression.compress_and_measure(
        signal, codec="latent", quality=float(key["quality"]), preset=key["preset"], seed=int(key["seed"]),
        engine=settings.engine, fits=fits,
    ).data  # fmt: skip
    encoded = time.perf_counter()
    decoded = inr.decompress(data)
    decoding = time.perf_counter() - encoded
    fitted = [event for event in events if event.kind == "end"]
    return runs.measured(signal.array, decoded, len(data), encoded - start, decoding) | {
        "networks": str(network_bytes(data)),
        "fit_s": f"{sum(event.seconds for event in fitted):.4g}",
        "steps": str(sum(event.step for event in fitted)),
    }


def _told(key: Row, row: Row) -> Row:
    print(
        f"{key['picture']}: {key['preset']} at quality {key['quality']}: {row['bytes']} bytes, {row['networks']} of "
        f"networks, {row['bpp']} bpp, {row['psnr']} dB, {row['steps']} steps in {row['fit_s']} s",
        flush=True,
    )
    return row
