"""Fits side by side: what is shown is theirs, lies where they differ, on one scale; the page asks for nothing else."""

import itertools
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from PIL import Image, ImageColor

import inr
from inr.diagnostics import Comparison, Run, estimate, sweep_curves, sweep_page, sweep_sheet, thumbnail
from inr.diagnostics._comparison import error_tones, rounded_up
from inr.diagnostics._figures import figure_style, new_figure
from inr.diagnostics._page_curves import curve_chart
from inr.diagnostics._paper import REGION_COLOURS
from inr.diagnostics._regions import disagreement, line_regions, picture_regions
from inr.diagnostics._svg import INKS, Chart, Curve, Dot, Label, shortened, text_width
from inr.diagnostics._sweep_curves import draw_curves
from inr.diagnostics._thumbnail import SILENCE, pooled, signal_thumbnail
from inr.diagnostics._tiles import error_pixels, region_pixels
from tests.diagnostics.test_sheet import SIGNALS
from tests.tables import mostly_long

RNG = np.random.default_rng(0)
METRICS = {
    "psnr": 30.0,
    "holdout": np.nan,
    "ssim": np.nan,
    "snr": np.nan,
    "seconds": 3.0,
    "steps": 10,
    "parameters": 99,
}
CURVE = np.array([[1, 0.1, 10.0], [2, 0.2, 15.0], [5, 0.5, 20.0], [10, 1.0, 29.0]])
VOID = {"meta", "link", "br", "img", "hr", "input", "circle", "polyline"}


