"""Networks as operators of PyTorch, beside the eager networks."""

import json
import subprocess
import sys

import pytest
import torch

from inr import InrError
from inr.activations import activations
from inr.engines import fused_mlp
from inr.networks import networks
from tests.tables import mostly_long

QUICK_CHECKS = ("test_schema", "test_autograd_registration", "test_faketensor")
SMOOTH = [("sine:omega=5,first_omega=5", 24), ("gabor:omega=3,scale=2", 16), ("gaussian:scale=1", 16)]


def problem(activation, width, device, *, depth=2, points=9, bias=True):
    torch.manual_seed(0)
    spec = f"mlp:depth={depth},width={width},bias={str(bias).lower()}"
    network = networks.build(spec, 2, 3, activations.build(activation)).to(device)
    return network, (torch.rand(points, 2, device=device) * 2 - 1).requires_grad_()


def run(network, x):
    return fused_mlp(network, x, precision="float32")


def derivatives(values, tensors):
    """First and second derivatives of a number made of values, in all tensors."""
    weights = torch.linspace(-1, 1, values.numel(), device=values.device).view_as(values)
    first = torch.autograd.grad((values.square() * weights).sum(), tensors, create_graph=True)
    second = torch.autograd.grad(
        sum(grad.square().sum() for grad in first), tensors, allow_unused=True, materialize_grads=True
    )
    return [*first, *second]


@pytest.mark.parametrize(("activation", "width"), SMOOTH)
def test_derivatives_are_the_eager_ones(activation, width, device):
    network, x = problem(activation, width, device)
    tensors = [x, *network.parameters()]
    values = run(network, x)
    torch.testing.assert_close(values, network(x), rtol=1e-5, atol=1e-6)
    for ours, theirs in zip(derivatives(values, tensors), derivatives(network(x), tensors), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=2e-5 * theirs.abs().max().item())


def test_eikonal_losses_reach_the_weights(device):
    """A loss on the gradient in coordinates, as signed distances are learned with."""
    network, x = problem(*SMOOTH[0], device, bias=False)
    found = []
    for values in (run(network, x), network(x)):
        slope = torch.autograd.grad(values[:, 0].sum(), x, create_graph=True)[0]
        (slope.norm(dim=1) - 1).square().mean().backward()
        found.append([parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None])
        network.zero_grad()
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=2e-5 * theirs.abs().max().item())


# the check that traces takes torch seconds
@pytest.mark.parametrize(
    "checks", [QUICK_CHECKS, pytest.param((*QUICK_CHECKS, "test_aot_dispatch_dynamic"), marks=pytest.mark.long)]
)
@pytest.mark.parametrize(("activation", "width"), mostly_long(SMOOTH[:2]))
def test_operators_keep_the_rules(activation, width, checks, device):
    network, x = problem(activation, width, device)
    weights = list(network.parameters())
    spec = json.dumps([network.config(), network.activation.config(), network.in_dim, network.out_dim, "float32"])
    torch.library.opcheck(torch.ops.inr.mlp.default, (x, weights, spec), test_utils=checks)
    grad = torch.randn(9, 3, device=device, requires_grad=True)
    for of_features in (True, False):
        arguments = (grad, x, weights, spec, of_features)
        torch.library.opcheck(torch.ops.inr.mlp_backward.default, arguments, test_utils=checks)


@pytest.mark.long
def test_it_can_be_compiled(device):
    """In a process of its own: compilers do not see through the run-time checks of types that tests are run with."""
    code = (
        "import sys, torch, inr\n"
        "from inr.activations import activations\n"
        "from inr.networks import networks\n"
        "network = networks.build('mlp:depth=2,width=16', 2, 3, activations.build('sine')).to(sys.argv[1])\n"
        "x = torch.rand(9, 2, device=sys.argv[1], requires_grad=True)\n"
        "def loss(x):\n"
        "    return inr.engines.fused_mlp(network, x * 2, precision='float32').square().mean()\n"
        "ours, theirs = ([f(x), *torch.autograd.grad(f(x), [x, *network.parameters()])]\n"
        "                for f in (torch.compile(loss, backend='aot_eager', fullgraph=True), loss))\n"
        "assert torch.ops.inr.mlp in "
        "[node.target for node in torch._dynamo.export(loss)(x).graph_module.graph.nodes]\n"
        "torch.testing.assert_close(ours, theirs)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, device], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("size", [1e-7, 1.0, 1e6])
def test_gradients_of_any_size_fit_in_16_bits(size, device):
    network, x = problem("sine", 24, device)
    given = torch.randn(9, 3, device=device) * size
    expected = torch.autograd.grad(network(x), list(network.parameters()), given)
    found = torch.autograd.grad(fused_mlp(network, x), list(network.parameters()), given)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours - theirs).norm() <= 1e-2 * theirs.norm()


def test_only_what_is_wanted_is_differentiated(device):
    network, x = problem("sine", 16, device)
    run(network, x.detach()).sum().backward()
    assert x.grad is None
    network.requires_grad_(False)
    run(network, x).sum().backward()
    assert x.grad is not None
    assert not run(network, x.detach()).requires_grad


def test_inputs_that_are_not_contiguous_and_of_no_points(device):
    network, x = problem("sine", 16, device, points=30)
    across = x.detach().T.contiguous().T
    torch.testing.assert_close(run(network, across[::3]), network(across[::3]), rtol=1e-5, atol=1e-6)
    empty = x[:0]
    values = run(network, empty)
    assert values.shape == (0, 3)
    values.sum().backward()
    assert not any(parameter.grad.any() for parameter in network.parameters())


def test_gradients_that_are_not_contiguous(device):
    network, x = problem("sine", 16, device)
    factors = torch.randn(3, 9, device=device)  # the gradient's rows lie across
    found = [torch.autograd.grad((values.T * factors).sum(), x)[0] for values in (run(network, x), network(x))]
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)


def test_what_has_no_kernel_runs_as_it_is(device):
    network, x = problem("sine", 16, device)
    doubled = network.double()
    assert torch.equal(fused_mlp(doubled, x.double()), doubled(x.double()))


def test_bad_input_is_refused(device):
    network, x = problem("sine", 16, device)
    with pytest.raises(InrError, match=r"shape \(n, 2\)"):
        fused_mlp(network, x[:, :1])
    with pytest.raises(InrError, match="float16, bfloat16, tf32, float32"):
        fused_mlp(network, x, precision="int8")
