"""Files of codec "latent", read without torch: numpy, numba and constriction are all that it takes."""

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from inr import container
from inr._errors import DamagedFile, InrError, MissingExtra
from inr.compression.bitstream.latent.component_table import LATENTS, check_domain
from inr.compression.bitstream.latent.components import component_pieces, decode_samples
from inr.compression.bitstream.latent.layout import Grid, Layout
from inr.compression.payloads import payloads_of
from inr.container import GIB, Contents
from inr.signals import Domain, from_compact, unpack_missing

CODEC = "latent"
_CODINGS = ("latents", "lossless", "constant")


def is_latent(header: Mapping[str, Any]) -> bool:
    """Whether a file of this header was written by codec "latent", so that `samples_of` reads it."""
    return header.get("codec") == CODEC


def read_samples(
    source: str | os.PathLike[str] | bytes | bytearray | memoryview, *, max_bytes: int = GIB
) -> tuple[Shaped[np.ndarray, "height width channels"], Domain]:
    """Decode the samples in a file of codec "latent", on their own grid.

    Warns of enhancement sections that are damaged or missing: their grids are taken to be zero.

    Args:
        source: path or bytes of the file, or a beginning of the bytes that holds section "base".
        max_bytes: most bytes that the file may take, and about as many as decoding may.

    Returns:
        Samples (H, W, C) in the signal's type, the same on every machine, with missing ones as `inr.decompress` has
        them; and the signal's domain.

    Raises:
        DamagedFile: the file does not hold together; `section` names the part at fault.
        InrError: a file of another codec, or of a newer inr, or one that takes more bytes.

    >>> made = inr.compress(inr.from_array(np.full((8, 9), 7, np.uint8)), quality=50)
    >>> samples, domain = inr.compression.latent_files.read_samples(made)
    >>> samples.shape, domain.dtype
    ((8, 9, 1), 'uint8')
    """
    if isinstance(source, (str, os.PathLike)):
        contents = container.read(Path(source), max_bytes=max_bytes)
    else:
        contents = container.loads(source, max_bytes=max_bytes)
    if not is_latent(contents.header):
        raise InrError("not a file of codec latent; inr.decompress reads all")
    if contents.damaged:
        warnings.warn(f"sections {', '.join(contents.damaged)} are damaged or missing", stacklevel=2)
    samples, domain = samples_of(contents, max_bytes=max_bytes)
    return without_missing(samples, domain), domain


def samples_of(
    contents: Contents, *, max_bytes: int = GIB
) -> tuple[Shaped[np.ndarray, "height width channels"], Domain]:
    """The samples in what was read from a file of codec "latent".

    Args:
        contents: header, and those sections that could be read.
        max_bytes: about how many bytes may be allocated.

    Returns:
        Samples (H, W, C) in the signal's type, where some are missing with any values in their place; and the domain.

    Raises:
        DamagedFile: header or sections make no sense, or would take more bytes.
    """
    domain, payloads = _payloads(contents)
    try:
        return decode_samples(domain, payloads, max_bytes=max_bytes)
    except (MissingExtra, DamagedFile):
        raise
    except InrError as error:
        raise DamagedFile(f"section 'base' cannot be decoded: {error}", "base") from error


def components_of(contents: Contents) -> list[dict[str, Any]]:
    """What a file of codec "latent" holds, as plain JSON; nothing is decoded.

    Args:
        contents: header, and those sections that could be read.

    Returns:
        Of each component: its name, "colour", "values" or "alpha"; its coding, "latents", "lossless" or "constant"; of
        latents the preset, the bytes of its networks, and its pieces up to the first that is not there: section,
        bytes, and widths and heights of the grids, companions included.

    Raises:
        DamagedFile: header or sections make no sense.
    """
    from inr.compression.bitstream.latent.fronts import sections

    domain, payloads = _payloads(contents)
    height, width = check_domain(domain)
    try:
        found = component_pieces(domain, payloads)
    except InrError as error:
        raise DamagedFile(f"section 'base' cannot be read: {error}", "base") from error
    told: list[dict[str, Any]] = []
    for number, (component, pieces) in enumerate(found):
        name = "alpha" if number else "colour" if component.channels == 3 else "values"
        about: dict[str, Any] = {"name": name, "coding": _CODINGS[component.coding]}
        grids: Sequence[Sequence[Grid]] = [[] for _ in pieces]
        if component.coding == LATENTS:
            about |= {"preset": component.preset, "network_bytes": len(component.networks)}
            grids = sections(Layout(height, width, component.channels, component.preset))
        about["pieces"] = [
            {"section": section, "bytes": size, "grids": [[grid.width, grid.height] for grid in run]}
            for (section, size), run in zip(pieces, grids, strict=False)
        ]
        told.append(about)
    return told


def _payloads(contents: Contents) -> tuple[Domain, dict[str, memoryview]]:
    """The domain, and the bytes of the sections that could be read, base among them."""
    try:
        domain = from_compact(contents.header["domain"])
    except (InrError, KeyError) as error:
        raise DamagedFile(f"its header describes no grid: {error}", "header") from error
    return domain, payloads_of(contents)


def without_missing(
    samples: Shaped[np.ndarray, "height width channels"], domain: Domain
) -> Shaped[np.ndarray, "height width channels"]:
    """The samples with what stands for missing ones in the signal's files in their place: NaN, 0, or another number.

    Args:
        samples: in the domain's type, changed in place.
        domain: which tells what is missing.
    """
    if domain.missing:
        missing = unpack_missing(domain.missing, samples.shape[:-1])
        nodata = domain.meta.get("nodata", np.nan if samples.dtype.kind == "f" else 0)
        samples[missing] = samples.dtype.type(nodata)
    return samples


def marked(
    samples: Shaped[np.ndarray, "height width channels"], domain: Domain
) -> Shaped[np.ndarray, "height width channels"]:
    """The samples with NaN where they are missing, as `inr.signals.write` takes them.

    Args:
        samples: in the domain's type.
        domain: which tells what is missing.

    Returns:
        The samples themselves where none is missing; else a copy, of integers as floats.
    """
    if not domain.missing:
        return samples
    found = samples.astype(np.result_type(samples.dtype, np.float32))
    found[unpack_missing(domain.missing, samples.shape[:-1])] = np.nan
    return found
