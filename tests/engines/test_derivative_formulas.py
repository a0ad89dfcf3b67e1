"""The code of derivatives, in float64: planes and reverse pass through whole networks beside automatic differentiation.

Evaluated as Python on numpy's arrays, layer by layer, as kernels do it tile by tile.
"""

import functools

import numpy as np
import pytest
import torch
from scipy import special

from inr.activations import activations
from inr.engines._derivative_formulas import planes_formula, reverse_formula
from inr.engines._formulas import Dialect, constant_row
from inr.field import Jet, Reads, jet, laplace
from inr.networks import MLP


def sinc_derivative(order, u):
    """Of sin(u)/u, which is the integral of cos(t u) over t from 0 to 1: by Gauss' rule, to 1e-13 for |u| < 30."""
    t, weights = special.roots_legendre(40)
    t, weights = (t + 1) / 2, weights / 2
    return (t**order * np.cos(t * np.asarray(u)[..., None] + order * np.pi / 2)) @ weights


SCOPE = {
    "sin": np.sin, "cos": np.cos, "exp": np.exp, "tanh": np.tanh, "relu": lambda z: np.maximum(z, 0),
    "step": lambda z: np.where(z > 0, 1.0, 0.0), "root": lambda z: np.sqrt(np.abs(z)),
    "reciprocal": lambda z: np.where(z == 0, 0.0, 1 / np.where(z == 0, 1.0, z)),
    "softplus": lambda z: np.logaddexp(z, 0), "erf": special.erf,
    **{f"sinc{order}": functools.partial(sinc_derivative, order) for order in range(4)},
}  # fmt: skip
PYTHON = Dialect(number=repr, functions={name: name for name in SCOPE})
WIDTH, POINTS, DEPTH = 5, 7, 2


def evaluated(code, given):
    """Results of a code, by the numbers of the names that it reads."""
    scope = {**SCOPE, **given}
    for line in code.lines:
        exec(line, scope)
    return [eval(result, scope) for result in code.results]


def named(names, numbers):
    """Names of parts with their numbers."""
    return dict(zip(names, numbers, strict=True))


@functools.cache
def smooth():
    """Activations that there is code for, with how often they can be differentiated."""
    built = {name: activations.build(name) for name in activations.names()}
    return {name: each.smoothness for name, each in built.items() if each.maps == 1 and each.smoothness >= 1}


def network(name, in_dim, channels):
    torch.manual_seed(0)
    made = MLP(in_dim, channels, activations.build(name), depth=DEPTH, width=WIDTH).double()
    for parameter in made.parameters():  # every derivative is to count
        torch.nn.init.uniform_(parameter, -0.4, 0.4)
    return made


def by_planes(network, coords, axes, operators, adjoint):
    """Values and derivatives (planes, n, c) by planes, and gradients by layer from `adjoint` of the same shape."""
    layers = Layers(network)
    count = 1 + len(axes) + len(operators)
    unit = np.eye(coords.shape[1])
    rows = [coords, *(np.broadcast_to(unit[axis], coords.shape) for axis in axes)]
    h = [[row] for row in [*rows, *([np.zeros_like(coords)] * len(operators))]]
    saved, last = [], DEPTH
    for index in range(last):
        z = [layers.product(index, parts, bias=plane == 0) for plane, parts in enumerate(h)]
        code = planes_formula(network.activation, len(z[0]), axes, operators, PYTHON)
        given = layers.constants(index, code.constants)
        for names, parts in zip(code.planes, z, strict=True):
            given |= named(names, parts)
        results = evaluated(code.learn, given)
        parts = len(code.gradients[0])
        after = [results[plane * parts : plane * parts + parts] for plane in range(count)]
        z[0] = results[count * parts :]
        saved.append((code, given, h, z, after))
        h = after
    found = np.stack([layers.product(last, parts, bias=plane == 0)[0] for plane, parts in enumerate(h)])
    grads = Gradients(layers)
    g = [[each] for each in adjoint]
    grads.add(last, g, h)
    for index in reversed(range(last)):
        g = [layers.transposed(index + 1, parts) for parts in g]
        code, given, below, z, after = saved[index]
        given = layers.constants(index, code.constants)
        for names, numbers in ((code.kept, z), (code.values, after), (code.gradients, g)):
            for each, parts in zip(names, numbers, strict=True):
                given |= named(each, parts)
        results = evaluated(code.backward, given)
        parts = len(code.planes[0])
        g = [results[plane * parts : plane * parts + parts] for plane in range(count)]
        g = [[np.broadcast_to(part, (POINTS, WIDTH)) for part in plane] for plane in g]
        grads.add(index, g, below)
    return found, grads.totals


