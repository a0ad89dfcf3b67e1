"""Options of jobs: names, types, and the sentences that the command line prints."""

import numpy as np
import pytest

import inr
from inr._errors import InrError
from inr.serving.options import check, fit_options, normalised


@pytest.fixture(scope="module")
def description():
    domain = inr.from_array(np.zeros((24, 32, 3), np.uint8)).domain
    return {"domain": domain.to_json(), "size": 768}


def test_equal_wishes_are_equal():
    first = normalised("fit", {"steps": 5, "lr": "network=1e-3,encoding=0.1", "exact": True, "half": False})
    second = normalised("fit", {"exact": True, "learning_rate": {"network": 1e-3, "encoding": 0.1}, "steps": 5})
    assert list(first.items()) == list(second.items())
    assert first == {"steps": 5, "lr": {"network": 0.001, "encoding": 0.1}, "exact": True}


def test_options_become_those_of_a_fit():
    options = fit_options(normalised("fit", {"for": "memory", "solver": "soap", "half": True, "lr": 0.01}))
    assert (options.lattice_only, options.optimiser, options.coding, options.learning_rate) == (
        True, "soap", "half", 0.01,
    )  # fmt: skip


WRONG = [
    ("dream", {}, "a job is one of fit, compress, recompress, sweep, not 'dream'"),
    ("fit", {"stepz": 3}, "fit has no option 'stepz'; did you mean 'steps'?"),
    ("fit", {"path": "/etc/passwd"}, "fit has no option 'path'"),
    ("fit", {"steps": True}, "--steps is a whole number, not True"),
    ("fit", {"steps": 0}, "a budget of 0 steps cannot fit anything"),
    ("fit", {"seconds": float("nan")}, "--seconds is a finite number, not nan"),
    ("fit", {"seconds": 99.0}, "a job may take 60 seconds, not 99"),
    ("fit", {"lr": "nan"}, "the learning rate of the network must be a positive number, got nan"),
    ("fit", {"lr": {"decoder": 1e-3}}, "no learning rate to set for 'decoder'"),
    ("fit", {"encoding": 3}, "--encoding is a part"),
    ("fit", {"encoding": "hush"}, "unknown encoding 'hush'"),
    ("fit", {"encoding": "hash:levels=99"}, "levels"),
    ("fit", {"network": "mlp:depth=64,width=8192"}, "more than the"),
    ("fit", {"network": "bacon", "activation": "relu"}, "network 'bacon' multiplies"),
    ("fit", {"exact": True, "half": True}, "--exact and --half contradict each other"),
    ("fit", {"solver": "newton"}, "unknown solver 'newton'"),
    ("fit", {"schedule": "steep"}, "unknown schedule 'steep'"),
    ("fit", {"teacher": "nobody"}, "unknown teacher 'nobody'"),
    ("fit", {"objective": "l9"}, "unknown objective 'l9'"),
    ("fit", {"preset": "siren2"}, "unknown preset 'siren2'"),
    ("fit", {"lr": "fast"}, "write auto, paper, a number"),
    ("fit", {"seed": -1}, "a seed lies between 0"),
    ("fit", {"purpose": "art"}, "--for is one of zoom, memory, not 'art'"),
    ("compress", {"bytes": 0}, "a file has at least 1 byte, got 0"),
    ("compress", {"quality": 101}, "a quality is a number from 0 to 100"),
    ("compress", {"preset": "slow"}, "a preset is one of fast, default, best"),
    ("compress", {"preset": "best", "seconds": 5.0}, "give a preset, or steps or seconds"),
    ("compress", {"codec": "coin", "quality": 50}, "a quality is a target of codec latent"),
    ("recompress", {"quality": 50}, "recompress has no option 'quality'"),
    ("compress", {"bytes": 9, "psnr": 30}, "give one of bpp, bytes, psnr, max_error and quality"),
    ("compress", {"codec": "zip"}, "unknown codec 'zip'"),
    ("compress", {"seconds": -1.0}, "a budget of -1 seconds"),
    ("recompress", {"codec": "mlp"}, "recompress has no option 'codec'"),
    ("sweep", {}, "nothing to compare"),
    ("sweep", {"encodings": ["hash"], "steps": 5, "seconds": 5.0}, "of equal cost"),
    ("fit", {"engine": "cpu:threads=1024"}, "this job has 2 threads, not 1024"),
    ("sweep", {"encodings": ["hash"], "engine": "cpu:threads=3"}, "this job has 2 threads, not 3"),
    ("sweep", {"encodings": ["hash"], "seeds": 2**52}, "seeds are more than 10,000 fits"),
    ("sweep", {"encodings": ["hash"], "seed": 10**4000}, "a seed lies between 0 and 2^32 - 1"),
    ("sweep", {"encodings": ["hash"], "seed": 2**32 - 1, "seeds": 2}, "a seed lies between 0 and 2^32 - 1"),
    ("sweep", {"encodings": 7}, "--encodings is a text or a list of texts"),
]


@pytest.mark.parametrize(("kind", "options", "words"), WRONG)
def test_what_cannot_be_done_is_refused(description, kind, options, words):
    with pytest.raises(InrError) as refused:
        check(kind, options, description, seconds=60.0, threads=2)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("fit", {}),
        ("fit", {"preset": "siren", "steps": 10}),
        ("fit", {"encoding": "fourier:sigma=auto", "seconds": 5}),
        ("fit", {"solver": "closed-form"}),
        ("compress", {"bpp": 0.5, "codec": "coin"}),
        ("recompress", {"psnr": 30, "steps": 0}),
        ("sweep", {"encodings": "hash,fourier", "steps": 20, "seed": [0, 1]}),
    ],
)
def test_what_can_be_done_is_kept(description, kind, options):
    found = check(kind, options, description)
    assert found.keys() == options.keys()


def test_scattered_samples_have_no_codec():
    coords = np.random.default_rng(0).random((9, 2))
    domain = inr.signals.from_samples(coords, np.arange(9.0)).domain
    scattered = {"domain": domain.to_json(), "size": 9}
    assert check("fit", {"steps": 3}, scattered) == {"steps": 3}
    with pytest.raises(InrError, match="codecs compress signals on grids"):
        check("compress", {}, scattered)


def test_compressing_takes_no_longer_than_a_job_may(description):
    large = description | {"domain": inr.from_array(np.zeros((512, 768, 3), np.uint8), kind="image").domain.to_json()}
    assert check("compress", {"quality": 50}, large, seconds=60.0)["seconds"] == 60
    assert "seconds" not in check("compress", {"preset": "fast"}, large, seconds=60.0)
    with pytest.raises(InrError, match="a job may take 60 seconds, and preset best takes 900"):
        check("compress", {"preset": "best"}, large, seconds=60.0)
