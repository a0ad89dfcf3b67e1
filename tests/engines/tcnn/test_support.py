"""What tiny-cuda-nn can express, and the reasons why not."""

import pytest
import torch

from inr import InrError
from inr.activations import Sine, activations
from inr.encodings import Identity
from inr.engines import plan as choose
from inr.engines._tcnn._support import tcnn_network
from inr.field import Field
from inr.networks import MLP, Network
from inr.objectives import Regression
from tests.engines.tcnn.fields import build, signal

MLP_SPEC = "mlp:depth=2,width={},bias=false"


def field(activation="relu", width=64, encoding="identity"):
    return build(signal(), encoding=encoding, activation=activation, network=MLP_SPEC.format(width))


@pytest.mark.parametrize(
    ("activation", "width", "kind", "otype", "units"),
    [
        ("relu", 16, "auto", "FullyFusedMLP", 16),
        ("relu", 17, "auto", "FullyFusedMLP", 32),
        ("relu", 64, "fullyfused", "FullyFusedMLP", 64),
        ("relu", 65, "fullyfused", "FullyFusedMLP", 128),
        ("relu", 129, "auto", "CutlassMLP", 144),
        ("relu", 64, "cutlass", "CutlassMLP", 64),
        ("sine", 64, "auto", "CutlassMLP", 64),
        ("sine", 181, "auto", "CutlassMLP", 192),
        ("sine", 1, "cutlass", "CutlassMLP", 16),
    ],
)
def test_networks_and_their_widths(activation, width, kind, otype, units):
    found = tcnn_network(field(activation, width), kind)
    assert found.config == {
        "otype": otype,
        "activation": {"relu": "ReLU", "sine": "Sine"}[activation],
        "output_activation": "None",
        "n_neurons": units,
        "n_hidden_layers": 2,
    }


def test_wide_features_are_not_for_the_fused_kernel_unless_asked():
    many = "fourier:frequencies=256"
    assert tcnn_network(field(encoding=many)).config["otype"] == "CutlassMLP"
    assert tcnn_network(field(encoding=many), "fullyfused").config["otype"] == "FullyFusedMLP"
    assert tcnn_network(field(encoding="fourier:frequencies=32")).config["otype"] == "FullyFusedMLP"


def check_refused(subject, reason, kind="auto"):
    assert tcnn_network(subject, kind) == reason
    assert "\n" not in reason
    with pytest.raises(InrError, match="cannot run this field") as error:
        choose(subject, None, f"tcnn:network={kind}")
    assert reason in str(error.value)


@pytest.mark.parametrize("name", sorted(set(activations.names()) - {"relu", "sine"}))
def test_other_activations_are_refused(name, library):
    library()
    check_refused(field(name), f"tiny-cuda-nn has no activation '{name}'; sine and relu work")


def test_an_activation_made_of_a_known_one_is_another(library):
    library()

    class Shifted(Sine):
        """Another formula under an old name."""

    source = signal()
    network = MLP(2, 3, Shifted(), bias=False)
    check_refused(
        Field(source.domain, Identity(2), network), "tiny-cuda-nn has no activation 'sine'; sine and relu work"
    )


def test_biases_are_refused(library):
    library()
    biased = build(signal(), activation="relu", network="mlp:width=16")
    check_refused(biased, "tiny-cuda-nn's layers add no biases; mlp:bias=false works")


def test_other_networks_are_refused(library):
    library()

    class Other(Network):
        """Not an MLP."""

        def __init__(self, in_dim, out_dim, activation):
            super().__init__(in_dim, out_dim, activation)
            self.weight = torch.nn.Parameter(torch.zeros(out_dim, in_dim))
            self._config = {"name": "other"}

    source = signal()
    other = Field(source.domain, Identity(2), Other(2, 3, activations.build("relu")))
    check_refused(other, "tiny-cuda-nn has no network 'other'; mlp:bias=false works")


def test_layers_that_were_exchanged_are_refused(library):
    library()
    exchanged = field()
    exchanged.network.layers[1] = torch.nn.Linear(64, 64, bias=False)
    check_refused(exchanged, "its layers are not plain matrices")


def test_other_precisions_are_refused(library):
    library()
    check_refused(field().double(), "its weights are not float32")


def test_the_fused_kernel_is_refused_what_it_cannot_do(library):
    library()
    check_refused(field("sine"), "FullyFusedMLP has no sine; tcnn:network=cutlass works", "fullyfused")
    reason = "FullyFusedMLP is at most 128 wide, not 200; tcnn:network=cutlass works"
    check_refused(field("relu", 200), reason, "fullyfused")


def test_objectives_with_derivatives_are_refused(library):
    library()

    class Poisson(Regression):
        derivative_order = 1

    with pytest.raises(InrError, match="cannot be differentiated twice, which learning Poisson takes; eager works"):
        choose(field(), Poisson(signal()), "tcnn")


def test_what_the_library_refuses_is_passed_on(library, monkeypatch):
    library()

    def refuse(*args, **options):
        raise RuntimeError("FullyFusedMLP: insufficient shared memory available on the GPU.\nReduce `n_neurons`")

    monkeypatch.setattr("tests.engines.tcnn.reference.Mlp.__call__", refuse)
    message = "tiny-cuda-nn refuses it: FullyFusedMLP: insufficient shared memory available on the GPU. Reduce"
    with pytest.raises(InrError, match=message):
        choose(field(), None, "tcnn")