def field_of(signal, seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return inr.Field.build(signal.domain, network="mlp:depth=1,width=8")


def comparison_of(signal, count=3, **changes):
    runs = []
    for seed in range(count):
        field = field_of(signal, seed)
        run = Run(
            f"fit <{seed}>", METRICS | {"psnr": 30.0 - seed, "seconds": 1.0 + seed}, "", f"inr fit --seed {seed}",
            CURVE, thumbnail(field, signal), lambda indices, field=field: estimate(field, signal, indices), True,
            "a & b",
        )  # fmt: skip
        runs.append(run)
    return Comparison("a <signal>", signal, runs, ["facts"], "over all samples", **changes)


class Page(HTMLParser):
    """What a page holds: its tags balanced, its addresses, its ids."""

    def __init__(self, text):
        super().__init__()
        self.open, self.addresses, self.ids, self.tags, self.words = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        for name, value in attrs:
            if name in ("src", "href", "action", "data", "poster", "srcset", "xlink:href"):
                self.addresses.append(value)
            if name == "id":
                self.ids.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.mark.parametrize("kind", mostly_long(dict.fromkeys(["RGBA", "sound", *SIGNALS]), 2))
def test_every_kind_has_a_sheet_a_page_and_curves(kind, tmp_path):
    comparison = comparison_of(SIGNALS[kind](), count=2)
    sweep_sheet(comparison, tmp_path / "sheet.png")
    sweep_curves(comparison, tmp_path / "curves.png")
    sweep_page(comparison, tmp_path / "index.html")
    for name in ("sheet.png", "curves.png"):
        with Image.open(tmp_path / name) as sheet:
            pixels = np.asarray(sheet)
        pixels = pixels[..., :3]
        assert 500 < pixels.shape[1] < 2600
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        assert (border == 255).all()  # nothing is cut off by the paper's edge
    page = Page((tmp_path / "index.html").read_text())
    assert sum(tag == "article" for tag, _ in page.tags) == 2


def test_a_page_needs_nothing_but_itself(tmp_path):
    pixels = RNG.integers(0, 255, (150, 200, 3), dtype=np.uint8)
    sweep_page(comparison_of(inr.Signal.from_array(pixels)), tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text()
    page = Page(text)
    assert page.addresses
    assert all(address.startswith("data:image/") for address in page.addresses)
    assert all(address.startswith("data:image/") for address in re.findall(r"url\((.*?)\)", text))
    written = re.sub(r"data:image/[a-z]+;base64,[A-Za-z0-9+/=]+", "", text)
    assert "//" not in written.replace("\n// ", "")  # no address; comments aside
    assert "@import" not in written
    assert len(set(page.ids)) == len(page.ids)
    assert not [attrs for tag, attrs in page.tags if tag in ("link", "iframe", "object", "embed")]
    assert all(not attrs.get("src") for tag, attrs in page.tags if tag == "script")


def test_a_page_says_what_the_fits_came_to(tmp_path):
    comparison = comparison_of(SIGNALS["RGB"](), command="inr fit & more")
    sweep_page(comparison, tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text()
    page = Page(text)
    assert "a <signal>" in page.words  # escaped in the file
    assert "a <signal>" not in text
    assert "inr fit & more" in page.words
    rows = [attrs for tag, attrs in page.tags if tag == "tr" and "data-row" in attrs]
    assert [row["data-row"] for row in rows] == ["0", "1", "2"]
    assert {row["data-card"] for row in rows} <= set(page.ids)
    values = [float(attrs["data-value"]) for tag, attrs in page.tags if tag == "td" and "data-value" in attrs]
    assert [value for value in values if 27 < value < 31] == [30, 29, 28]
    best = [attrs for tag, attrs in page.tags if tag == "td" and attrs.get("class") == "best"]
    assert [attrs["data-value"] for attrs in best[:2]] == ["30", "1"]
    for button in (attrs for tag, attrs in page.tags if tag == "button" and "data-set" in attrs):
        assert button["data-set"] in ("by", "view")


def test_fits_without_pictures_are_in_the_table(tmp_path):
    comparison = comparison_of(SIGNALS["RGB"](), count=1)
    nothing = dict.fromkeys(METRICS, np.nan)
    failed = Run("broken", nothing, "out of memory", "inr fit", ranked=False)
    comparison = Comparison("x", comparison.signal, [*comparison.runs, failed], earlier=[failed])
    sweep_page(comparison, tmp_path / "index.html")
    sweep_sheet(comparison, tmp_path / "sheet.png")
    sweep_curves(comparison, tmp_path / "curves.png")
    text = (tmp_path / "index.html").read_text()
    assert "out of memory" in text
    assert "earlier rounds" in text
    alone = Comparison("x", comparison.signal, [failed])
    for draw, name in ((sweep_page, "a.html"), (sweep_sheet, "a.png"), (sweep_curves, "b.png")):
        draw(alone, tmp_path / name)
        with pytest.raises(inr.InrError, match="exists"):
            draw(alone, tmp_path / name)
    with pytest.raises(inr.InrError, match="is a PNG"):
        sweep_sheet(alone, tmp_path / "sheet.jpg")


def test_looks_are_means_and_root_mean_squares():
    pixels = RNG.integers(0, 255, (700, 900, 3), dtype=np.uint8)
    signal = inr.Signal.from_array(pixels)
    field = field_of(signal, 0)
    small = thumbnail(field, signal)
    assert small.picture.shape == (234, 300, 3)  # threes of pixels
    rendered = field.render().clip(0, 255)
    share = (rendered - pixels) / 255
    block = share[30:33, 60:63]
    assert small.error[10, 20] == pytest.approx(np.sqrt(np.square(block).mean()), rel=1e-4)
    assert np.abs(small.picture[10, 20] - rendered[30:33, 60:63].mean(axis=(0, 1))).max() <= 0.51
    assert signal_thumbnail(signal).error.max() == 0


def test_means_over_squares_keep_the_edges():
    values = np.arange(35.0).reshape(5, 7, 1)
    small = pooled(values, 3)
    assert small.shape == (2, 3, 1)
    assert small[0, 0, 0] == values[:3, :3].mean()
    assert small[1, 2, 0] == values[3:, 6:].mean()


def test_a_full_scale_square_wave_of_error_is_0_dB():
    rate, size = 8000, 8000
    tone = np.sin(2 * np.pi * 1000 * np.arange(size) / rate)
    signal = inr.Signal.from_array(tone, kind="audio", sample_rate=rate)
    field = field_of(signal, 0)
    with torch.no_grad():
        for parameter in field.network.layers[-1].parameters():
            parameter.zero_()
    small = thumbnail(field, signal)  # silence: the error is the tone
    row, level = np.unravel_index(small.spectrum.argmax(), small.spectrum.shape)[0], small.spectrum.max()
    assert row == pytest.approx(1000 / 4000 * small.spectrum.shape[0], abs=1.5)
    assert -12 < level < -3  # a sine is 3 dB below, the window's sides are shared by neighbours
    assert small.error == pytest.approx(np.sqrt(0.5) / 2, rel=0.3)
    assert small.spectrum.min() >= SILENCE


def test_scattered_samples_are_shown_where_they_lie():
    coords = np.stack([np.linspace(-1, 1, 400), np.linspace(-1, 1, 400)], axis=1)
    signal = inr.Signal.from_samples(coords, coords[:, 0])
    small = signal_thumbnail(signal)
    side = len(small.error)
    seen = ~np.isnan(small.error)
    assert seen.sum() == side
    assert seen[np.arange(side)[::-1], np.arange(side)].all()  # rises to the right: y points up


def test_disagreement_is_the_mean_difference_of_pairs():
    errors = [RNG.random((5, 6)) for _ in range(4)]
    pairs = [np.abs(a - b) for index, a in enumerate(errors) for b in errors[index + 1 :]]
    np.testing.assert_allclose(disagreement(errors), np.mean(pairs, axis=0))
    np.testing.assert_array_equal(disagreement(errors[:1]), errors[0])


def test_regions_lie_where_fits_differ():
    errors = [np.zeros((100, 150)) for _ in range(5)]
    errors[4][20:30, 100:110] = 1.0  # at the scale of the maps, a quarter of the picture's
    errors[3][70:80, 20:30] = 0.5
    errors[0][60:70, 110:120] = 0.1  # one of the best three
    first, second, third = picture_regions(errors, (400, 600))
    for region, (row, column) in ((first, (25, 105)), (second, (75, 25)), (third, (65, 115))):
        rows, columns = region.part
        assert rows.start <= 4 * row < rows.stop
        assert columns.start <= 4 * column < columns.stop
        assert rows.stop <= 400
        assert columns.stop <= 600
    assert [region.name for region in (first, second, third)] == ["A", "B", "C"]
    assert "best 3" in third.why


@pytest.mark.parametrize("shape", [(1, 1), (96, 40), (97, 3), (49, 4000), (3000, 3000)])
def test_regions_of_any_picture_lie_within_it(shape):
    small = tuple(max(side // 10, 1) for side in shape)
    for region in picture_regions([RNG.random(small), RNG.random(small)], shape):
        rows, columns = region.part
        assert 0 <= rows.start < rows.stop <= shape[0]
        assert 0 <= columns.start < columns.stop <= shape[1]


def test_runs_along_a_line():
    errors = [np.zeros(1000), np.zeros(1000)]
    errors[1][500:510] = 1.0
    first = line_regions(errors, 50_000, 600)[0]
    columns = first.part[1]
    assert first.part[0] == slice(0, 1)
    assert columns.start <= 25_250 < columns.stop
    assert columns.stop - columns.start == 600
    assert [region.width for region in line_regions(errors, 1000, 600)] == [1000]


def test_errors_of_all_fits_are_on_one_scale():
    signal = SIGNALS["RGB"]()
    comparison = comparison_of(signal, 4)
    close = [comparison.crop(comparison.regions[0], run) for run in comparison.runs]
    better = [np.quantile(np.concatenate([run.thumbnail.error.ravel(), each.error.ravel()]), 0.97)
              for run, each in zip(comparison.runs[:2], close[:2], strict=True)]  # fmt: skip
    assert comparison.error_scale == rounded_up(float(max(better)))
    rendered = field_of(signal, 1).render().clip(0, 255)
    np.testing.assert_allclose(close[1].values, rendered, rtol=1e-4)
    share = np.sqrt(np.square((rendered - signal.array) / 255).mean(axis=2))
    np.testing.assert_allclose(close[1].error, share, rtol=1e-3)
    assert [rounded_up(number) for number in (0.0, 0.011, 0.02, 0.3, 1.0, 7.0)] == [1e-4, 0.02, 0.02, 0.5, 1.0, 1.0]
    np.testing.assert_allclose(error_tones(np.array([0, 0.01, 0.04, -0.04, 9, np.nan]), 0.04), [0, 0.5, 1, 1, 1, 0])


def test_curves_end_at_what_was_measured():
    comparison = comparison_of(SIGNALS["RGB"]())
    chart = curve_chart(comparison, "steps")
    dots = {shape.group: shape.at for shape in chart.shapes if isinstance(shape, Dot)}
    lines = {shape.group: shape.points for shape in chart.shapes if isinstance(shape, Curve) and shape.width > 1.2}
    assert set(dots) == {"0", "1", "2"}
    assert dots["0"][1] < dots["1"][1] < dots["2"][1]  # 30 dB above 28
    # a decibel has one length, and the curve's end, 29 dB, lies as high as the second fit's dot
    assert lines["0"][-1] == pytest.approx(dots["1"])
    labels = [shape.at[1] for shape in chart.shapes if isinstance(shape, Label) and shape.group]
    assert len(labels) == 3
    assert min(abs(a - b) for a, b in itertools.pairwise(labels)) >= 17.9
    assert all(0 <= y <= chart.height for y in labels)


def test_a_chart_says_in_svg_what_it_is_made_of():
    shapes = [Curve([(10, 10), (90, 10)], "s1", 4), Dot((50, 40), 8, "s2", "x"), Label((5, 60), "a < b", "ink")]
    page = Page(Chart(100, 80, shapes, 'with "quotes"').svg())
    assert ("polyline", "10.0,10.0 90.0,10.0") in [(tag, attrs.get("points")) for tag, attrs in page.tags]
    assert ("circle", "s2", "x") in [(tag, attrs.get("class"), attrs.get("data-series")) for tag, attrs in page.tags]
    assert "a < b" in page.words
    assert page.tags[0][1]["aria-label"] == 'with "quotes"'
    dashed = Page(Chart(100, 20, [Curve([(0, 10), (100, 10)], "s1", 4, True)]).svg())
    assert dashed.tags[1][1]["stroke-dasharray"] == "7 4"


def test_the_figure_has_the_curves_of_the_page_in_its_colours():
    comparison = comparison_of(SIGNALS["RGB"]())
    with figure_style():
        axes = new_figure(8, 4).subplots()
        draw_curves(axes, comparison, "steps")
        lines = {line.get_color(): line.get_xydata() for line in axes.lines if len(line.get_xydata()) > 1}
        dots = {line.get_color(): line.get_xydata()[0] for line in axes.lines if len(line.get_xydata()) == 1}
        names = {text.get_text(): text.get_color() for text in axes.texts}
    for place, run in enumerate(comparison.runs):
        colour = INKS[f"s{place}"]
        np.testing.assert_array_equal(lines[colour], run.curve[:, [0, 2]])
        np.testing.assert_array_equal(dots[colour], [run.curve[-1, 0], run.metrics["psnr"]])
        assert names[run.title] == colour


def test_the_sheet_shows_every_pixel_of_a_region_and_of_its_error(tmp_path):
    comparison = comparison_of(inr.Signal.from_array(RNG.integers(0, 255, (300, 320, 3), dtype=np.uint8)))
    sweep_sheet(comparison, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    for region in comparison.regions:
        original = np.kron(region_pixels(comparison, region), np.ones((192 // region.height, 192 // region.width, 1)))
        top, left = find(pixels, original.astype(np.uint8))
        for row, run in enumerate(comparison.runs, start=1):
            error = error_pixels(comparison.crop(region, run).error, comparison.error_scale)
            for column, tile in ((left, region_pixels(comparison, region, run)), (left + 192 + 4, error)):
                large = np.kron(tile, np.ones((192 // region.height, 192 // region.width, 1)))
                below = top + row * (192 + 18)
                np.testing.assert_array_equal(pixels[below : below + 192, column : column + 192], large)
        marks = (pixels[:500] == np.array(ImageColor.getrgb(REGION_COLOURS[region.name]))).all(axis=2)
        assert marks.sum() > 18 * 18 + 3 * region.width  # its letter, and its frame in the picture


def find(pixels, tile):
    """Row and column of the upper left corner of a tile."""
    for top, left in zip(*np.nonzero((pixels == tile[0, 0]).all(axis=2)), strict=True):
        if (pixels[top : top + len(tile), left : left + tile.shape[1]].shape == tile.shape) and (
            pixels[top : top + len(tile), left : left + tile.shape[1]] == tile
        ).all():
            return top, left
    pytest.fail("the tile is not on the sheet")


def test_long_titles_are_cut_in_the_middle():
    text = "fourier:sigma=10,frequencies=64 + sine:omega=30"
    cut = shortened(text, 13, 150)
    assert text_width(cut, 13) <= 150
    assert "…" in cut
    assert text.startswith(cut.partition("…")[0])
    assert text.endswith(cut.partition("…")[2])
    assert shortened("short", 13, 150) == "short"
