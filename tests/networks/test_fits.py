"""Every network, named alone, in a whole fit: its default_partners, what suits the signal, files, resuming, engines."""

import numpy as np
import pytest
import torch

import inr
from inr.fitting import Budget, default_setup, make_fitter
from inr.networks import networks
from tests.tables import mostly_long

# small, with what each stands with unasked
NETWORKS = {
    "axiswise:rank=4,width=8": {"encoding": "identity", "activation": "sine"},
    "bacon:width=12": {"encoding": "identity", "activation": "linear"},
    "cam:width=12,resolution=5": {"encoding": "fourier", "activation": "relu"},
    "conditioned:over=(mlp:width=12)": {"encoding": "identity", "activation": "sine"},
    "kronecker:size=6": {"encoding": "identity", "activation": "linear"},
    "masked:width=16,levels=3,log2_size=5,coarsest=2,finest=6": {"encoding": "integer-fourier", "activation": "sine"},
    "mfn:width=12,depth=2": {"encoding": "identity", "activation": "linear"},
    "mlp:width=12": {"encoding": "hash", "activation": "relu"},
    "modulated:width=12": {"encoding": "identity", "activation": "sine"},
    "normalised:width=12,depth=3": {"encoding": "hash", "activation": "relu"},
    "skip:width=12,depth=4": {"encoding": "hash", "activation": "relu"},
    "split:width=6,low=5": {"encoding": "identity", "activation": "gabor"},
}
every_network = pytest.mark.parametrize("network", NETWORKS)
# several heads, grids of its own, an encoding that learns, numbers that are drawn
RESUMED = ("bacon", "cam", "mlp", "masked")


@pytest.fixture
def signal() -> inr.Signal:
    values = np.random.default_rng(0).integers(0, 255, (12, 10, 3)).astype(np.uint8)
    return inr.Signal.from_array(values, kind="image")


def test_every_network_is_here():
    assert {spec.partition(":")[0] for spec in NETWORKS} == set(networks.names())


@every_network
def test_fitted_saved_loaded_and_rendered(signal, network, tmp_path):
    field = inr.fit(signal, network=network, steps=4, batch=64, engine="eager")
    assert {part: field.config()[part]["name"] for part in ("encoding", "activation")} == NETWORKS[network]
    assert np.isfinite(field.metrics["psnr"])
    field.save(tmp_path / "field.inr")
    loaded = inr.load(tmp_path / "field.inr")
    np.testing.assert_array_equal(loaded.render((7, 9)), field.plain().render((7, 9)))
    np.testing.assert_allclose(inr.render(loaded), field.render(), atol=0.3)  # of 255 grey levels


@pytest.mark.parametrize(
    "network", mostly_long(sorted(NETWORKS, key=lambda spec: spec.partition(":")[0] not in RESUMED), 4)
)
def test_resumed_it_is_the_same_fit(signal, network, tmp_path):
    def losses(stop: int | None = None, **options):
        options |= {"engine": "eager", "seed": 2}  # on which most networks run alone
        fitter = make_fitter(signal, network=network, batch=32, budget=Budget(steps=9), **options)
        found = []
        for event in fitter.run():
            if event.kind == "step":
                found.append(event.loss)
                if len(found) == stop:
                    fitter.stop()
        return found

    whole, path = losses(), tmp_path / "fit.checkpoint"
    assert losses(stop=4, checkpoint=path) + losses(checkpoint=path, resume=True) == whole


@every_network
def test_fused_engines_refuse_in_words_and_eager_runs_it(signal, network):
    field = inr.fit(signal, network=network, steps=1, batch=8, engine="eager")
    name, plan = inr.engines.plan(field)
    kind = network.partition(":")[0]
    assert (name == "cpu") == (kind == "mlp")
    if name == "eager":
        assert f"engine 'cpu' cannot run this field: no kernels for network '{kind}'" in plan.notes


def test_bandwidth_and_scale_suit_the_signal():
    def network(spec, signal):
        return default_setup(signal).with_parts(signal, network=spec).network

    def made(shape, kind, **options):
        return inr.Signal.from_array(np.zeros(shape, np.float32), kind=kind, **options)

    wide, square = made((30, 40), "image"), made((40, 40), "image")
    sound = made((500,), "audio", sample_rate=8000)
    volume = made((6, 8, 10), "volume")
    assert network("bacon", wide)["bandwidth"] == "40x30"  # x, y
    assert network("bacon", square)["bandwidth"] == 40
    assert network("bacon", sound)["bandwidth"] == 500
    assert network("bacon:bandwidth=16", wide)["bandwidth"] == 16
    assert [network("mfn", each)["scale"] for each in (wide, sound)] == [40.0, 500.0]
    assert network("mfn:scale=3", wide)["scale"] == 3
    field = inr.fit(volume, network="bacon:width=8", steps=1)
    assert field.network.bands[-1] == tuple(axis.size // 2 for axis in field.domain.axes)
    places = np.random.default_rng(0).random((50, 2), dtype=np.float32)
    assert network("bacon", inr.Signal.from_samples(places[:, :1], places)) == {"name": "bacon"}


@pytest.mark.parametrize("network", ["bacon:width=8", "cam:width=8", "mfn:width=8,depth=1", "modulated:width=8"])
@pytest.mark.parametrize(
    "signal",
    [
        inr.Signal.from_array(np.linspace(-1, 1, 50, dtype=np.float32), kind="audio", sample_rate=8000),
        inr.Signal.from_array(np.random.default_rng(0).random((3, 4, 5), dtype=np.float32), kind="volume"),
        inr.Signal.from_samples(*np.random.default_rng(0).random((2, 60, 3), dtype=np.float32)),
    ],
    ids=["audio", "volume", "scattered"],
)
def test_signals_of_every_kind(signal, network):
    field = inr.fit(signal, network=network, steps=3, batch=32)
    assert torch.isfinite(field(torch.zeros(1, signal.in_dim))).all()
