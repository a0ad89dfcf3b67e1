"""Coded fits: a field is what its file decodes to, within the bytes that it was given."""

import numpy as np
import pytest
import torch
from PIL import Image

import inr
from inr import Budget, DamagedFile, InrError
from inr.compression import Keeping, finish
from inr.compression.encoder.coded_weights import coarsest_reaching
from inr.field import SampledField
from inr.fitting import make_fitter
from inr.signals import lossless_bytes, metadata_bytes

PARTS = {"encoding": "hash:levels=4,log2_size=8,coarsest=4,finest=24", "network": "mlp:depth=1,width=16"}


def signal() -> inr.Signal:
    y, x = np.mgrid[:24, :32]
    return inr.from_array(np.stack([5 * x, 7 * y, 3 * x + 2 * y], axis=-1).astype(np.uint8))


@pytest.mark.parametrize("options", [{"coding": "coded"}, {"bytes": 900}, {"coding": "half"}])
def test_a_field_is_what_its_file_decodes_to(options, tmp_path):
    field = inr.fit(signal(), steps=80, batch=256, engine="eager", **PARTS, **options)
    field.save(tmp_path / "a.inr")
    again = inr.load(tmp_path / "a.inr")
    assert all(
        torch.equal(one, other)
        for one, other in zip(field.state_dict().values(), again.state_dict().values(), strict=True)
    )
    assert again.metrics == pytest.approx(field.metrics, rel=1e-5)
    if "bytes" in options:
        assert (tmp_path / "a.inr").stat().st_size <= options["bytes"]
    again.save(tmp_path / "b.inr")
    assert (tmp_path / "a.inr").read_bytes() == (tmp_path / "b.inr").read_bytes()


def test_weights_that_were_changed_are_saved_as_they_are(tmp_path):
    field = inr.fit(signal(), steps=20, batch=256, engine="eager", coding="coded", **PARTS)
    with torch.no_grad():
        field.network.layers[0].weight.mul_(1.2345)
    field.save(tmp_path / "a.inr")
    assert torch.equal(inr.load(tmp_path / "a.inr").network.layers[0].weight, field.network.layers[0].weight)


def test_what_contradicts_itself_is_refused():
    with pytest.raises(InrError, match="coding weights"):
        inr.fit(signal(), steps=1, coding="half", bytes=100)
    with pytest.raises(InrError, match="at least 1 byte"):
        inr.fit(signal(), steps=1, bytes=0)


def noise(side: int = 96) -> inr.Signal:
    return inr.from_array(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8))


SMALL = {"encoding": "hash:levels=4,log2_size=12,coarsest=8,finest=96", "network": "mlp:depth=1,width=16"}


def test_a_picture_of_some_size_is_coded_below_its_lossless_form(tmp_path):
    field = inr.fit(noise(), steps=60, batch=2_048, engine="cpu:threads=1", **SMALL)
    field.save(tmp_path / "a.inr")
    assert (tmp_path / "a.inr").stat().st_size <= 0.9 * lossless_bytes(noise())
    exact = inr.fit(noise(), steps=2, batch=2_048, engine="cpu:threads=1", coding="exact", **SMALL)
    exact.save(tmp_path / "b.inr")
    assert (tmp_path / "b.inr").stat().st_size > 4 * exact.parameter_count


