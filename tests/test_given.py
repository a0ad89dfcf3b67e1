"""What may be given: arrays where signals are taken, parts where their spellings are, names that people know."""

import numpy as np
import pytest
import torch

import inr
from inr import InrError
from inr.activations import Gabor, Sine, activations
from inr.encodings import FourierFeatures, Identity

pytestmark = pytest.mark.quick
QUICK = {"network": "mlp:depth=1,width=6", "steps": 3, "engine": "eager"}
PICTURE = np.random.default_rng(5).integers(0, 255, (6, 8, 3), dtype=np.uint8)


def test_a_fit_takes_what_from_array_takes():
    fields = [inr.fit(given, **QUICK) for given in (PICTURE, torch.from_numpy(PICTURE), inr.from_array(PICTURE))]
    assert [field.domain.kind for field in fields] == ["image"] * 3
    for field in fields[1:]:
        np.testing.assert_array_equal(field.render(), fields[0].render())
    sound = inr.fit(np.sin(np.arange(300.0)).astype(np.float32), kind="audio", sample_rate=8000, **QUICK)
    assert sound.domain.axes[0].high == 300 / 8000
    with pytest.raises(InrError, match="kind: only arrays take this"):
        inr.fit(inr.from_array(PICTURE), kind="image", **QUICK)


def test_a_part_stands_for_its_settings(tmp_path):
    spelled = inr.fit(PICTURE, encoding="identity", activation="sine:omega=12,first_omega=20", **QUICK)
    given = inr.fit(PICTURE, encoding=Identity(2), activation=Sine(omega=12, first_omega=20), **QUICK)
    assert given.config() == spelled.config()
    np.testing.assert_array_equal(given.render(), spelled.render())
    given.save(tmp_path / "given.inr")
    assert inr.load(tmp_path / "given.inr").config() == given.config()
    built = inr.Field.build(given.domain, encoding=FourierFeatures(2, frequencies=7), activation=Gabor(scale=8.0))
    assert built.config()["encoding"]["frequencies"] == 7
    assert built.config()["activation"] == {"name": "gabor", "omega": 10.0, "scale": 8.0}


@pytest.mark.parametrize(
    ("alias", "meant"),
    [
        ("siren", {"name": "sine", "omega": 30.0, "first_omega": None}),
        ("wire", {"name": "gabor", "omega": 20.0, "scale": 30.0}),
        ("wire:scale=10", {"name": "gabor", "omega": 20.0, "scale": 10.0}),
    ],
)
def test_names_that_people_know_find_their_part(alias, meant):
    assert activations.build(alias).config() == meant
    field = inr.fit(PICTURE, activation=alias, **QUICK)
    assert field.config()["activation"] == meant
    assert alias.partition(":")[0] not in activations.names()


def test_render_takes_the_engine_that_inr_render_takes(monkeypatch):
    field = inr.Field.build(inr.from_array(PICTURE).domain, network="mlp:depth=2,width=16")
    np.testing.assert_array_equal(field.render(), inr.render(field))
    np.testing.assert_allclose(field.render(), field.render(block=10), atol=1e-2)
    chosen = []
    monkeypatch.setattr(inr.engines._render, "plan", lambda *given: chosen.append(given) or plan(*given))
    field.render((3, 4))
    assert chosen[0][2] == "auto"


plan = inr.engines.plan


def test_a_misspelt_argument_is_named_with_the_nearest():
    picture = np.zeros((4, 4), np.uint8)
    with pytest.raises(TypeError, match=r"fit\(\) has no argument 'step'; did you mean 'steps'"):
        inr.fit(picture, step=3)
    with pytest.raises(TypeError, match="no argument 'knid'; did you mean 'kind'"):
        inr.fit(picture, knid="image")
