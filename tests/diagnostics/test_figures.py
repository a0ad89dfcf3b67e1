"""Figures that matplotlib draws: what is in them, how names are placed, and that nothing else is touched."""

import itertools
import logging
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab

from inr import InrError
from inr.diagnostics import Series, Subplot, plot
from inr.diagnostics._figures import _looks, figure_style, label_ends, new_figure, set_ticks, spread

CURVES = [Series(f"fit {k}", np.arange(1, 40), k + np.sqrt(np.arange(1, 40))) for k in range(3)]
# Machado et al. (2009), full strength, of linear RGB
BLINDNESS = {
    "none": np.eye(3),
    "red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("labels", ["legend", "ends"])
@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.long
def test_nothing_is_cut_off_by_the_edge(tmp_path, labels, count):
    subplots = [Subplot(f"plot {k}", CURVES, note="a note", level=3.0) for k in range(count)]
    options = {"title": "title", "x_label": "steps", "y_label": "dB", "labels": labels}
    plot(subplots, tmp_path / "plot.png", **options)
    pixels = pixels_of(tmp_path / "plot.png")
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert (border == 255).all()
    for colour in ((29, 91, 214), (217, 72, 15), (2, 161, 217)):
        assert (np.abs(pixels.astype(int) - colour).sum(axis=2) < 12).sum() > 100 * count
    plot(subplots, tmp_path / "again.png", **options)
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "plot.png").read_bytes()


def test_every_style_and_any_title(tmp_path):
    series = [
        Series("line", [1, 2, 3], [1, np.nan, 3]), Series("dashed", [1, 100, 1000], [3, 2, 1], style="dashed"),
        Series("points", [10], [2], style="points", colour="black", width=4), Series("nothing", [], []),
        Series("", [1], [1]),
    ]  # fmt: skip
    subplot = Subplot("50 $ of 日本", series, x_limits=(1, 1e4), y_limits=(0, 4))
    for labels in ("legend", "ends"):
        plot([subplot], tmp_path / "plot.png", x_scale="log", labels=labels, force=True)


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(InrError, match="nothing to draw"):
        plot([Subplot("empty", [])], tmp_path / "plot.png")
    with pytest.raises(InrError, match=r"call it .*plot\.png"):
        plot([Subplot("one", CURVES)], tmp_path / "plot.pdf")
    (tmp_path / "plot.png").write_text("precious")
    with pytest.raises(InrError, match="exists"):
        plot([Subplot("one", CURVES)], tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_text() == "precious"


def test_series_of_one_name_look_alike_and_colours_that_come_again_are_dashed():
    with figure_style():
        names = [f"series {k}" for k in range(10)]
        looks = _looks([Subplot("a", [Series(name, [0], [0]) for name in order]) for order in (names, names[::-1])])
    assert list(looks) == names
    assert looks["series 8"]["color"] == looks["series 0"]["color"]
    assert [look["linestyle"] for look in looks.values()] == ["-"] * 8 + ["--"] * 2


def test_names_beside_curves_keep_apart_and_in_order():
    with figure_style():
        axes = new_figure(5, 3).subplots()
        axes.set_ylim(0, 10)
        label_ends(axes, [(f"name {y}", 1.0, y, "black") for y in (9.9, 5.0, 5.1, 5.2, 0.0)])
        rows = {text.get_text(): text.xyann[1] for text in axes.texts}
        height = axes.get_window_extent().height
    assert sorted(rows, key=rows.get) == [f"name {y}" for y in (0.0, 5.0, 5.1, 5.2, 9.9)]
    gaps = [height * (b - a) for a, b in itertools.pairwise(sorted(rows.values()))]
    assert min(gaps) > 8.5 * 100 / 72
    assert all(0 <= row <= 1 for row in rows.values())


def test_places_keep_apart_whatever_is_wanted():
    assert spread([3.0, 3.0, 9.0], 2.0, 0.0, 10.0) == [3.0, 5.0, 9.0]
    assert spread([8.0, 9.0, 9.0], 2.0, 0.0, 10.0) == [6.0, 8.0, 10.0]
    wanted = sorted(np.random.default_rng(0).uniform(0, 100, 20))
    places = spread(wanted, 4.0, 0.0, 100.0)
    assert min(b - a for a, b in itertools.pairwise(places)) >= 4 - 1e-9
    assert places[0] >= 0
    assert places[-1] <= 100


@pytest.mark.parametrize(
    ("limits", "expected"), [((0.5, 20), "0.5 1 2 5 10 20"), ((1, 1e5), "1 10 100 1,000 10,000 100,000")]
)
def test_logarithmic_ticks_are_plain_numbers(limits, expected):
    with figure_style():
        axes = new_figure(5, 3).subplots()
        axes.set_xscale("log")
        axes.set_xlim(*limits)
        set_ticks(axes, "log")
        ticks = [tick for tick in axes.get_xticks() if limits[0] * 0.999 <= tick <= limits[1] * 1.001]
        assert " ".join(axes.xaxis.get_major_formatter()(tick) for tick in ticks) == expected


@pytest.mark.parametrize("kind", BLINDNESS)
def test_any_two_colours_are_told_apart(kind):
    import matplotlib

    with figure_style():
        colours = matplotlib.rcParams["axes.prop_cycle"].by_key()["color"]
    values = np.array([[int(colour.strip("#")[i : i + 2], 16) / 255 for i in (0, 2, 4)] for colour in colours])
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(BLINDNESS[kind]).T, 0, 1)
    lab = rgb2lab(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)[None])[0]
    assert min(deltaE_ciede2000(a, b) for a, b in itertools.combinations(lab, 2)) > 15.9


def test_drawing_leaves_matplotlib_as_it_was(tmp_path):
    import matplotlib

    before, level = dict(matplotlib.rcParams), logging.getLogger("matplotlib").level
    plot([Subplot("one", CURVES)], tmp_path / "plot.png")
    assert dict(matplotlib.rcParams) == before
    assert logging.getLogger("matplotlib").level == level


def test_matplotlib_is_loaded_when_something_is_drawn_and_opens_no_window(tmp_path):
    code = (
        "import sys; from inr.diagnostics import Series, Subplot, plot; assert 'matplotlib' not in sys.modules;"
        f"plot([Subplot('a', [Series('b', [1], [2])])], r'{tmp_path / 'plot.png'}');"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
