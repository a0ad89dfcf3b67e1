"""Pillow's codecs, at the settings that the literature's figures were checked with."""

from inr.compression.peers import Peer

# bits a pixel, which quality_layers wants as the ratio to 24
_JP2_BPP = (0.06, 0.1, 0.15, 0.2, 0.3, 0.6, 1.2, 2.0)
# one thread, as ours; the files are the same
_AVIF = {"speed": 4, "max_threads": 1}
_AVIF_QUALITIES = (2, 5, 10, 20, 30, 40, 50, 60, 70, 80)

ANCHORS = {
    # without `optimize`, files are a third larger at low rates: the curve that most papers show
    "jpeg 4:2:0": Peer(
        "JPEG", {"optimize": True, "subsampling": "4:2:0"}, "quality", (2, 5, 10, 15, 20, 30, 50, 70, 80, 90)
    ),
    "jpeg 4:4:4": Peer("JPEG", {"optimize": True, "subsampling": "4:4:4"}, "quality", (2, 5, 10, 20, 40, 60, 75, 90)),
    "jpeg 2000": Peer(
        "JPEG2000", {"quality_mode": "rates", "irreversible": True, "mct": 1}, "quality_layers",
        tuple(24 / bpp for bpp in _JP2_BPP),
    ),
    "webp": Peer("WEBP", {"method": 6}, "quality", (0, 5, 10, 20, 40, 60, 75, 85, 90)),
    "avif 4:4:4": Peer("AVIF", {**_AVIF, "subsampling": "4:4:4"}, "quality", _AVIF_QUALITIES),
    "avif 4:2:0": Peer("AVIF", {**_AVIF, "subsampling": "4:2:0"}, "quality", _AVIF_QUALITIES),
}  # fmt: skip