def in_reverse(network, coords, axes, adjoint, slopes_adjoint):
    """Values (n, c), slopes (n, c, k) in reverse, and gradients from those of values and slopes."""
    layers, last, channels = Layers(network), DEPTH, adjoint.shape[1]
    h, saved = [coords], []
    for index in range(last):
        z = layers.product(index, h, bias=True)
        code = reverse_formula(network.activation, len(z), channels, PYTHON)
        constants = layers.constants(index, code.constants)
        results = evaluated(code.forward, constants | named(code.planes, z))
        parts = len(code.values)
        left = constants | named(code.values, results[:parts])
        left |= named([*code.kept, *code.spare], results[parts:])
        saved.append([code, left, h, None, None])
        h = results[:parts]
    values = layers.product(last, h, bias=True)[0]
    adjoints = [[np.eye(channels)[[channel] * POINTS]] for channel in range(channels)]
    ends = adjoints
    for index in reversed(range(last)):
        adjoints = [layers.transposed(index + 1, parts) for parts in adjoints]
        code, left, *_ = saved[index]
        for names, parts in zip(code.adjoints, adjoints, strict=True):
            left |= named(names, parts)
        results = evaluated(code.adjoint, left)
        parts = len(code.planes)
        adjoints = [results[channel * parts : channel * parts + parts] for channel in range(channels)]
        saved[index][3] = adjoints
        for names, numbers in zip(code.carried, np.split(np.array(results[channels * parts :]), channels), strict=True):
            left |= named(names, numbers)
    slopes = np.stack([layers.transposed(0, parts)[0][:, axes] for parts in adjoints], 1)
    tangents = []
    for channel in range(channels):
        tangent = np.zeros_like(coords)
        tangent[:, axes] = slopes_adjoint[:, channel]
        tangents.append([tangent])
    for index in range(last):
        saved[index][4] = tangents
        code, left, *_ = saved[index]
        for names, parts in zip(code.tangents, [layers.product(index, parts) for parts in tangents], strict=True):
            left |= named(names, parts)
        results = evaluated(code.tangent, left)
        parts = len(code.values)
        tangents = [results[channel * parts : channel * parts + parts] for channel in range(channels)]
        left |= named(code.added, results[channels * parts :])
    grads, g = Gradients(layers), [adjoint]
    grads.add(last, [g, *ends], [h, *tangents])
    for index in reversed(range(last)):
        code, left, below, adjoints, tangents = saved[index]
        left |= named(code.gradients, layers.transposed(index + 1, g))
        g = evaluated(code.backward, left)
        grads.add(index, [g, *adjoints], [below, *tangents])
    return values, slopes, grads.totals


class Gradients:
    """Gradients of a network's layers, as its parameters have them."""

    def __init__(self, layers):
        self.layers, self.totals = layers, {}

    def add(self, index, g, h):
        """From the gradients of planes, by part, of what a layer gives, and the planes of its input."""
        layer = self.layers.network.layers[index]

        def product(row, column):
            return sum(plane[row].T @ other[column] for plane, other in zip(g, h, strict=True))

        if hasattr(layer, "weight"):
            self.totals |= {f"layers.{index}.weight": product(0, 0), f"layers.{index}.bias": g[0][0].sum(0)}
            return
        real, imaginary = product(0, 0), -product(0, 1) if len(h[0]) > 1 else None
        self.totals[f"layers.{index}.bias_real"] = g[0][0].sum(0)
        if not layer.real_output:
            self.totals[f"layers.{index}.bias_imag"] = g[0][1].sum(0)
            real = real + product(1, 1) if len(h[0]) > 1 else real
            imaginary = product(1, 0) + (0 if imaginary is None else imaginary)
        self.totals |= {f"layers.{index}.weight_real": real, f"layers.{index}.weight_imag": imaginary}


