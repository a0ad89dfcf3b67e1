"""The headers of tus 1.0.0 (https://tus.io/protocols/resumable-upload)."""

import hashlib
from typing import Any, get_args

from inr._option_values import READING
from inr.serving.http.reading import reading_options, shown_name
from inr.serving.http.receiving import decoded
from inr.serving.problems import Problem
from inr.signals import ShapeAs

VERSION = "1.0.0"
TUS = {"Tus-Resumable": VERSION, "Cache-Control": "no-store"}
CHECKSUMS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha512": hashlib.sha512, "md5": hashlib.md5}


def metadata_of(header: str) -> tuple[str, dict[str, Any]]:
    """The name and the reading options in Upload-Metadata: pairs of a key and base64, between commas."""
    found: dict[str, str] = {}
    for pair in filter(None, (item.strip() for item in header.split(","))):
        key, _, value = pair.partition(" ")
        text = decoded(value, "Upload-Metadata").decode("utf-8", "replace")
        if key in READING and len(text) > 200:
            raise Problem("bad-request", f"Upload-Metadata: {key} is too long.")
        found[key] = text
    return shown_name(found.get("filename") or found.get("name") or ""), _typed(reading_options(found))


def _typed(options: dict[str, Any]) -> dict[str, Any]:
    """Reading options that come as text, as the query of /v1/signals has them."""
    try:
        if "nodata" in options:
            options["nodata"] = float(options["nodata"])
        if "srgb" in options:
            options["srgb"] = {"true": True, "false": False}[options["srgb"]]
        if "as_shape" in options and options["as_shape"] not in get_args(ShapeAs):
            raise Problem("bad-request", "Upload-Metadata: as_shape is sdf, occupancy or eikonal.")
    except (ValueError, KeyError):
        raise Problem("bad-request", "Upload-Metadata: nodata is a number, srgb is true or false.") from None
    return options


def checksum_of(header: str | None) -> tuple[Any, bytes] | None:
    """The hash and the digest of Upload-Checksum."""
    if header is None:
        return None
    name, _, digest = header.partition(" ")
    if name not in CHECKSUMS:
        raise Problem(
            "bad-request", f"Upload-Checksum: one of {', '.join(CHECKSUMS)}, then the digest in base64.", headers=TUS
        )
    return CHECKSUMS[name](), decoded(digest, "Upload-Checksum")
