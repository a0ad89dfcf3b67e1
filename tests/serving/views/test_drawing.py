"""Pictures of fields and signals, pixel for pixel: against arrays, Pillow, and the field's own values."""

import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib import colormaps
from PIL import Image

import inr
from inr import container
from inr._errors import InrError
from inr.compression.files import sampled_contents
from inr.field import SampledField
from inr.serving.views import BadRequest, FieldImage, SignalImage, identify, parse
from inr.serving.views._drawing import Gallery, build_pyramid
from inr.serving.views._fields import OpenFields
from inr.signals import GridSignal, from_array, write

SMALL = {"encoding": "fourier:frequencies=8,sigma=2", "activation": "sine", "network": "mlp:depth=1,width=16"}


@pytest.fixture
def gallery(tmp_path):
    return Gallery(OpenFields(1 << 30), tmp_path / "pyramids")


def kept_field(folder: Path, signal: GridSignal, seed: int = 0, name: str = "field") -> tuple[inr.Field, FieldImage]:
    """A field with random weights over a signal, and the image of it and its signal."""
    torch.manual_seed(seed)
    field = inr.Field.build(signal.domain, **SMALL)
    field.save(folder / f"{name}.inr")
    return field, FieldImage(folder / f"{name}.inr", f"{name}{seed}", kept_signal(folder, signal, name))


def kept_signal(folder: Path, signal: GridSignal, name: str = "signal") -> SignalImage:
    np.save(folder / f"{name}.npy", signal.array)
    return SignalImage(folder / f"{name}.npy", f"{name}-array", signal.domain.to_json())


