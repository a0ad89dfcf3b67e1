"""What notebooks show: pictures of every kind of signal and field, tables, and the curve of a running fit."""

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import inr
from inr import Event
from inr.diagnostics import LiveCurve, live_curve, table_html

pytestmark = pytest.mark.quick
RNG = np.random.default_rng(2)


def signals() -> dict[str, inr.Signal]:
    return {
        "image": inr.from_array(RNG.integers(0, 255, (30, 400, 3), dtype=np.uint8)),
        "audio": inr.from_array(RNG.random(500, dtype=np.float32), kind="audio", sample_rate=8000),
        "video": inr.from_array(RNG.integers(0, 255, (3, 20, 24, 3), dtype=np.uint8), kind="video"),
        "volume": inr.from_array(RNG.random((4, 12, 10), dtype=np.float32)),
        "curve": inr.signals.from_samples(np.sort(RNG.random(40)), RNG.random(40)),
        "map": inr.signals.from_samples(RNG.random((300, 2)), RNG.random(300)),
        "cloud": inr.signals.from_samples(RNG.random((300, 3)), RNG.random(300)),
    }


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


@pytest.mark.parametrize("kind", signals())
def test_every_kind_of_signal_and_field_has_a_picture_and_a_table(kind):
    signal = signals()[kind]
    field = inr.Field.build(signal.domain, network="mlp:depth=1,width=8")
    assert min(opened(signal._repr_png_()).size) >= 24
    html = field._repr_html_()
    if kind == "cloud":
        assert field._repr_png_() is None
    else:
        assert max(opened(field._repr_png_()).size) <= 640
        assert "data:image/png;base64," in html
    for words in ("sine:omega=30.0", "mlp:depth=1,width=8", f"{field.parameter_count:,}", "bytes"):
        assert words in html
    assert signal.domain.axes[0].name in signal._repr_html_()


def test_the_picture_is_of_the_field():
    array = np.zeros((6, 8, 3), np.uint8)
    array[:, 4:] = 255
    field = inr.fit(inr.from_array(array), coding="samples")
    field.metrics = {"psnr": 41.234, "ssim": 0.91}
    picture = np.asarray(opened(field._repr_png_()))
    assert picture.shape == (240, 320, 3)
    assert picture[:, :150].max() == 0
    assert picture[:, 170:].min() == 255
    assert "41.23 dB" in field._repr_html_()
    assert "0.9100" in field._repr_html_()


def test_the_middle_slice_is_shown():
    array = np.zeros((5, 40, 50), np.float32)
    array[2] = 1
    field = inr.fit(inr.from_array(array), coding="samples")
    assert np.asarray(opened(field._repr_png_())).min() == 255


def test_tables_escape_what_they_are_given():
    html = table_html(["<name>", "dB"], [["a & b", "3"]])
    assert "&lt;name&gt;" in html
    assert "a &amp; b" in html
    assert "<name>" not in html


class Display:
    """Stands for IPython's."""

    def __init__(self):
        self.shown = []

    def __call__(self, bundle, *, raw, display_id):
        self.shown.append(bundle)
        return self

    def update(self, bundle, *, raw):
        self.shown.append(bundle)


def test_a_curve_grows_and_ends_with_the_fit():
    display = Display()
    curve = LiveCurve(display)
    for step in range(1, 5001):
        curve(Event("step", step, 5000, 0.1, 10 + step / 500, step / 100, 1e-3, "eager", step))
    curve(Event("end", 5000, 5000, 0.1, 20.0, 50.0, 1e-3, "eager", 5000, "steps"))
    assert display.shown[0]["text/plain"] == "step 1 of 5,000, 0.0 s, 10.00 dB"
    assert display.shown[-1]["text/plain"] == "step 5,000 of 5,000, 50.0 s, 20.00 dB"
    assert "data:image/png;base64," in display.shown[-1]["text/html"]
    assert len(display.shown) < 100  # not at every step


def test_notebooks_are_told_from_terminals(monkeypatch):
    display = Display()
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    inr.fit(
        np.zeros((4, 5, 3), np.uint8), network="mlp:depth=1,width=4", encoding="identity", steps=3, engine="eager",
        coding="exact",
    )  # fmt: skip
    assert display.shown[-1]["text/plain"].startswith("step 3 of 3")
    shell.kernel = None
    assert live_curve() is None
