"""Work of several fits that is stopped, limited and gone on with."""

import functools
import signal
import threading

import numpy as np
import pytest

import inr
from inr import InrError, Signal
from inr.compression import FitSeries, compress_and_measure, decode, recompress
from inr.compression.codecs import mlp
from tests.tables import mostly_long

STEPS = 30


@pytest.fixture(scope="module")
def picture():
    y, x = np.mgrid[0:14, 0:18] / 14
    grey = (130 + 80 * np.sin(7 * x + 3 * y * y)).astype(np.uint8)
    return Signal.from_array(np.stack([grey, 255 - grey, grey // 2], axis=-1), kind="image")


@pytest.fixture(scope="module")
def field(picture):
    return inr.fit(
        picture, encoding="identity", network="mlp:depth=2,width=8", activation="sine", steps=40, engine="eager"
    )


class Stop:
    """Stops a series at a moment of the `count`-th fit, or in a stage of that name."""

    def __init__(self, fit=1, step=None, stage=None):
        self.fit, self.step, self.stage, self.begun, self.fits = fit, step, stage, 0, None

    def __call__(self, event):
        self.begun += event.kind == "start"
        here = event.kind == "stage" and event.message == self.stage
        if self.begun == self.fit and (here or (event.kind == "step" and event.step == self.step)):
            self.fits.stop()


def series(stop=None, **options):
    fits = FitSeries(on_event=stop, **options)
    if stop is not None:
        stop.fits = fits
    return fits


def work(codec, picture, field):
    """What makes a file with a codec."""

    def make(fits, **target):
        options = {"engine": "cpu:threads=1", "steps": STEPS, "fits": fits} | (target or {"bytes": 180})
        if codec == "weights":
            return recompress(field, signal=picture, **options)
        return compress_and_measure(picture, codec=codec, **options)

    return make


@pytest.fixture(scope="module")
def whole(picture, field):
    """The file of a codec that nothing stopped."""
    return functools.cache(lambda codec: work(codec, picture, field)(series()).data)


@pytest.mark.parametrize(
    ("codec", "stop", "left"),
    mostly_long(
        [
            ("mlp", {"fit": 2, "step": 3}, 18),
            ("ani", {"fit": 2, "step": 2}, 7),
            ("weights", {"step": 12}, 18),
            ("mlp", {"fit": 1, "step": 4}, 26),
            ("mlp", {"fit": 1, "stage": "measuring weights"}, 21),
            ("mlp", {"fit": 2, "stage": "rounding"}, 0),
            ("ani", {"fit": 1, "step": 11}, 19),
            ("doh", {"step": 9}, 21),
            ("coin", {"step": 21}, 9),
        ],
        3,
    ),
)
def test_stopped_early_it_gives_a_file_and_goes_on_exactly(codec, stop, left, picture, field, tmp_path, whole):
    make = work(codec, picture, field)
    checkpoint = tmp_path / "work.checkpoint"
    cut = make(series(Stop(**stop), checkpoint=checkpoint))
    assert cut.ended == "interrupted: the file is of the weights as they were"
    assert len(cut.data) <= 180 or codec == "coin"
    assert decode(cut.data).domain.shape == (14, 18)
    begun = []
    again = make(FitSeries(checkpoint=checkpoint, resume=True, on_event=begun.append))
    assert again.data == whole(codec)
    assert again.ended is None
    steps = [event.step for event in begun if event.kind == "step"]
    assert len(steps) == left


@pytest.mark.parametrize("moment", [{"fit": 4, "step": 5}, {"fit": 2, "stage": "decoding, to measure it"}])
@pytest.mark.long
def test_a_search_keeps_its_best_file_and_goes_on_with_those_it_has(picture, field, tmp_path, moment):
    make, target = work("mlp", picture, field), {"psnr": 60.0}
    expected = make(series(), **target).data
    checkpoint = tmp_path / "work.checkpoint"
    cut = make(series(Stop(**moment), checkpoint=checkpoint), **target)
    assert cut.ended == "interrupted: the best file so far is kept"
    assert "fewer than asked for" in cut.missed
    assert cut.psnr == pytest.approx(inr.signals.psnr(picture.array, inr.decompress(cut.data), 255), abs=1e-6)
    again = make(FitSeries(checkpoint=checkpoint, resume=True), **target)
    assert again.data == expected
    assert again.psnr >= cut.psnr


@pytest.mark.long
def test_of_several_fits_the_best_complete_one_is_kept(picture, field, tmp_path, monkeypatch):
    monkeypatch.setattr(mlp, "_MIN_STEPS_OF_SEVERAL_FITS", STEPS)
    make, checkpoint = work("mlp", picture, field), tmp_path / "work.checkpoint"
    expected = make(series()).data
    stop = Stop(fit=5, step=2)
    cut = make(series(stop, checkpoint=checkpoint))
    assert stop.begun == 5
    assert cut.ended == "interrupted: the best file so far is kept"
    again = make(FitSeries(checkpoint=checkpoint, resume=True))
    assert again.data == expected
    assert again.psnr >= cut.psnr


def test_a_checkpoint_on_the_way_is_gone_on_with(picture, field, tmp_path, whole):
    """As after a power cut: nothing was stopped."""
    make, checkpoint, kept = work("mlp", picture, field), tmp_path / "work.checkpoint", []

    def keep(event):
        if event.kind == "stage" and event.message == "rounding":
            kept.append(checkpoint.read_bytes())

    assert make(FitSeries(checkpoint=checkpoint, every=0.0, on_event=keep)).data == whole("mlp")
    checkpoint.write_bytes(kept[0])
    assert make(FitSeries(checkpoint=checkpoint, resume=True)).data == whole("mlp")


@pytest.mark.long
def test_it_is_stopped_from_another_thread(picture, field):
    begun = threading.Event()
    fits = FitSeries(on_event=lambda event: begun.set() if event.step == 2 else None)
    other = threading.Thread(target=lambda: begun.wait() and fits.stop())
    other.start()
    made = compress_and_measure(picture, codec="mlp", bytes=150, steps=10**7, engine="cpu:threads=1", fits=fits)
    other.join()
    assert fits.reason == "interrupted"
    assert len(made.data) <= 150


@pytest.mark.long
def test_seconds_are_shared_by_the_fits(picture):
    ends = []
    fits = FitSeries(seconds=0.4, on_event=lambda event: ends.append(event) if event.kind == "end" else None)
    made = compress_and_measure(picture, codec="mlp", bytes=150, steps=10**7, engine="cpu:threads=1", fits=fits)
    assert made.ended is None
    assert len(ends) == 2
    assert all(1 <= end.step <= end.steps < 10**6 for end in ends)
    again = FitSeries(seconds=10.0)
    unlimited = compress_and_measure(picture, codec="mlp", bytes=150, steps=20, engine="cpu:threads=1")
    assert (
        compress_and_measure(picture, codec="mlp", bytes=150, steps=20, engine="cpu:threads=1", fits=again).data
        == unlimited.data
    )


def test_a_search_ends_with_its_seconds(picture):
    fits = FitSeries(seconds=0.3)
    made = compress_and_measure(picture, codec="mlp", psnr=90.0, steps=10**7, engine="cpu:threads=1", fits=fits)
    assert made.missed is not None
    assert fits.stopped
    assert fits.reason is None


def test_a_checkpoint_that_cannot_be_written_ends_the_work_with_a_file(picture, field, tmp_path):
    fits = FitSeries(checkpoint=tmp_path / "nowhere" / "work.checkpoint", every=0.0)
    made = work("mlp", picture, field)(fits)
    assert fits.reason == "disk"
    assert "does not exist" in made.ended
    assert decode(made.data).domain.shape == (14, 18)


def test_what_cannot_be_gone_on_with_is_refused(picture, field, tmp_path):
    checkpoint = tmp_path / "work.checkpoint"
    make = work("mlp", picture, field)
    with pytest.raises(InrError, match="nothing to resume"):
        make(FitSeries(checkpoint=checkpoint, resume=True))
    make(series(Stop(step=3), checkpoint=checkpoint))
    with pytest.raises(InrError, match="of other work: its target differ"):
        make(FitSeries(checkpoint=checkpoint, resume=True), bytes=181)
    with pytest.raises(InrError, match="its seconds differ"):
        make(FitSeries(checkpoint=checkpoint, resume=True, seconds=3))
    field.save(checkpoint, force=True)
    with pytest.raises(InrError, match="not a checkpoint of inr compress"):
        make(FitSeries(checkpoint=checkpoint, resume=True))
    with pytest.raises(InrError, match="needs the checkpoint"):
        FitSeries(resume=True)
    with pytest.raises(InrError, match="cannot fit anything"):
        FitSeries(seconds=0)


@pytest.mark.long
def test_compress_returns_the_best_so_far_with_a_warning(picture, tmp_path):
    def interrupt(event):
        if event.kind == "step" and event.step == 5:
            signal.raise_signal(signal.SIGINT)

    options = {"bytes": 150, "steps": STEPS, "engine": "cpu:threads=1", "checkpoint": tmp_path / "work"}
    with pytest.warns(RuntimeWarning, match="interrupted: the file is of the weights"):
        assert len(inr.compress(picture, on_event=interrupt, **options)) <= 150
    assert inr.compress(picture, resume=True, **options) == inr.compress(picture, **options)


def test_a_reader_of_events_may_keep_what_there_is_and_leave(picture, field, tmp_path):
    make = work("coin", picture, field)
    told = []

    def leave(event):
        told.append(event.kind)
        if event.step == 9:
            assert fits.fitter.signal.size == picture.size
            fits.save()
            raise KeyboardInterrupt

    fits = FitSeries(checkpoint=tmp_path / "a.checkpoint", every=0.0, on_event=leave)
    with pytest.raises(KeyboardInterrupt):
        make(fits)
    assert "checkpoint" in told
    steps = []
    again = FitSeries(
        checkpoint=tmp_path / "a.checkpoint", resume=True, on_event=lambda event: steps.append(event.step)
    )
    assert make(again).data == make(FitSeries()).data
    assert steps[0] == 9
    with pytest.raises(InrError, match="there is no checkpoint to write"):
        FitSeries().save()
