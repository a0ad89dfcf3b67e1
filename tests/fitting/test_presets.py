"""Presets: each is what its publication says, complete, and gives way to what is given beside it."""

import numpy as np
import pytest

import inr
from inr import InrError
from inr._parts import parse_spec
from inr.fitting import SCHEDULES, Fitter, make_fitter, preset_setup, presets

PICTURE = inr.Signal.from_array(np.zeros((180, 256, 3), np.uint8), kind="image")
# encoding, activation and network with all that decides them; the network's rate, how it falls, samples a step
PUBLISHED = {
    "siren": ("identity", "sine:omega=30", "mlp:depth=4,width=256", 1e-4, "constant", None),
    "ffn": (
        "fourier:kind=gaussian,frequencies=256,sigma=10", "relu:init=glorot", "mlp:depth=3,width=256",
        1e-3, "constant", None,
    ),
    "wire": ("identity", "gabor:omega=20,scale=30", "mlp:depth=3,width=181", 5e-3, "exponential", 65_536),
    "finer": ("identity", "finer:omega=30", "mlp:depth=4,width=256", 5e-4, "exponential", None),
    "finer-gauss": (
        "identity", "finer-gaussian:scale=3,omega=10,first_bias=1", "mlp:depth=4,width=256", 1e-3, "exponential", None,
    ),
    "finer-wire": (
        "identity", "finer-gabor:scale=2,wavelet_omega=4,omega=5,first_bias=1", "mlp:depth=4,width=181",
        1e-3, "exponential", None,
    ),
    "gauss": ("identity", "gaussian:scale=30", "mlp:depth=4,width=256", 5e-3, "exponential", None),
    "mfn": (
        "identity", "linear", "mfn:filter=gabor,depth=3,width=256,scale=256,alpha=6,beta=1", 1e-2, "constant", None,
    ),
    "mfn-fourier": ("identity", "linear", "mfn:filter=fourier,depth=3,width=256,scale=256", 1e-2, "constant", None),
    "bacon": (
        "identity", "linear", "bacon:outputs=1+2+4,width=256,bandwidth=256x180,shares=1/8+1/8+1/4+1/4+1/4",
        5e-3, "constant", None,
    ),
    "ngp": (
        "hash:levels=16,features=2,log2_size=24,coarsest=16,finest=128", "relu:init=glorot",
        "mlp:depth=2,width=64,bias=false", 1e-2, "constant", 262_144,
    ),
    "sape": (
        "sape:over=(fourier:kind=radial,frequencies=256,sigma=40),epsilon=0.001", "relu", "mlp:depth=3,width=256",
        1e-3, "constant", None,
    ),
    "kronecker": ("identity", "linear", "kronecker:basis=gaussian,spread=1,size=256x180", 1e-1, "constant", None),
}  # fmt: skip


def test_every_preset_is_pinned():
    assert presets.names() == sorted(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_settings_are_those_of_the_publication(name):
    setup = preset_setup(PICTURE, name)
    encoding, activation, network, rate, schedule, batch = PUBLISHED[name]
    for part, spec in (("encoding", encoding), ("activation", activation), ("network", network)):
        assert parse_spec(getattr(setup, part)) == parse_spec(spec), part
    assert (setup.learning_rate, setup.schedule, setup.batch) == (rate, schedule, batch)
    assert (setup.optimiser, setup.objective, setup.teacher) == ("adam", "squared", "uniform")
    assert setup.schedule in SCHEDULES
    assert presets.info(name).source


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_fit_has_the_published_rate_from_its_first_step_on(name):
    small = inr.Signal.from_array(np.zeros((16, 16), np.float32), kind="image")
    fitter = make_fitter(small, preset=name, budget=inr.Budget(steps=600), engine="eager")
    assert isinstance(fitter, Fitter)
    record = fitter.choices()
    assert record["preset"] == name
    assert record["rates"]["network"] == PUBLISHED[name][3]
    if name == "ngp":
        assert record["rates"]["encoding"] == 1e-2


def test_grids_of_space_and_time_have_fewer_rows():
    volume = inr.Signal.from_array(np.zeros((40, 64, 64, 1), np.uint8), kind="volume", channels_last=True)
    encoding = parse_spec(preset_setup(volume, "ngp").encoding)
    assert (encoding["log2_size"], encoding["finest"]) == (19, 32)


def test_sounds_have_a_fast_first_layer():
    sound = inr.Signal.from_array(np.zeros(800, np.float32), kind="audio", sample_rate=8000)
    assert preset_setup(sound, "siren").activation == {"name": "sine", "omega": 30, "first_omega": 3000.0}


def test_what_is_given_takes_the_place_of_the_presets_own():
    given = {"network": "mlp:depth=2,width=32", "learning_rate": "auto", "schedule": "cosine", "batch": 77}
    setup = preset_setup(PICTURE, "wire", **given)
    assert setup.network == parse_spec("mlp:depth=2,width=32")
    assert setup.activation == parse_spec("gabor:omega=20,scale=30")
    assert (setup.learning_rate, setup.schedule, setup.batch) == ("auto", "cosine", 77)
    assert preset_setup(PICTURE).preset is None


def test_the_files_record_says_which_it_was(tmp_path):
    pixels = np.arange(240, dtype=np.uint8).reshape(12, 20)
    options = {"network": "mlp:depth=1,width=8", "steps": 3, "engine": "eager", "coding": "exact"}
    inr.fit(inr.Signal.from_array(pixels), preset="siren", **options).save(tmp_path / "a.inr")
    found = inr.load(tmp_path / "a.inr").fit
    assert (found["preset"], found["rates"], found["schedule"]) == ("siren", {"network": 1e-4}, "constant")
    assert "preset" not in inr.fit(inr.Signal.from_array(pixels), activation="sine", **options).fit


@pytest.mark.parametrize(
    ("name", "words"),
    [("wirre", "unknown preset 'wirre'; did you mean 'wire'"), ("siren:omega=3", "preset 'siren' has no parameter")],
)
def test_unknown_presets_are_refused(name, words):
    with pytest.raises(InrError, match=words):
        preset_setup(PICTURE, name)
