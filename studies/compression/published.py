"""Rates and qualities on Kodak as others published them: means of per-image PSNR over all 24 pictures.

Taken from the result files of CompressAI, C3, Cool-Chic, COIN, COIN++ and Strümpler et al.
"""

from dataclasses import dataclass

from studies.compression.curves import Points


@dataclass(frozen=True)
class Curve:
    """A published curve.

    Attributes:
        kind: "real" for the bytes of files, "estimated" for counts of parameters and entropies, "not stated".
        points: bits a pixel and dB.
    """

    name: str
    kind: str
    points: Points


def _points(text: str) -> Points:
    numbers = [float(word) for word in text.split()]
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


CURVES = {
    curve.name: curve
    for curve in (
        # 16 bits a parameter
        Curve(
            "COIN",
            "estimated",
            _points(".0368 22.41 .0736 23.21 .1604 24.64 .3074 26.41 .6109 28.41 1.209 30.64"),
        ),
        # the shared network, 9.4 MB, is not counted
        Curve("COIN++", "estimated", _points(".0666 23.68 .1325 24.93 .2659 26.14 .3983 27.03 .5366 27.80")),
        # arithmetic-coded
        Curve("Strümpler basic", "real", _points(".0996 25.64 .1879 27.15 .2994 28.41 .9463 32.27")),
        # arithmetic-coded; the learned start that they share is not counted
        Curve("Strümpler meta", "real", _points(".0832 25.56 .1546 27.02 .2489 28.28 .7845 32.14")),
        Curve("MSCN", "not stated", _points(".0687 25.41 .1316 26.81 .2661 28.91 .3684 29.67 .5021 30.06")),
        Curve(
            "VC-INR",
            "not stated",
            _points(".08 26.86 .14 28.33 .48 32.07 1.09 34.78 1.54 36.59 2.17 38.57 3.09 41.26"),
        ),
        Curve(
            "RECOMBINER",
            "real",
            _points(".074 26.16 .1297 27.65 .1779 28.59 .3162 30.44 .4884 31.95 .9724 34.54"),
        ),
        Curve(
            "C3",
            "estimated",
            _points(
                ".0926 27.06 .1339 28.45 .1532 28.96 .2025 30.03 .2318 30.59 .2761 31.34 .3506 32.39 .5144 34.37 "
                ".5785 35.02 .7286 36.38 .8067 37.04 .914 37.84 1.08 38.98 1.409 40.85"
            ),
        ),
        Curve(
            "C3 adaptive",
            "estimated",
            _points(
                ".0793 27.03 .1228 28.38 .1409 28.84 .1947 29.95 .2252 30.49 .2718 31.27 .349 32.39 .5146 34.37 "
                ".5783 35.03 .7277 36.40 .807 37.06 .9142 37.88 1.0807 39.02 1.4075 40.88"
            ),
        ),
        Curve("Cool-Chic 1.0", "real", _points(".0812 25.77 .2651 29.41 .9239 35.83 1.7493 40.78")),
        Curve("Cool-Chic 4.2", "real", _points(".0779 26.98 .2286 30.72 .5085 34.46 .7958 37.10 1.4168 41.00")),
        Curve("Cool-Chic 5.0", "real", _points(".0839 27.44 .2186 30.86 .4819 34.52 .7594 37.25 1.3571 41.17")),
        # Pillow 7.1, 4:2:0, without `optimize`
        Curve(
            "JPEG, not optimised",
            "real",
            _points(
                ".2212 23.78 .3266 26.58 .4231 28.04 .5879 29.78 .8497 31.70 1.2398 33.79 1.8588 36.33 3.4013 40.56"
            ),
        ),
        Curve(
            "JPEG 2000, ffmpeg",
            "real",
            _points(
                ".1258 26.44 .1595 27.12 .1992 27.80 .2986 29.19 .3986 30.30 .5988 32.09 .7983 33.49 1.1982 35.68 "
                "2.3973 39.79"
            ),
        ),
        Curve(
            "HM",
            "real",
            _points(".0514 25.41 .1209 27.75 .2667 30.45 .5295 33.50 .9504 36.78 1.5596 39.99"),
        ),
        Curve(
            "VTM",
            "real",
            _points(
                ".0482 26.14 .1125 28.49 .2458 31.20 .4905 34.26 .8748 37.42 1.4308 40.42 2.3246 43.51 3.6326 46.59"
            ),
        ),
    )
}

# what the plot shows; all would hide each other
DRAWN = ("COIN", "COIN++", "Strümpler basic", "Strümpler meta", "RECOMBINER", "C3", "Cool-Chic 5.0", "VTM")

RATES = (0.15, 0.3, 0.6, 1.2)
# bpp: COIN's dB
COIN = {0.15: 24.5, 0.3: 26.3, 0.6: 28.4}
ABOVE_COIN = 1.0  # dB, aimed at

# Pillow's codecs at RATES over all 24 pictures, measured apart from this benchmark
MEASURED = {
    "jpeg 4:2:0": (24.20, 27.35, 30.42, 33.86),
    "jpeg 2000": (27.54, 29.95, 33.07, 37.14),
    "webp": (26.87, 29.27, 32.40, 36.43),
    "avif 4:4:4": (28.10, 30.59, 33.72, 37.70),
}

# BD-rate in % against AVIF 4:4:4 at speed 4 over all 24 pictures, of mean curves: from the published points
AGAINST_AVIF = {
    "C3 adaptive": -25.0,
    "Cool-Chic 4.2": -26.8,
    "VTM 19.1": -28.7,
    "Cool-Chic 5.0.1": -32.0,
    "TCM-L": -35.7,
    "MLIC+": -37.3,
    "HPCM-Large": -42.0,
}
