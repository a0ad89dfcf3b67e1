"""How right default fits are between their samples, beside classical interpolation, and how small their files are."""

import gzip
import math
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import inr
from inr._errors import InrError
from inr.bench._run import Options
from inr.field import SampledField
from inr.signals import GridSignal, Signal, from_array, lossless_size
from inr.signals import open as open_signal

SECONDS = 15.0
FILE = "file of a default fit"
COLUMNS = ["work", "signal", "field_dB", "best_classical_dB", "difference_dB", "lattice_dB", "lattice_only_dB", "bytes"]
NOTES = (
    f"Fits with all defaults, {SECONDS:g} s each, of a signal at a fraction of its samples; rendered at all of them "
    "and compared with the signal itself, in its own units and clipped to its range, by numpy alone.",
    "best_classical_dB is the better of Pillow's bicubic and Lanczos for pictures, the cubic spline for maps and "
    "volumes, the mean of both neighbours for frames, and linear interpolation for sounds, whose truth is exact sinc.",
    "lattice_dB is the quality at the samples that were learned; lattice_only_dB that of a fit of the same seconds "
    "that learns nothing else, with a row of its table for 18 values.",
    "The difference of the elevation model is told as root mean square errors in metres.",
    "Rows of files are of signals as they are: quality at their samples, what coding loses of it against 32-bit floats "
    "fitted in the same seconds, and the bytes beside those of the signal without loss.",
)


def rows(options: Options) -> Iterator[dict[str, Any]]:
    """Measure one signal after the other."""
    data = options.data
    if data is None:
        yield from pictures({"astronaut": options.signal().array}, options)
        return
    kodak = sorted((data / "kodak").glob("*.png"))
    if not kodak:
        raise InrError(f"{data} has no folder kodak with pictures")
    kodak = kodak[:1] if options.tiny else kodak
    yield from pictures({path.stem: open_signal(path).array for path in kodak}, options)
    yield from elevation(data / "geo" / "jacksboro_fault_dem.npz", options)
    yield from brain(data / "volume" / "mni_icbm152_t1.nii.gz", options)
    for name in ("librispeech_3s", "gt_bach"):
        yield from sound(data / "audio" / f"{name}.wav", options)
    for name in ("bikes", "bigbuckbunny"):
        yield from video(data / "video" / f"{name}.mp4", options)
    yield from files(data, options)


