"""Codec `latent` on pictures, by preset and quality, kept in a table as runs end."""

import time
from collections.abc import Sequence
from pathlib import Path

import inr
from inr import compression, container
from inr.bench.tables import Ledger, Row, read
from inr.compression.bitstream.latent.component_table import read_table
from inr.compression.bitstream.stream import Cursor
from inr.compression.encoder.latent.effort import SECONDS
from inr.compression.encoder.latent.fit import FIT_SHARE
from inr.fitting import Event
from inr.signals import from_compact
from studies.compression import runs
from studies.compression.runs import Settings

PRESETS = ("fast", "default", "best")
# From a weight of the rate of 2e-2 to one of 1e-4, nearly: the published points are at these two and three between.
QUALITIES = (14.0, 38.0, 59.0, 72.0, 93.0)
COLUMNS = (
    "picture", "preset", "quality", "bytes", "networks", "bpp", "psnr", "ssim", "ms_ssim", "encode_s", "fit_s",
    "decode_s", "steps", "budget", "threads", "seed",
)  # fmt: skip
_KEYS = ("picture", "preset", "quality", "budget", "threads", "seed")
# How a run ends: after the preset's seconds, or after the steps that they are worth on a machine with nothing else to
# do, whatever else this one does.
BUDGETS = ("seconds", "steps")
_TIMED = "fast"  # the preset whose runs in seconds say how many steps a second are made


def table(settings: Settings) -> Path:
    """The table of runs."""
    return settings.results / "compression_latent.tsv"


def code(
    settings: Settings,
    pictures: Sequence[str],
    presets: Sequence[str],
    qualities: Sequence[float],
    seeds: Sequence[int],
    budget: str,
    comment: str,
) -> None:
    """Compress pictures wherever the table lacks it, and say of every run what it came to.

    Args:
        settings: of the study.
        pictures, presets, qualities, seeds: what to compress, how.
        budget: "seconds", the preset's own, for which the machine has to be quiet; or "steps", as many as they are
            worth by the table's runs of preset "fast" of the same picture and quality, which took seconds.
        comment: names the machine.
    """
    ledger = Ledger(table(settings), COLUMNS, _KEYS, comment)
    for seed in seeds:
        for preset in presets:
            for quality in qualities:
                for name in pictures:
                    key = {
                        "picture": name, "preset": preset, "quality": f"{quality:g}",
                        "budget": budget, "threads": str(settings.threads), "seed": str(seed),
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


def _steps(settings: Settings, key: Row) -> int:
    """Steps that a preset's seconds are worth, by a run in seconds."""
    same = ("picture", "quality", "seed")
    for row in read(table(settings)):
        if row["preset"] == _TIMED and row["budget"] == "seconds" and all(row[name] == key[name] for name in same):
            return round(float(row["steps"]) / float(row["fit_s"]) * FIT_SHARE * SECONDS[key["preset"]])
    raise SystemExit(f"{key['picture']} at quality {key['quality']} has no run of preset {_TIMED} in seconds yet")


def _run(settings: Settings, key: Row) -> Row:
    signal = runs.load(settings.data, key["picture"])
    budget = {"steps": _steps(settings, key)} if key["budget"] == "steps" else {"preset": key["preset"]}
    events: list[Event] = []
    start = time.perf_counter()
    fits = compression.FitSeries(on_event=events.append)
    data = compression.compress_and_measure(
        signal, codec="latent", quality=float(key["quality"]), seed=int(key["seed"]), engine=settings.engine,
        fits=fits, **budget,
    ).data  # fmt: skip
    encoded = time.perf_counter()
    decoded = inr.decompress(data)
    decoding = time.perf_counter() - encoded
    fitted = [event for event in events if event.kind == "end"]
    row = runs.measured(signal.array, decoded, len(data), encoded - start, decoding)
    row |= {
        "networks": str(network_bytes(data)),
        "fit_s": f"{sum(event.seconds for event in fitted):.4g}",
        "steps": str(sum(event.step for event in fitted)),
    }
    # beside other work, times say nothing
    return row | ({"encode_s": "", "fit_s": "", "decode_s": ""} if key["budget"] == "steps" else {})


def _told(key: Row, row: Row) -> Row:
    print(
        f"{key['picture']}: {key['preset']} at quality {key['quality']}: {row['bytes']} bytes, {row['networks']} of "
        f"networks, {row['bpp']} bpp, {row['psnr']} dB, {row['steps']} steps",
        flush=True,
    )
    return row