def picture(*shape: int, seed: int = 3) -> GridSignal:
    return from_array(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def drawn(gallery: Gallery, image: FieldImage | SignalImage, path: str, name: str = "f") -> np.ndarray:
    """The pixels of an answer."""
    with Image.open(io.BytesIO(answer(gallery, image, path, name))) as found:
        return np.asarray(found)


def answer(gallery: Gallery, image: FieldImage | SignalImage, path: str, name: str = "f") -> bytes:
    region, size, rotation, quality = path.split("/")
    request = parse(identify(name), region, size, rotation, quality, gallery.canvas(image))
    return gallery.draw(image, request.to_json())


def rendered(folder: Path, field: inr.Field) -> np.ndarray:
    """The pixels of the picture that `inr render` writes."""
    write(folder / "r.png", np.clip(field.render(), field.domain.values.low, field.domain.values.high), field.domain)
    with Image.open(folder / "r.png") as found:
        return np.asarray(found)


@pytest.fixture
def field_and_image(tmp_path):
    return kept_field(tmp_path, picture(20, 30, 3))


def test_the_native_size_is_what_render_writes(tmp_path, gallery, field_and_image):
    field, image = field_and_image
    native = rendered(tmp_path, field)
    assert (drawn(gallery, image, "full/max/0/default.png") == native).all()
    assert (drawn(gallery, image, "7,3,11,9/max/0/color.tif") == native[3:12, 7:18]).all()
    assert (drawn(gallery, image, "pct:50,25,50,50/max/0/default.png") == native[5:15, 15:]).all()
    assert (drawn(gallery, image, "square/max/0/default.png") == native[:, 5:25]).all()
    assert (drawn(gallery, image, "28,18,99,99/max/0/default.png") == native[18:, 28:]).all()


def test_quarter_turns_and_mirrors_only_move_pixels(tmp_path, gallery, field_and_image):
    field, image = field_and_image
    native = rendered(tmp_path, field)
    for turns in range(4):
        degrees = 90 * turns
        assert (drawn(gallery, image, f"full/max/{degrees}/default.png") == np.rot90(native, -turns)).all()
        mirrored = np.rot90(native[:, ::-1], -turns)
        assert (drawn(gallery, image, f"full/max/!{degrees}/default.png") == mirrored).all()


def test_beyond_the_pixels_it_is_the_field(gallery, field_and_image):
    field, image = field_and_image
    found = drawn(gallery, image, "64,32,16,24/max/0/default.png", "f@8x")
    x, y = (64 + np.arange(16) + 0.5) / 8, (32 + np.arange(24) + 0.5) / 8  # in pixels of the picture
    values = np.clip(np.rint(field.grid(x, y)), 0, 255)
    assert np.abs(found - values).max() <= 1  # float32 beside the engine's
    assert (found == values).mean() > 0.99
    assert found.std() > 1


def test_shrunk_pictures_are_means(tmp_path, gallery, field_and_image):
    field, image = field_and_image
    native = rendered(tmp_path, field).astype(float)
    means = native.reshape(10, 2, 15, 2, 3).mean(axis=(1, 3))
    assert np.abs(drawn(gallery, image, "full/15,10/0/default.png") - means).max() <= 0.5
    assert np.abs(drawn(gallery, image, "full/1,1/0/default.png") - native.mean(axis=(0, 1))).max() <= 2
    canvas = drawn(gallery, image, "0,0,240,160/15,/0/default.png", "f@8x")
    assert np.abs(canvas - means).max() <= 0.5


def test_other_angles_turn_the_coordinates(gallery, field_and_image):
    field, image = field_and_image
    found = drawn(gallery, image, "40,40,80,40/max/!30/default.png", "f@4x")
    cosine, sine = math.cos(math.pi / 6), math.sin(math.pi / 6)
    width, height = round(80 * cosine + 40 * sine), round(80 * sine + 40 * cosine)
    assert found.shape == (height, width, 4)
    x, y = np.meshgrid(np.arange(width) + 0.5 - width / 2, np.arange(height) + 0.5 - height / 2)
    across, down = x * cosine + y * sine, y * cosine - x * sine
    inside = (np.abs(across) < 40) & (np.abs(down) < 20)
    assert (found[..., 3] == 255 * inside).all()
    # mirrored first, then turned
    values = field.at(((80 - across[inside]) / 4, (60 + down[inside]) / 4), outside="extrapolate")
    assert np.abs(found[inside][:, :3] - np.clip(np.rint(values), 0, 255)).max() <= 1


def test_turned_and_shrunk_pictures_have_the_colours_of_the_middle(gallery, tmp_path):
    flat = from_array(np.full((64, 64, 3), (200, 100, 50), np.uint8))
    found = drawn(gallery, kept_signal(tmp_path, flat), "full/32,32/45/default.png")
    assert found.shape == (45, 45, 4)
    assert found[22, 22].tolist() == [200, 100, 50, 255]
    assert found[0, 0].tolist() == [0, 0, 0, 0]
    jpeg = drawn(gallery, kept_signal(tmp_path, flat), "full/32,32/45/default.jpg")
    assert np.abs(jpeg[0, 0].astype(int)).max() <= 3


def test_grey_and_bitonal(tmp_path, gallery, field_and_image):
    field, image = field_and_image
    grey = np.asarray(Image.fromarray(rendered(tmp_path, field)).convert("L"))
    assert (drawn(gallery, image, "full/max/0/gray.png") == grey).all()
    assert (drawn(gallery, image, "full/max/0/bitonal.png") == np.where(grey >= 128, 255, 0)).all()


@pytest.mark.parametrize(("form", "name"), [("jpg", "JPEG"), ("png", "PNG"), ("webp", "WEBP"), ("tif", "TIFF")])
def test_formats(gallery, field_and_image, form, name):
    field, image = field_and_image
    with Image.open(io.BytesIO(answer(gallery, image, f"full/max/0/default.{form}"))) as found:
        assert (found.format, found.size, found.mode) == (name, (30, 20), "RGB")
        off = np.abs(np.asarray(found).astype(int) - np.clip(field.render(), 0, 255)).mean()
    assert off < 20


def test_error_is_the_largest_of_the_channels_on_a_logarithmic_scale(gallery, field_and_image):
    field, image = field_and_image
    original = np.load(image.signal.path).astype(np.float32)
    share = np.abs(field.render() - original).max(axis=2) / 255
    expected = np.clip(np.rint(255 * (1 + np.log10(np.maximum(share, 1e-3)) / 3)), 0, 255).astype(int)
    colours = (colormaps["inferno"](np.arange(256))[:, :3] * 255 + 0.5).astype(np.uint8)
    found = drawn(gallery, image, "full/max/0/error.png")
    assert (found == colours[expected]).mean() > 0.98  # a share at the edge of two tones is rounded either way
    enlarged = drawn(gallery, image, "0,0,32,32/max/0/error.png", "f@4x")
    assert (enlarged == np.repeat(np.repeat(found[:8, :8], 4, 0), 4, 1)).all()


def test_error_needs_the_original(gallery, field_and_image):
    _, image = field_and_image
    with pytest.raises(BadRequest, match="no quality of this image"):
        drawn(gallery, replace(image, signal=None), "full/max/0/error.png")


def test_error_needs_an_original_of_the_same_shape(gallery, tmp_path, field_and_image):
    _, image = field_and_image
    other = replace(image, signal=kept_signal(tmp_path, picture(20, 31, 3), "other"))
    with pytest.raises(BadRequest, match="another shape"):
        drawn(gallery, other, "full/max/0/error.png")


def test_slope_is_the_length_of_the_gradient(gallery, tmp_path):
    field, image = kept_field(tmp_path, picture(16, 24))
    plane = gallery.plane(image, {}, "slope")
    x, y = np.array([3.3, 11.0, 20.7]), np.array([2.0, 9.9, 14.2])
    slopes = np.hypot(field.at((x, y), (1, 0)), field.at((x, y), (0, 1)))[:, 0] / 255  # of the range, a pixel
    expected = 255 * (1 + np.log10(slopes) / 3)
    found = plane.points(x, y, (0, 0, 3, 2), (60, 40))[:, 0]
    assert np.abs(found - expected).max() <= 2
    assert drawn(gallery, image, "full/max/0/slope.png").shape == (16, 24, 3)
    assert drawn(gallery, image, "full/6,/0/slope.jpg").shape == (4, 6, 3)


def test_missing_samples_are_transparent(tmp_path, gallery):
    array = np.random.default_rng(0).normal(size=(12, 16)).astype(np.float32)
    array[2:5, 3:9] = np.nan
    field, image = kept_field(tmp_path, from_array(array, kind="image"))
    found = drawn(gallery, image, "full/max/0/default.png")
    assert (found[..., 1] == np.where(np.isnan(array), 0, 255)).all()
    low, high = field.domain.values.low[0], field.domain.values.high[0]
    grey = np.clip(np.rint((field.render()[..., 0] - low) / (high - low) * 255), 0, 255)
    present = ~np.isnan(array)
    assert np.abs(found[..., 0][present] - grey[present]).max() <= 1
    assert drawn(gallery, image, "full/max/0/default.jpg").shape == (12, 16)
    half = drawn(gallery, image, "2,2,4,4/2,2/0/default.png")  # half of one pixel's samples are there, all of another's
    assert half[..., 1].tolist() == [[128, 0], [191, 128]]
    turned = drawn(gallery, image, "full/max/10/default.webp")
    assert (turned[4, 7, 3], turned[12, 12, 3]) == (0, 255)
    assert (drawn(gallery, image.signal, "full/max/0/default.png")[..., 1] == found[..., 1]).all()
    assert (drawn(gallery, image, "full/max/0/error.png")[..., 3] == found[..., 1]).all()
    slope = drawn(gallery, image, "full/max/0/slope.png")[..., 3]
    assert not slope[2:5, 3:9].any()
    assert slope[7:, :].all()


def test_transparency_stays(tmp_path, gallery):
    array = np.random.default_rng(0).integers(0, 256, (8, 10, 4), dtype=np.uint8)
    original = kept_signal(tmp_path, from_array(array))
    assert (drawn(gallery, original, "full/max/0/default.png") == array).all()
    assert drawn(gallery, original, "full/max/0/gray.png").shape == (8, 10, 2)
    assert drawn(gallery, original, "full/max/0/default.jpg").shape == (8, 10, 3)


def test_signals_show_their_own_samples(tmp_path, gallery):
    signal = picture(20, 30, 3)
    original = kept_signal(tmp_path, signal)
    assert (drawn(gallery, original, "full/max/0/default.png") == signal.array).all()
    enlarged = drawn(gallery, original, "40,16,24,16/max/0/default.png", "signal-1@8x")
    assert (enlarged == np.repeat(np.repeat(signal.array[2:4, 5:8], 8, 0), 8, 1)).all()
    means = signal.array.reshape(10, 2, 15, 2, 3).mean(axis=(1, 3))
    assert np.abs(drawn(gallery, original, "full/15,/0/default.png") - means).max() <= 0.5


def test_sixteen_bits_are_spread_over_eight(tmp_path, gallery):
    array = np.random.default_rng(0).integers(0, 65536, (8, 10), dtype=np.uint16)
    found = drawn(gallery, kept_signal(tmp_path, from_array(array)), "full/max/0/default.png")
    assert (found == np.rint(array / 257)).all()


def test_slices_of_volumes(tmp_path, gallery):
    array = np.random.default_rng(0).normal(size=(6, 8, 10)).astype(np.float32)
    field, image = kept_field(tmp_path, from_array(array, kind="volume"))
    low, high = field.domain.values.low[0], field.domain.values.high[0]
    native = np.clip(np.rint((field.render()[..., 0] - low) / (high - low) * 255), 0, 255)
    samples = np.clip(np.rint((array - low) / (high - low) * 255), 0, 255)
    for index in (0, 2, 5):
        name = f"f;z={(index + 0.5) / 6:.9f}"
        assert np.abs(drawn(gallery, image, "full/max/0/default.png", name) - native[index]).max() <= 1
        assert (drawn(gallery, image.signal, "full/max/0/default.png", name) == samples[index]).all()
    assert np.abs(drawn(gallery, image, "full/max/0/default.png", "f;x=0.25") - native[:, :, 2]).max() <= 1
    assert (drawn(gallery, image.signal, "full/max/0/default.png", "f;x=0.25") == samples[:, :, 2]).all()
    assert np.abs(drawn(gallery, image, "full/max/0/default.png", "f;z=1") - native[5]).max() <= 1
    assert drawn(gallery, image, "full/max/20/default.png", "f;z=0@2x").shape == (22, 24, 2)
    assert drawn(gallery, image, "full/max/0/error.png", "f;y=0").shape == (6, 10, 3)


def test_frames_of_videos(tmp_path, gallery):
    array = np.random.default_rng(0).integers(0, 256, (4, 6, 8, 3), dtype=np.uint8)
    field, image = kept_field(tmp_path, from_array(array, kind="video"))
    frames = np.clip(np.rint(field.render()), 0, 255)
    assert np.abs(drawn(gallery, image, "full/max/0/default.png", "f;t=0.625") - frames[2]).max() <= 1
    assert (drawn(gallery, image.signal, "full/max/0/default.png", "f;t=0.625") == array[2]).all()
    assert (drawn(gallery, image.signal, "full/max/0/default.png") == array[2]).all()


def test_scattered_samples_are_seen_through_their_field(tmp_path, gallery):
    rng = np.random.default_rng(0)
    signal = inr.signals.from_samples(rng.uniform(0, 1, (50, 2)) * [4.0, 1.0], rng.normal(size=50))
    field = inr.Field.build(signal.domain, **SMALL)
    field.save(tmp_path / "s.inr")
    image = FieldImage(tmp_path / "s.inr", "s")
    assert gallery.canvas(image).sizes[0] == 512
    assert drawn(gallery, image, "full/max/0/default.png").shape == gallery.canvas(image).sizes[::-1]
    with pytest.raises(BadRequest, match="scattered"):
        gallery.canvas(SignalImage(tmp_path, "s", signal.domain.to_json()))


def test_sounds_have_no_picture(tmp_path, gallery):
    signal = from_array(np.zeros(100, np.float32), kind="audio", sample_rate=100)
    with pytest.raises(BadRequest, match="one axis"):
        gallery.canvas(kept_signal(tmp_path, signal))


def test_fields_that_are_samples(tmp_path, gallery):
    signal = picture(12, 18, 3)
    container.write(tmp_path / "s.inr", *sampled_contents(SampledField(signal)))
    image = FieldImage(tmp_path / "s.inr", "s")
    assert (drawn(gallery, image, "full/max/0/default.png") == signal.array).all()
    assert (drawn(gallery, image, "3,2,5,4/max/0/default.png") == signal.array[2:6, 3:8]).all()


def test_a_pyramid_may_be_made_beforehand(tmp_path, gallery, field_and_image, monkeypatch):
    _, image = field_and_image
    build_pyramid(image, tmp_path)
    monkeypatch.setattr("inr.serving.views._planes.make_pyramid", None)
    assert drawn(gallery, image, "full/15,/0/default.png").shape == (10, 15, 3)


def test_damaged_fields_are_refused_in_a_sentence(tmp_path, gallery):
    (tmp_path / "bad.inr").write_bytes(b"nothing")
    with pytest.raises(inr.InrError, match=r"bad\.inr"):
        gallery.canvas(FieldImage(tmp_path / "bad.inr", "bad"))
    with pytest.raises(inr.InrError, match="cannot be read"):
        drawn(
            gallery, SignalImage(tmp_path / "none.npy", "n", picture(4, 4).domain.to_json()), "full/max/0/default.png"
        )


def test_open_fields_are_bounded(tmp_path):
    fields = OpenFields(1)
    images = [kept_field(tmp_path, picture(4, 4), seed=seed, name=f"n{seed}")[1] for seed in range(3)]
    first = fields.get(images[0])
    assert fields.get(images[0]) is first
    fields.get(images[1])
    assert list(fields._fields) == [images[1].sha256]


def test_what_takes_too_long_is_given_up(tmp_path):
    """So that the process need not be, with what others wait for."""
    field, image = kept_field(tmp_path, picture(12, 16, 3))
    opened = OpenFields(1 << 20).get(image)
    box = [(-1.0, 1.0)] * 2
    assert opened.render((12, 16), box, seconds=1000).shape == field.render().shape
    with pytest.raises(InrError, match="192 samples of this field take more than -1 seconds"):
        opened.render((12, 16), box, seconds=-1)