class Layers:
    """A network's layers as lists of matrices by output part and input part, and of biases."""

    def __init__(self, network):
        self.network, self.activation = network, network.activation
        self.matrices, self.biases, self.makers = [], [], []
        for layer in network.layers:
            if hasattr(layer, "weight"):
                self.matrices.append([[layer.weight]])
                self.biases.append([layer.bias])
                continue
            real, imaginary = layer.weight_real, layer.weight_imag
            rows = [[real, -imaginary]] if layer.real_output else [[real, -imaginary], [imaginary, real]]
            self.matrices.append(rows)
            self.biases.append([layer.bias_real] if layer.real_output else [layer.bias_real, layer.bias_imag])

    def product(self, index, parts, bias=False):
        """What an affine layer gives of the parts of its input."""
        found = []
        for row, offset in zip(self.matrices[index], self.biases[index], strict=True):
            total = sum(part @ matrix.detach().numpy().T for part, matrix in zip(parts, row, strict=False))
            found.append(total + offset.detach().numpy() if bias else total)
        return found

    def transposed(self, index, parts):
        rows = self.matrices[index]
        return [
            sum(part @ row[column].detach().numpy() for part, row in zip(parts, rows, strict=True))
            for column in range(len(rows[0]))
        ]

    def constants(self, index, names):
        return named(names, constant_row(self.activation, "first" if index == 0 else "hidden"))


def operator(in_dim):
    """A symmetric matrix without zeros."""
    matrix = np.random.default_rng(in_dim).uniform(-1, 1, (in_dim, in_dim))
    return tuple(map(tuple, (matrix + matrix.T).tolist()))


def assert_equal(found, expected):
    """To 1e-10 of the largest number."""
    expected = expected.detach().numpy()
    assert np.shape(found) == expected.shape
    assert np.abs(found - expected).max() <= 1e-10 * max(np.abs(expected).max(), 1)


def assert_gradients(totals, network, total):
    parameters = dict(network.named_parameters())
    grads = torch.autograd.grad(total, list(parameters.values()), allow_unused=True, materialize_grads=True)
    assert totals.keys() == parameters.keys()
    for name, grad in zip(parameters, grads, strict=True):
        assert_equal(totals[name], grad)


# formulas take a while to be differentiated, most of all those of wavelets
@pytest.mark.parametrize(
    ("name", "in_dim"),
    [
        pytest.param(name, in_dim, marks=[pytest.mark.long] * ("finer" in name or (name != "sine" and in_dim != 2)))
        for name in sorted(smooth())
        for in_dim in (1, 2, 3, 4)
    ],
)
def test_planes_and_reverse_are_what_automatic_differentiation_gives(name, in_dim):
    channels = 2 if in_dim == 2 else 1
    made = network(name, in_dim, channels)
    coords = torch.rand(POINTS, in_dim, dtype=torch.float64) * 2 - 1
    axes = tuple(range(in_dim))
    operators = (laplace(in_dim), operator(in_dim)) if smooth()[name] >= 2 else ()
    reads = Reads(axes, operators)
    exact = jet(made, coords, reads)
    adjoint = Jet(*(torch.randn_like(each) for each in exact))
    planes = np.concatenate([adjoint.values[None], *(each.permute(2, 0, 1) for each in adjoint[1:])])
    found, totals = by_planes(made, coords.numpy(), axes, operators, planes)
    assert_equal(found, torch.cat([exact.values[None], *(each.permute(2, 0, 1) for each in exact[1:])]))
    assert_gradients(totals, made, sum((ours * theirs).sum() for ours, theirs in zip(exact, adjoint, strict=True)))

    exact = jet(made, coords, Reads(axes[-2:]))
    adjoint = Jet(*(torch.randn_like(each) for each in exact))
    values, slopes, totals = in_reverse(
        made, coords.numpy(), list(axes[-2:]), adjoint.values.numpy(), adjoint.first.numpy()
    )
    assert_equal(values, exact.values)
    assert_equal(slopes, exact.first)
    assert_gradients(totals, made, (exact.values * adjoint.values).sum() + (exact.first * adjoint.first).sum())
