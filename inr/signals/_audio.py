"""Sounds: what libsndfile reads, any number of channels, in the file's own integers or floats.

Encodings that lose something (Vorbis, Opus, MP3, ADPCM, GSM …) are read as what their decoder gives: 16-bit integers
for those of telephones, floats for those that have no resolution of their own.
"""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np

from inr._errors import InrError
from inr.signals._arrays import GridSamples, build_grid, grid_axes, real_array
from inr.signals._domain import Domain
from inr.signals._libraries import check_bytes, load, reading, silent_stderr
from inr.signals._sound_files import find_samples, readable
from inr.signals._truncation import check_complete

# what samples of an encoding are read as; narrower integers fill the upper bits of the wider type
_READ_AS = {
    r"PCM_([SU]8|16)|[UA]LAW|\w+_ADPCM(_\d+)?|GSM610|G72[13]_\d+|DPCM_(8|16)|DWVW_(12|16)|ALAC_16": "int16",
    r"PCM_(24|32)|DWVW_24|ALAC_(20|24|32)": "int32",
    r"DOUBLE": "float64",
}
_WRITE_AS = {"int16": "PCM_16", "int32": "PCM_32", "float32": "FLOAT", "float64": "DOUBLE"}
# Samples are coded one by one in these. What other encodings lost, a sound in them would lose once more.
_KEPT = re.compile(r"PCM_\w+|[UA]LAW|FLOAT|DOUBLE")
_MAGIC = (
    b"fLaC", b"caff", b"riff\x2e\x91\xcf\x11", b".snd", b"ID3", b"Creative Voice File\x1a", b"NIST_1A", b"PVF1\n",
    b"Extended Instrument: ", b"ALawSoundFile**", b"2BIT", b" paf", b"fap ", b"\xf0~", b"d\xa3", b"\0\0\xa3d",
)  # fmt: skip


def is_sound(head: bytes) -> bool:
    """Whether a file that begins with `head` is a sound that libsndfile reads."""
    if head.startswith((b"RIFF", b"RF64", b"RIFX", b"FORM")):
        return head[8:12] in (b"WAVE", b"AIFF", b"AIFC", b"8SVX", b"16SV")
    if head.startswith(b"OggS"):
        return b"theora" not in head[:128]
    return head.startswith(_MAGIC) or _is_mpeg_audio(head)


def _is_mpeg_audio(head: bytes) -> bool:
    """Whether it begins with the header of a frame of MPEG audio, layer 2 or 3."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer, bits, rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer in (1, 2) and 0 < bits < 15 and rate != 3


def read(path: Path, max_bytes: int) -> GridSamples:
    """The sound at `path`, (N, C)."""
    soundfile = load("soundfile", "audio", "reading sound")
    check_complete(path)
    with reading(path, "sound"), silent_stderr(), soundfile.SoundFile(_source(path, max_bytes)) as file:
        dtype = next((name for form, name in _READ_AS.items() if re.fullmatch(form, file.subtype)), "float32")
        needed = file.frames * file.channels * np.dtype(dtype).itemsize
        check_bytes(path, needed, max_bytes, f"{file.frames} samples of {file.channels} channels")
        samples = file.read(file.frames, dtype=dtype, always_2d=True)  # the number, as some cannot be sought in
        if len(samples) != file.frames:
            raise InrError(f"{path} is damaged or cut short: {len(samples)} of {file.frames} samples")
        meta = {"sample_rate": file.samplerate, "subtype": file.subtype}
    samples = real_array(samples, str(path))
    return build_grid(samples, "audio", grid_axes("audio", samples.shape[:1], meta), meta, source=str(path))


def _source(path: Path, max_bytes: int) -> Any:
    """What libsndfile is given: the file's name, or its bytes where its header does not know how long it is."""
    size = path.stat().st_size
    with path.open("rb") as file:
        samples = find_samples(file, size)
        if samples is None or samples.end is not None:
            return str(path)
        check_bytes(path, size, max_bytes, f"{size} bytes of sound")
        file.seek(0)
        return io.BytesIO(readable(file.read(), samples))


def write(path: Path, samples: np.ndarray, domain: Domain) -> None:
    """Write (N, C), N samples over the domain's duration, in the encoding it came in."""
    soundfile = load("soundfile", "audio", "writing sound")
    kind = path.suffix[1:].upper()
    own = domain.meta.get("subtype") or ""
    wanted = (own if _KEPT.fullmatch(own) else "", _WRITE_AS[samples.dtype.name])
    subtype = next((name for name in wanted if name and soundfile.check_format(kind, name)), None)
    if subtype is None:
        raise InrError(f"{path.suffix} holds integers of up to 24 bits, not {samples.dtype.name}; write .wav")
    axis = domain.axes[0]
    soundfile.write(str(path), samples, round(len(samples) / (axis.high - axis.low)), subtype=subtype, format=kind)
