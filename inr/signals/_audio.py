"""Sounds: WAV and FLAC, any number of channels, in the file's own integers or floats."""

from pathlib import Path

import numpy as np

from inr._errors import InrError
from inr.signals._arrays import GridSamples, build_grid, grid_axes, real_array
from inr.signals._domain import Domain
from inr.signals._libraries import check_bytes, load, reading
from inr.signals._truncation import check_complete

# what samples of an encoding are read as; narrower integers fill the upper bits of the wider type
_READ_AS = {
    **dict.fromkeys(("PCM_S8", "PCM_U8", "PCM_16", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "GSM610"), "int16"),
    **dict.fromkeys(("PCM_24", "PCM_32"), "int32"),
    "DOUBLE": "float64",
}
_WRITE_AS = {"int16": "PCM_16", "int32": "PCM_32", "float32": "FLOAT", "float64": "DOUBLE"}


def read(path: Path, max_bytes: int) -> GridSamples:
    """The sound at `path`, (N, C)."""
    soundfile = load("soundfile", "audio", "reading sound")
    check_complete(path)
    with reading(path, "sound"), soundfile.SoundFile(str(path)) as file:
        dtype = _READ_AS.get(file.subtype, "float32")
        needed = file.frames * file.channels * np.dtype(dtype).itemsize
        check_bytes(path, needed, max_bytes, f"{file.frames} samples of {file.channels} channels")
        samples = file.read(dtype=dtype, always_2d=True)
        if len(samples) != file.frames:
            raise InrError(f"{path} is damaged or cut short: {len(samples)} of {file.frames} samples")
        meta = {"sample_rate": file.samplerate, "subtype": file.subtype}
    samples = real_array(samples, str(path))
    return build_grid(samples, "audio", grid_axes("audio", samples.shape[:1], meta), meta, source=str(path))


def write(path: Path, samples: np.ndarray, domain: Domain) -> None:
    """Write (N, C), N samples over the domain's duration, in the encoding it came in."""
    soundfile = load("soundfile", "audio", "writing sound")
    kind = path.suffix[1:].upper()
    wanted = (domain.meta.get("subtype"), _WRITE_AS[samples.dtype.name])
    subtype = next((name for name in wanted if name and soundfile.check_format(kind, name)), None)
    if subtype is None:
        raise InrError(f"{path.suffix} holds integers of up to 24 bits, not {samples.dtype.name}; write .wav")
    axis = domain.axes[0]
    soundfile.write(str(path), samples, round(len(samples) / (axis.high - axis.low)), subtype=subtype, format=kind)