@pytest.mark.long
def test_what_a_picture_says_besides_counts_in_its_bytes(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "".join(map(chr, np.random.default_rng(1).integers(33, 127, 9_000)))
    Image.fromarray(noise(64).array).save(tmp_path / "a.png", exif=exif)
    signal = inr.open(tmp_path / "a.png")
    assert metadata_bytes(signal.domain) > 7_000
    field = inr.fit(signal, steps=60, batch=2_048, engine="cpu:threads=1", coding="coded", **SMALL)
    field.save(tmp_path / "a.inr")
    assert (tmp_path / "a.inr").stat().st_size <= 0.9 * lossless_bytes(signal)
    assert inr.load(tmp_path / "a.inr").domain.meta == signal.domain.meta
    small = inr.compress(signal, codec="coin", bytes=400, steps=2)
    assert len(small) <= 400
    assert inr.compression.decode(small).domain.meta == {}


@pytest.mark.parametrize(
    "array",
    [np.zeros((300, 300, 3), np.uint8), np.kron(np.eye(40, dtype=np.uint8), np.ones((12, 12), np.uint8)) * 200],
    ids=["flat", "screen"],
)
def test_flat_pictures_and_screens_are_kept_as_samples(array):
    picture = inr.from_array(array, kind="image")
    assert Keeping().suited(picture).coding == "samples"
    assert Keeping(learned=True).suited(picture).coding == "exact"


def test_what_suits_a_signal_gives_way_to_what_is_asked_for():
    assert Keeping().suited(signal()).coding == "samples"
    assert Keeping().suited(noise()).coding == "coded"
    assert Keeping(psnr=40, learned=True).suited(noise()).coding == "coded"
    assert Keeping("half").suited(noise()).coding == "half"
    assert Keeping(bytes=100).suited(signal()).codes
    scattered = inr.signals.from_samples(np.random.default_rng(0).random((9_000, 2)), np.arange(9_000.0))
    assert Keeping().suited(scattered).coding == "exact"


def smooth(side: int = 96) -> inr.Signal:
    y, x = np.mgrid[:side, :side] / side
    waves = np.stack([np.sin(9 * x + 4 * y), np.cos(7 * y), np.sin(5 * x * y)], axis=-1)
    return inr.from_array(np.rint(127.5 + 120 * waves).astype(np.uint8))


@pytest.mark.parametrize("psnr", [26.0, 34.0])
@pytest.mark.long
def test_a_psnr_is_reached_by_few_bytes(psnr, tmp_path):
    field = inr.fit(smooth(), psnr=psnr, steps=200, batch=1_024, engine="cpu:threads=1", **SMALL)
    # steps are a quarter of an octave apart, which is 1.5 dB where one table is nearly all of the error
    assert psnr <= field.metrics["psnr"] <= psnr + 1.6
    field.save(tmp_path / "a.inr")
    assert (tmp_path / "a.inr").stat().st_size < 4_000


def test_a_psnr_that_is_out_of_reach_is_said_to_be():
    with pytest.warns(RuntimeWarning, match="best that was found, of 90 asked for"):
        inr.fit(noise(), psnr=90, steps=40, batch=512, engine="cpu:threads=1", **SMALL)


@pytest.mark.filterwarnings("ignore:out of time")  # on a machine that gets slower
def test_samples_are_the_smallest_field_where_a_network_does_not_reach_the_psnr():
    field = inr.fit(signal(), psnr=90, seconds=0.5)
    assert isinstance(field, SampledField)
    assert field.metrics["psnr"] == np.inf


@pytest.mark.parametrize("slope", [3.0, 0.4])
def test_the_coarsest_steps_that_reach_a_psnr_are_found(slope):
    exponent, failing, reached = coarsest_reaching(40.0, lambda each: 50.0 - slope * each, 0.0)
    assert 40 <= reached <= 40.1
    assert exponent == pytest.approx((50 - reached) / slope)
    assert exponent <= failing
    assert coarsest_reaching(40.0, lambda each: 30.0 - abs(each) / 9, 0.0)[::2] == (0.0, 30.0)


def fitter_of(path=None, resume=False, steps=60):
    keeping = Keeping("coded", bytes=20_000)
    return keeping, make_fitter(
        noise(48), budget=Budget(steps=steps), batch=512, engine="cpu:threads=1", checkpoint=path, resume=resume,
        parametrisation=keeping.parametrisation(noise(48), None, None), **SMALL,
    )  # fmt: skip


@pytest.mark.parametrize("stop", [pytest.param(20, marks=pytest.mark.long, id="before weights are rounded"), 45])
def test_a_resumed_fit_gives_the_same_file(stop, tmp_path):
    keeping, whole = fitter_of()
    list(whole.run())
    finish(whole, keeping)
    whole.field.save(tmp_path / "whole.inr")
    _, first = fitter_of(tmp_path / "checkpoint")
    for event in first.run():
        if event.step == stop:
            first.stop()
    assert event.reason == "interrupted"
    _, second = fitter_of(tmp_path / "checkpoint", resume=True)
    list(second.run())
    finish(second, keeping)
    second.field.save(tmp_path / "resumed.inr")
    assert (tmp_path / "resumed.inr").read_bytes() == (tmp_path / "whole.inr").read_bytes()


def test_another_number_of_bytes_is_another_fit(tmp_path):
    _, first = fitter_of(tmp_path / "checkpoint")
    for event in first.run():
        if event.step == 20:
            first.stop()
    keeping = Keeping("coded", bytes=9_000)
    with pytest.raises(InrError, match="bytes differ"):
        make_fitter(
            noise(48), budget=Budget(steps=60), batch=512, engine="cpu:threads=1", checkpoint=tmp_path / "checkpoint",
            resume=True, parametrisation=keeping.parametrisation(noise(48), None, None), **SMALL,
        )  # fmt: skip


def test_a_fit_that_is_stopped_early_is_within_its_bytes(tmp_path):
    keeping, fitter = fitter_of(steps=200)
    for event in fitter.run():
        if event.step == 10:
            fitter.stop()
    finish(fitter, keeping)
    fitter.field.save(tmp_path / "a.inr")
    assert (tmp_path / "a.inr").stat().st_size <= 20_000
    inr.load(tmp_path / "a.inr")


def test_a_damaged_coded_file_is_refused_by_its_section(tmp_path):
    field = inr.fit(signal(), steps=20, batch=256, engine="eager", coding="coded", **PARTS)
    field.save(tmp_path / "a.inr")
    data = bytearray((tmp_path / "a.inr").read_bytes())
    payload = field.storage(field)[1][0].tensors["payload"].tobytes()
    data[data.index(payload) + len(payload) // 2] ^= 0xFF
    (tmp_path / "a.inr").write_bytes(data)
    with pytest.raises(DamagedFile) as error:
        inr.load(tmp_path / "a.inr")
    assert error.value.section == "base"


@pytest.mark.long
def test_entries_that_no_sample_touches_cost_little(tmp_path):
    """A field of samples in a sixteenth of its box takes much less than one of as many samples all over it."""
    places = np.random.default_rng(0).random((4_000, 2))
    values = np.random.default_rng(1).random(4_000)
    sizes = {}
    for name, width in (("everywhere", 1.0), ("in a corner", 0.25)):
        source = inr.signals.from_samples(places * width, values, box=[(0, 1), (0, 1)])
        field = inr.fit(
            source, steps=150, batch=1_024, engine="cpu:threads=1", coding="coded",
            encoding="dense:levels=2,coarsest=16,finest=128", network="mlp:depth=1,width=16",
        )  # fmt: skip
        field.save(tmp_path / f"{name}.inr")
        sizes[name] = (tmp_path / f"{name}.inr").stat().st_size
    assert sizes["in a corner"] < 0.35 * sizes["everywhere"]
