"""Temperatures of the globe and heights of a landscape, beside JPEG 2000 in 16 bits."""

import time
from collections.abc import Sequence

import numpy as np

import inr
from inr import compression, container
from inr.bench.tables import Ledger, Row, append, read
from inr.compression import peers
from inr.compression.codecs import codecs
from studies import metrics
from studies.compression.runs import Settings

COLUMNS = ("signal", "codec", "target", "bytes", "header", "psnr", "encode_s", "decode_s", "steps", "seed")
_KEYS = ("signal", "codec", "target", "steps", "seed")

# maps of the file by their index there, and all of them as one field
MAPS = ("era5_0", "era5_500", "era5_800", "era5_900", "era5_1000")
FIELD, TERRAIN = "era5_all", "jacksboro"
SIGNALS = (*MAPS, FIELD, TERRAIN)

JP2, TRIMMED = "jpeg 2000", "jpeg 2000, trimmed"
LATENT, LATENT_PRESET = "latent", "best"  # which takes 45 s for the smallest maps
# compression ratios asked for, to 16 bits a sample; heights take fewer bits than maps as small as these
_RATIOS, _HIGHER = np.geomspace(4, 100, 120), np.geomspace(20, 300, 100)
_RESOLUTIONS = (3, 4, 5, 6)
_LOWEST_PSNR, _HIGHEST_PSNR = 30.0, 40.0  # dB
_COMMENT, _DATA = b"\xff\x64", b"\xff\x93"


def load(settings: Settings, name: str) -> np.ndarray:
    """Values from 0 to 1, so that the peak is 1: temperatures by COIN++'s range, heights by their own."""
    folder = settings.data / "geo"
    if name == TERRAIN:
        heights = np.load(folder / "jacksboro_fault_dem.npz")["elevation"].astype(np.float32)
        return (heights - heights.min()) / np.ptp(heights)
    with np.load(folder / "era5_t2m_coinpp.npz") as file:
        maps, indices = file["t2m_unit"], file["index"].tolist()
    return maps if name == FIELD else np.ascontiguousarray(maps[indices.index(int(name.removeprefix("era5_")))])


def codec(name: str) -> str:
    """How codec mlp suits a signal."""
    return "mlp" if name == TERRAIN else "mlp:sphere=true"


def targets(name: str) -> Sequence[int]:
    """Bytes that are asked for."""
    if name == TERRAIN:
        return (1_000, 2_000, 4_000, 8_000)
    return (600, 900, 1_200, 1_600, 2_000) if name == FIELD else (150, 200, 250, 300, 350, 400)


def code_anchors(settings: Settings, names: Sequence[str], comment: str) -> None:
    """Scan JPEG 2000 over its rates: as Pillow has it, and with what helps small maps.

    Trimmed ones do without the encoder's comment (39 bytes) and have the number of resolutions that does best.
    """
    done = {(row["signal"], row["codec"]) for row in read(settings.geo)}
    for name in names:
        for kind, resolutions in ((JP2, (None,)), (TRIMMED, _RESOLUTIONS)):
            if (name, kind) not in done:
                for row in _scan(load(settings, name), resolutions, _HIGHER if name == TERRAIN else _RATIOS):
                    key = {"signal": name, "codec": kind, "steps": "", "seed": ""}
                    append(settings.geo, COLUMNS, key | row, comment)
        print(f"{name}: JPEG 2000", flush=True)


def _scan(values: np.ndarray, resolutions: Sequence[int | None], ratios: np.ndarray) -> list[Row]:
    """Files of interesting quality, the smallest first; none that is no better than a smaller one."""
    found = []
    for count in resolutions:
        for ratio in ratios:
            told = f"{ratio:.4g}" if count is None else f"{ratio:.4g}, {count} resolutions"
            found.append({"target": told} | jpeg2000(values, ratio, count))
    kept: list[Row] = []
    for row in sorted(found, key=lambda row: (int(row["bytes"]), -float(row["psnr"]))):
        if _LOWEST_PSNR <= float(row["psnr"]) <= _HIGHEST_PSNR and (
            not kept or float(row["psnr"]) > float(kept[-1]["psnr"])
        ):
            kept.append(row)
    return kept


def jpeg2000(values: np.ndarray, ratio: float, resolutions: int | None = None) -> Row:
    """A map as a raw codestream, without a container; several are put under each other and share its header."""
    stacked = values.reshape(-1, values.shape[-1])
    steps = np.rint(stacked.astype(np.float64) * 65535).astype(np.uint16)
    options = {"irreversible": True, "no_jp2": True, "quality_mode": "rates", "quality_layers": [float(ratio)]}
    if resolutions is not None:
        options["num_resolutions"] = resolutions
    coded = peers.code(steps, "JPEG2000", **options)
    data = coded.data if resolutions is None else without_comment(coded.data)
    return {
        "bytes": str(len(data)),
        "header": str(data.index(_DATA) + len(_DATA) + 2),  # and the mark of the end
        "psnr": f"{metrics.psnr(stacked, coded.pixels / 65535, 1.0):.3f}",
        "encode_s": f"{coded.encode_seconds:.4g}",
        "decode_s": f"{coded.decode_seconds:.4g}",
    }


def without_comment(data: bytes) -> bytes:
    """A codestream without the encoder's comment, which decoders skip."""
    start = data.find(_COMMENT, 0, data.index(_DATA))
    if start < 0:
        return data
    return data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4], "big") :]


def code(
    settings: Settings,
    names: Sequence[str],
    ours: Sequence[str],
    steps: Sequence[int | None],
    seeds: Sequence[int],
    comment: str,
) -> None:
    """Compress maps by `mlp`, `latent` or both wherever the table lacks it.

    Steps of None are the codec's own; `latent` takes the seconds of its preset whatever they are, and stands in the
    table with 0 of them.
    """
    ledger = Ledger(settings.geo, COLUMNS, _KEYS, comment)
    for seed in seeds:
        for given in steps:
            for name in names:
                values = load(settings, name)
                signal = inr.Signal.from_array(values, kind="volume", value_range=(0.0, 1.0))
                for own in ours:
                    if own == LATENT and name == FIELD:  # which takes maps of two axes
                        continue
                    spec = LATENT if own == LATENT else codec(name)
                    count = 0 if own == LATENT else given or codecs.build(spec).steps(signal)
                    for target in targets(name):
                        key = {"signal": name, "codec": spec, "target": str(target)}
                        key |= {"steps": str(count), "seed": str(seed)}
                        if ledger.once(key, lambda signal=signal, key=key: _ours(settings, signal, key)):
                            print(f"{name}: {spec}, {target} bytes, {count} steps, seed {seed}", flush=True)


def _ours(settings: Settings, signal: inr.signals.GridSignal, key: Row) -> Row:
    start = time.perf_counter()
    effort = {"preset": LATENT_PRESET} if key["codec"] == LATENT else {"steps": int(key["steps"])}
    data = compression.compress_and_measure(
        signal, codec=key["codec"], bytes=int(key["target"]), seed=int(key["seed"]), engine=settings.engine, **effort
    ).data
    encoded = time.perf_counter()
    decoded = compression.decompress(data, engine=settings.engine)
    decoding = time.perf_counter() - encoded
    return {
        "bytes": str(len(data)),
        "header": str(container.loads(data).header_size),
        "psnr": f"{metrics.psnr(signal.array, decoded, 1.0):.3f}",
        "encode_s": f"{encoded - start:.4g}",
        "decode_s": f"{decoding:.4g}",
    }
