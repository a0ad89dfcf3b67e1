"""Fields in torch's other ways of running a module: what they record holds for any number of points, or is refused."""

import subprocess
import sys
import warnings

import jaxtyping
import pytest
import torch

from inr import Field
from inr.activations import activations
from inr.encodings import encodings
from inr.networks import networks
from inr.signals import Axis, Domain, ValueMap
from tests.encodings.small import small

DOMAIN = Domain("image", (Axis("x", 6, "px", 0.0, 6.0), Axis("y", 5, "px", 0.0, 5.0)), 3, ValueMap((0.0,), (1.0,)))
_NETWORK = "mlp:depth=2,width=5"
_SMALL_NETWORKS = {
    "axiswise": "axiswise:rank=3,depth=1,width=5",
    "bacon": "bacon:width=6,bandwidth=8",
    "cam": "cam:depth=2,width=6,resolution=3",
    "conditioned": "conditioned:over=(mlp:depth=2,width=6),factor=1-x0^2",
    "kronecker": "kronecker:size=4",
    "masked": "masked:depth=2,width=8,levels=2,log2_size=5,coarsest=2,finest=5",
    "mfn": "mfn:depth=2,width=6",
    "modulated": "modulated:depth=2,width=6,latent_dim=3",
    "normalised": "normalised:depth=2,width=6",
    "skip": "skip:depth=3,width=6",
    "split": "split:depth=2,width=5,low=3",
}

# every part once, with parts that are usual beside it
PARTS = {
    **{name: {"encoding": small(name), "activation": "relu", "network": _NETWORK} for name in encodings.names()},
    **{f"fourier {kind}": {"encoding": f"fourier:kind={kind}", "activation": "relu", "network": _NETWORK}
       for kind in ("basic", "positional", "radial")},
    **{name: {"activation": name, "network": _NETWORK} for name in activations.names()},
    **{f"network {name}": {**networks.info(name).cls.default_partners, "network": _SMALL_NETWORKS.get(name, _NETWORK)}
       for name in networks.names()},
}  # fmt: skip

every_part = pytest.mark.parametrize("name", PARTS)
# What is exported to other runtimes is traced part by part, too; here one of each kind is enough for all runs.
_SHOWN = {"hash", "fourier", "sine", "network bacon"}
each_kind = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * (name not in _SHOWN)) for name in PARTS]
)


@pytest.fixture(autouse=True)
def _unchecked():
    """The tests' own checks of arguments are no part of what is recorded."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def built(name: str) -> Field:
    torch.manual_seed(0)
    field = Field.build(DOMAIN, **PARTS[name]).double()
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    return field


def points(count: int) -> torch.Tensor:
    return torch.rand(count, 2, generator=torch.Generator().manual_seed(count), dtype=torch.float64) * 2 - 1


def agrees(found: torch.Tensor, expected: torch.Tensor) -> bool:
    return found.shape == expected.shape and torch.allclose(found, expected, rtol=1e-8, atol=1e-8)


@each_kind
def test_what_tracing_records_holds_for_other_points(name):
    field = built(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing's own age, and of loops over layers
        traced = torch.jit.trace(field, points(11))
    for count in (1, 4, 30):
        assert agrees(traced(points(count)), field(points(count)))


@each_kind
def test_what_is_exported_takes_any_number_of_points(name):
    field = built(name)
    size = {"coords": {0: torch.export.Dim("n", min=2)}}
    exported = torch.export.export(field, (points(11),), dynamic_shapes=size).module()
    for count in (4, 30):
        assert agrees(exported(points(count)), field(points(count)))


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@every_part
def test_points_one_by_one_under_vmap_give_what_they_give_together(name):
    field = built(name)
    found = torch.func.vmap(lambda point: field(point[None])[0])(points(7))
    assert agrees(found, field(points(7)))


def uncompiled(names: list[str]) -> list[str]:
    """Those of the parts that do not compile as one graph, or to another function."""
    failed = []
    for name in names:
        torch._dynamo.reset()
        field = built(name)
        try:
            compiled = torch.compile(field, backend="aot_eager", fullgraph=True)
            failed += [] if agrees(compiled(points(9)), field(points(9))) else [name]
        except Exception as error:
            failed.append(f"{name}: {error}")
    return failed


@pytest.mark.long
def test_they_compile_as_one_graph(root):
    """In a process of their own: the wrappers by which tests check arguments cannot be compiled."""
    program = f"from tests.test_tracing import uncompiled; print(uncompiled({[*PARTS]}))"
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stdout + done.stderr