def fitted(signal: Signal, options: Options, **settings: Any) -> "inr.Field":
    """A field with all defaults."""
    budget: dict[str, Any] = {"steps": 10} if options.tiny else {"seconds": SECONDS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fits that end some steps short, which their seconds have room for
        return inr.fit(signal, **budget, **settings)


def saved_bytes(field: "inr.Field") -> int:
    """What the field's file takes."""
    with tempfile.TemporaryDirectory() as folder:
        field.save(Path(folder) / "field.inr")
        return (Path(folder) / "field.inr").stat().st_size


def decibels(truth: np.ndarray, found: np.ndarray, data_range: float) -> float:
    """PSNR of arrays in one unit."""
    error = np.square(np.asarray(truth, np.float64) - found).mean()
    return 10 * math.log10(data_range**2 / error) if error else math.inf


def cell_means(array: np.ndarray, factor: int, axes: int) -> np.ndarray:
    """Means over blocks of `factor` cells of each of the first axes; what does not fill a block is left out."""
    found = array.astype(np.float64)
    for axis in range(axes):
        count = found.shape[axis] // factor
        found = np.take(found, range(count * factor), axis)
        found = found.reshape(*found.shape[:axis], count, factor, *found.shape[axis + 1 :]).mean(axis + 1)
    return found


def pictures(found: dict[str, np.ndarray], options: Options) -> Iterator[dict[str, Any]]:
    """Halved and quartered pictures, rendered at their own size."""
    for factor in (2, 4):
        made = []
        for name, picture in found.items():
            made.append(picture_row(name, picture, factor, options))
            yield made[-1]
        yield mean_row(f"pictures x{factor}", made)


def picture_row(name: str, picture: np.ndarray, factor: int, options: Options) -> dict[str, Any]:
    """One picture at a fraction of its size."""
    small = np.rint(cell_means(picture, factor, 2)).astype(np.uint8)
    truth = picture[: small.shape[0] * factor, : small.shape[1] * factor]
    signal = from_array(small)
    field = fitted(signal, options)
    best = max(decibels(truth, enlarged(small, truth.shape[:2], way), 255) for way in ("BICUBIC", "LANCZOS"))
    rendered = np.clip(inr.render(field, truth.shape[:2]), 0, 255)
    native = np.clip(inr.render(field), 0, 255)
    return row(f"picture x{factor}", name, decibels(truth, rendered, 255), best) | {
        "lattice_dB": f"{decibels(small, native, 255):.2f}",
        "lattice_only_dB": f"{lattice_only(signal, options):.2f}" if factor == 2 else "",
        "bytes": str(saved_bytes(field)),
    }


def lattice_only(signal: GridSignal, options: Options) -> float:
    """Quality of a fit that learns the samples alone, with the table that suits that."""
    size = round(min(max(math.log2(signal.size * signal.channels / 18), 10), 19))
    finest = max(16, *signal.array.shape[:-1])
    encoding = f"hash:levels=12,log2_size={size},coarsest={min(16, finest // 8)},finest={finest}"
    field = fitted(signal, options, encoding=encoding, network="mlp:depth=2,width=64", lattice_only=True)
    found = np.clip(inr.render(field), field.domain.values.low[0], field.domain.values.high[0])
    return decibels(signal.array, found, field.domain.values.data_range)


def enlarged(picture: np.ndarray, shape: Sequence[int], way: str) -> np.ndarray:
    """Pillow's interpolation, channel by channel in floats, clipped."""
    from PIL import Image

    channels = [
        np.asarray(Image.fromarray(channel.astype(np.float32)).resize((shape[1], shape[0]), Image.Resampling[way]))
        for channel in np.moveaxis(picture, -1, 0)
    ]
    return np.clip(np.stack(channels, -1), 0, 255)


def elevation(path: Path, options: Options) -> Iterator[dict[str, Any]]:
    """Every second sample of a map, an axis; compared at all others, in metres."""
    from scipy.interpolate import CubicSpline

    with np.load(path) as archive:
        heights = archive["elevation"]
    heights = heights[: (len(heights) - 1) // 2 * 2 + 1, : (heights.shape[1] - 1) // 2 * 2 + 1]
    known = np.ascontiguousarray(heights[::2, ::2])
    field = fitted(from_array(known), options)
    rows, columns = known.shape
    # pixel i of the whole is pixel i / 2 of what is known
    places = [np.arange(count) / 2 for count in heights.shape]
    spline = CubicSpline(np.arange(columns), CubicSpline(np.arange(rows), known)(places[0]), axis=1)(places[1])
    y, x = np.meshgrid(*((2 * place + 1) / count - 1 for place, count in zip(places, known.shape, strict=True)),
                       indexing="ij")  # fmt: skip
    found = values_at(field, np.stack([x, y], -1).reshape(-1, 2)).reshape(heights.shape)
    held = np.ones(heights.shape, bool)
    held[::2, ::2] = False
    errors = [float(np.sqrt(np.square(each - heights)[held].mean())) for each in (found, spline)]
    span = float(known.max() - known.min())
    yield {
        "work": "elevation, every second sample held out", "signal": path.stem,
        "field_dB": f"{20 * math.log10(span / errors[0]):.2f}",
        "best_classical_dB": f"{20 * math.log10(span / errors[1]):.2f}",
        "difference_dB": f"{errors[0]:.2f} m, cubic {errors[1]:.2f} m",
        "lattice_dB": f"{decibels(known, inr.render(field)[..., 0], span):.2f}", "lattice_only_dB": "",
        "bytes": str(saved_bytes(field)),
    }  # fmt: skip


def values_at(field: "inr.Field", coords: np.ndarray) -> np.ndarray:
    """A field at coordinates, in its own units."""
    import torch

    from inr.engines import executor, plan

    run = executor(field, plan(field, None, "auto")[1])
    return np.asarray(field.in_units(run(torch.from_numpy(coords.astype(np.float32)))).numpy())


def brain(path: Path, options: Options) -> Iterator[dict[str, Any]]:
    """A volume halved by means, at its own size again; beside the cubic spline through the means."""
    from scipy.ndimage import map_coordinates

    signal = open_signal(path)
    whole = signal.array[..., 0]
    small = np.rint(cell_means(whole, 2, 3)).astype(np.uint8)
    truth = whole[tuple(slice(2 * count) for count in small.shape)]
    if options.tiny:
        small, truth = small[40:52, 40:52, 40:52], truth[80:104, 80:104, 80:104]
    field = fitted(from_array(small, kind="volume"), options)
    grid = np.meshgrid(*((np.arange(count) + 0.5) / 2 - 0.5 for count in truth.shape), indexing="ij")
    cubic = np.clip(map_coordinates(small.astype(np.float64), grid, order=3, mode="nearest"), 0, 255)
    found = np.clip(inr.render(field, truth.shape)[..., 0], 0, 255)
    yield row("volume x2", path.name, decibels(truth, found, 255), decibels(truth, cubic, 255)) | {
        "lattice_dB": f"{decibels(small, np.clip(inr.render(field)[..., 0], 0, 255), 255):.2f}",
        "bytes": f"{saved_bytes(field)}, lossless {len(gzip.compress(small.tobytes(), 9))}",
    }


def sound(path: Path, options: Options) -> Iterator[dict[str, Any]]:
    """A sound at three times its rate, beside the exact sinc, and what it has above its own Nyquist frequency."""
    signal = open_signal(path)
    assert isinstance(signal, GridSignal)
    samples = signal.array[: 16_000 if options.tiny else 200_000].astype(np.float64)
    rate = signal.domain.meta["sample_rate"]
    small = from_array(samples.astype(np.float32), kind="audio", sample_rate=rate, channels_last=True)
    field = fitted(small, options)
    count, factor = len(samples), 3
    found = inr.render(field, (factor * count,))[:, 0]
    exact = sinc_resampled(samples[:, 0], factor)
    linear = np.interp((np.arange(factor * count) + 0.5) / factor - 0.5, np.arange(count), samples[:, 0])
    spectrum = np.square(np.abs(np.fft.rfft(found * np.hanning(len(found)))))
    above = 10 * math.log10(spectrum[len(spectrum) // factor :].sum() / spectrum.sum())
    yield row("sound x3, SNR", path.stem, noise_ratio(exact, found), noise_ratio(exact, linear)) | {
        "lattice_dB": f"{noise_ratio(samples[:, 0], inr.render(field)[:, 0]):.2f}",
        "lattice_only_dB": f"{above:.1f} dB above Nyquist",
        "bytes": str(saved_bytes(field)),
    }


def sinc_resampled(samples: np.ndarray, factor: int) -> np.ndarray:
    """Band-limited interpolation by zeros in the spectrum of the sound and its mirror image; cells are cut in parts."""
    count = len(samples)
    spectrum = np.fft.rfft(np.concatenate([samples, samples[::-1]]))
    wide = np.zeros(factor * count + 1, complex)
    wide[: count + 1] = spectrum
    shift = (0.5 / factor - 0.5) / (2 * count)
    wide *= np.exp(2j * np.pi * np.arange(len(wide)) * shift)
    return np.fft.irfft(wide, 2 * factor * count)[: factor * count] * factor


def noise_ratio(truth: np.ndarray, found: np.ndarray) -> float:
    """Signal to noise in dB."""
    return 10 * math.log10(float(np.square(truth).sum() / np.square(truth - found).sum()))


def video(path: Path, options: Options, frames: int = 17) -> Iterator[dict[str, Any]]:
    """Every second frame of a video; the others are told by the field, or by the mean of their neighbours."""
    signal = open_signal(path)
    whole = signal.array[: 5 if options.tiny else frames]
    if whole.shape[2] > 700:  # half the size: in 15 s there is no more to be learned
        whole = np.rint(cell_means(np.moveaxis(whole, 0, 2), 2, 2)).astype(np.uint8)
        whole = np.ascontiguousarray(np.moveaxis(whole, 2, 0))
    known, truth = np.ascontiguousarray(whole[::2]), whole[1::2]
    field = fitted(from_array(known, kind="video"), options)
    shape = (2 * len(known), *known.shape[1:3])
    # frames at quarters of the cells of those that are known; the ones half-way are told from their two nearest
    count = len(known)
    times = (2 * (np.arange(count - 1) + 0.5) + 1) / count - 1
    half = 1 / (2 * shape[0])
    found = np.stack([
        inr.render(field, (1, *known.shape[1:3]), [(-1, 1), (-1, 1), (time - half, time + half)])[0] for time in times
    ])  # fmt: skip
    blended = (known[:-1].astype(np.float64) + known[1:]) / 2
    yield row("video x2", path.stem, decibels(truth, np.clip(found, 0, 255), 255), decibels(truth, blended, 255)) | {
        "lattice_dB": f"{decibels(known, np.clip(inr.render(field), 0, 255), 255):.2f}",
        "bytes": str(saved_bytes(field)),
    }


def files(data: Path, options: Options) -> Iterator[dict[str, Any]]:
    """Signals as they are: the file of a default fit, and what it loses against 32-bit floats in the same seconds."""
    names = ["kodak/kodim05", "kodak/kodim13", "kodak/kodim20", "images/coffee", "images/camera", "images/text"]
    found: dict[str, Signal] = {name: open_signal(data / f"{name}.png") for name in names[: 1 if options.tiny else 6]}
    for name in ("librispeech_3s", "gt_bach"):
        found[f"audio/{name}"] = open_signal(data / "audio" / f"{name}.wav")
    if not options.tiny:
        frames = open_signal(data / "video" / "bikes.mp4").array[:17]
        found["video/bikes, 17 frames"] = from_array(np.ascontiguousarray(frames), kind="video")
        found["volume/mni_icbm152_t1"] = open_signal(data / "volume" / "mni_icbm152_t1.nii.gz")
    with np.load(data / "geo" / "jacksboro_fault_dem.npz") as archive:
        found["geo/jacksboro_fault_dem"] = from_array(archive["elevation"])
    made = []
    for name, signal in found.items():
        made.append(file_row(name, signal, options))
        yield made[-1]
    shares = [float(each["bytes"].split(", ")[1].split()[0]) for each in made]
    yield row(f"mean of {FILE}", f"worst {max(shares):.2f}", math.nan, math.nan) | {
        "field_dB": "", "best_classical_dB": "", "difference_dB": "", "bytes": f"{np.mean(shares):.3f} of lossless",
    }  # fmt: skip


def file_row(name: str, signal: Signal, options: Options) -> dict[str, Any]:
    """One signal: quality at its samples by default and with 32-bit floats, and its file beside the lossless form."""
    usual = fitted(signal, options)
    size, lossless = saved_bytes(usual), lossless_size(signal)
    found, exact = usual.metrics["psnr"], math.nan
    difference = "samples, without loss"
    if not isinstance(usual, SampledField):
        exact = fitted(signal, options, coding="exact").metrics["psnr"]
        difference = f"{found - exact:+.2f}, coded against float32"
    return row(FILE, name, found, exact) | {
        "best_classical_dB": "", "difference_dB": difference, "lattice_dB": f"{found:.2f}",
        "lattice_only_dB": "", "bytes": f"{size}, {size / lossless.bytes:.3f} of {lossless.format}",
    }  # fmt: skip


def row(work: str, name: str, field: float, classical: float) -> dict[str, Any]:
    """The beginning of a row of the table."""
    return {
        "work": work, "signal": name, "field_dB": f"{field:.2f}", "best_classical_dB": f"{classical:.2f}",
        "difference_dB": f"{field - classical:+.2f}", "lattice_dB": "", "lattice_only_dB": "", "bytes": "",
    }  # fmt: skip


def mean_row(work: str, made: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means of a kind of work, and the worst difference."""
    field, classical = (float(np.mean([float(each[name]) for each in made])) for name in COLUMNS[2:4])
    worst = min(float(each["difference_dB"]) for each in made)
    means = row(f"mean of {work}", f"worst {worst:+.2f}", field, classical)
    for name in ("lattice_dB", "lattice_only_dB", "bytes"):
        if all(each[name] for each in made):
            means[name] = f"{np.mean([float(each[name]) for each in made]):.2f}"
    return means
