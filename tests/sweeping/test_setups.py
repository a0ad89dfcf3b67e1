"""Setups: whole combinations in words, and what they stand for."""

import numpy as np
import pytest

import inr
from inr import InrError, Signal
from inr.sweeping._setups import split_setups
from inr.sweeping._tasks import Combination

PICTURE = Signal.from_array(np.random.default_rng(3).integers(0, 255, (20, 18, 3), dtype=np.uint8))
SMALL = "mlp:depth=1,width=8"


@pytest.mark.parametrize(
    ("setup", "combination"),
    [
        ("siren", {"preset": "siren"}),
        ("bacon", {"preset": "bacon"}),  # also a network
        ("finer:omega=12", {"activation": "finer:omega=12"}),  # presets have no parameters
        ("fourier:sigma=10 + relu", {"encoding": "fourier:sigma=10", "activation": "relu"}),
        (" mlp:width=32  +  hash + int ", {"encoding": "hash", "network": "mlp:width=32", "teacher": "int"}),
        ("siren + mlp:width=64", {"preset": "siren", "network": "mlp:width=64"}),
        ("activation=finer + mlp:width=9", {"activation": "finer", "network": "mlp:width=9"}),
        ("preset=finer + network = skip", {"preset": "finer", "network": "skip"}),
        ("bacon:outputs=1+2,width=8", {"network": "bacon:outputs=1+2,width=8"}),
        ({"preset": "wire", "network": {"name": "mlp", "width": 7}}, {"preset": "wire", "network": "mlp:width=7"}),
    ],
)
def test_parts_are_found_where_they_are(setup, combination):
    assert split_setups(setup) == [Combination(**combination)]
    assert split_setups([setup, setup, "snake"]) == [Combination(**combination), Combination(activation="snake")]


def test_several_values_are_several_setups():
    found = split_setups("fourier:sigma=1|4,frequencies=8 + sine:omega=5|9")
    assert [(one.encoding, one.activation) for one in found] == [
        (f"fourier:sigma={sigma},frequencies=8", f"sine:omega={omega}") for sigma in (1, 4) for omega in (5, 9)
    ]


@pytest.mark.parametrize(
    ("setup", "words"),
    [
        ("sirenn", "'sirenn' .* did you mean 'siren'"),
        ("xqzzyw + relu", "'xqzzyw' in the setup 'xqzzyw \\+ relu' is no preset and no part"),
        ("identity + finer", "write preset=finer or activation=finer"),
        ("relu + sine", "two parts of the kind activation: relu and sine"),
        ("siren,wire", "its own --setup"),
        ({"encodings": "hash"}, "no 'encodings'; known: preset, encoding"),
    ],
)
def test_what_is_unclear_is_refused(setup, words):
    with pytest.raises(InrError, match=words):
        split_setups(setup)


@pytest.fixture
def undrawn(monkeypatch):
    """Leave out the pictures, which other tests look at."""
    monkeypatch.setattr("inr.sweeping.SweepResult.draw", lambda self: None)


@pytest.fixture(scope="module")
def result():
    setups = [f"siren + {SMALL}", f"identity + sine:omega=30 + {SMALL}", f"wire + {SMALL} + activation=sine:omega=30"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inr.sweeping.SweepResult.draw", lambda self: None)
        return inr.sweep(PICTURE, setups=setups, steps=9, batch=64, engine="eager", jobs=0, seed=2)


def test_presets_of_equal_parts_are_fits_of_their_own(result):
    by = {row.label.get("preset", ""): row for row in result.rows}
    assert by.keys() == {"", "siren", "wire"}
    assert {(row.parts["activation"], row.parts["network"]) for row in result.rows} == {("sine", SMALL)}
    assert (by["siren"].settings["rates"], by["siren"].settings["schedule"]) == ({"network": 1e-4}, "constant")
    assert (by["wire"].settings["rates"], by["wire"].settings["schedule"]) == ({"network": 5e-3}, "exponential")
    assert len({row.psnr for row in result.rows}) == 3
    assert result.titles[by["siren"].name].startswith("siren")


def test_the_command_of_a_preset_gives_the_same_fit(result):
    row = next(row for row in result.rows if row.label.get("preset") == "siren")
    assert (
        row.command == f"inr fit SIGNAL --preset siren --network {SMALL} --steps 9 --batch 64 --seed 2 --engine eager"
    )
    field = inr.fit(PICTURE, preset="siren", network=SMALL, steps=9, batch=64, seed=2, engine="eager")
    assert field.metrics["psnr"] == row.psnr


@pytest.mark.usefixtures("undrawn")
def test_presets_are_sized_as_all_else_and_their_commands_say_so():
    result = inr.sweep(PICTURE, setups=["siren", "wire"], parameters=3_000, steps=1, batch=9, engine="eager", jobs=0)
    for row in result.rows:
        assert row.parameters == pytest.approx(3_000, rel=0.05)
        assert f"--preset {row.label['preset']} --network {row.parts['network']} " in row.command


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"encodings": "hash"}, "write the encoding into each setup, as 'siren \\+ hash'"),
        ({"setups": ["siren", "nonsense"]}, "'nonsense'"),
        ({"setups": []}, "nothing to compare"),
        ({"setups": ["siren", "finer + preset=wire"]}, "write preset=finer or activation=finer"),
        ({"setups": ["siren", "activation=gabor:omega=50"]}, "try scale=50"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(tmp_path, given, words):
    with pytest.raises(InrError, match=words):
        inr.sweep(PICTURE, **({"setups": ["siren"]} | given), steps=2, jobs=0, folder=tmp_path / "out")
    assert not (tmp_path / "out").exists()
