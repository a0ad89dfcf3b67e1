"""Products of bfloat16 numbers on the way back: beside double precision with the same numbers rounded."""

import copy
import types

import llvmlite.binding as llvm
import numpy as np
import pytest
import torch
from llvmlite import ir

import inr
from inr.engines import Batch
from inr.engines import plan as choose
from inr.engines._cpu import _engine
from inr.field import Field
from inr.fitting import make_fitter
from inr.jit import vector
from inr.networks import Affine
from inr.objectives import Regression
from tests.engines.derivatives import Local
from tests.tables import mostly_long

SOURCE = inr.Signal.from_array(np.random.default_rng(0).integers(0, 255, (17, 13, 3)).astype(np.uint8))


class Exact(Regression):
    """The same objective in float64."""

    def coords(self, batch):
        return super().coords(batch).double()

    def targets(self, batch):
        return super().targets(batch).double()


class RoundedBack(torch.autograd.Function):
    """x W^T, whose gradients are products of bfloat16 numbers."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x @ weight.T

    @staticmethod
    def backward(ctx, grad):
        grad, x, weight = (t.float().bfloat16().double() for t in (grad, *ctx.saved_tensors))
        return grad @ weight, grad.T @ x


def affine(self, x):
    return RoundedBack.apply(x, self.weight) + self.bias


def complex_affine(self, a, b):
    re, im, product = self.weight_real, self.weight_imag, RoundedBack.apply
    real = product(a, re) - product(b, im) + self.bias_real
    return (real,) if self.real_output else (real, product(a, im) + product(b, re) + self.bias_imag)


def rounded(field):
    """A copy in double precision that rounds on the way back, in all layers but the first."""
    field = copy.deepcopy(field).double()
    for layer in field.network.layers[1:]:
        plain = isinstance(layer, Affine)
        one = types.MethodType((lambda self, *planes: (affine(self, *planes),)) if plain else complex_affine, layer)
        layer.forward = one
    return field


def gradients(field, objective, engine, batch):
    tensors = dict(field.named_parameters())
    return choose(field, objective, engine)[1].loss_and_grad(tensors, batch)


def distance(found, right):
    return float((found - right).norm() / right.norm())


@pytest.mark.parametrize("activation", mostly_long(["sine", "gabor", "gaussian"]))
@pytest.mark.parametrize("width", mostly_long([40, 16, 5]))
@pytest.mark.parametrize("size", mostly_long([221, 220, 13], 2))
def test_gradients_are_those_of_rounded_numbers(activation, width, size):
    samples = np.random.default_rng(0).integers(0, 255, (17, 13, 3)).astype(np.uint8)
    source = inr.Signal.from_array(samples)
    torch.manual_seed(0)
    field = Field.build(source.domain, encoding="identity", activation=activation, network=f"mlp:depth=3,width={width}")
    batch = Batch(torch.arange(size))
    ours = gradients(field, Regression(source), "cpu:threads=2,tile=24,backward=bfloat16", batch)
    right = gradients(rounded(field), Exact(source), "eager", batch)
    exact = gradients(copy.deepcopy(field).double(), Exact(source), "eager", batch)
    assert distance(ours.residuals, exact.residuals) < 1e-5  # nothing is rounded forward
    for name, gradient in right.grads.items():
        cost = distance(exact.grads[name], gradient)
        # A float32 number next to the middle of two bfloat16 numbers may be rounded to the other: one in thousands.
        assert distance(ours.grads[name], gradient) < 0.1 * cost + 1e-5, name
        # rounding is seen in all gradients but the last bias's
        assert cost > 1e-4 or name.startswith("network.layers.3.bias"), name


def test_the_instruction_is_used_where_there_is_one(monkeypatch):
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        target = llvm.Target.from_triple("x86_64-unknown-linux-gnu")
    except RuntimeError:
        pytest.skip("no compiler for x86 here")
    monkeypatch.setattr(vector, "DOT_PRODUCTS", True)
    monkeypatch.setattr(vector, "LANES", 16)
    module = ir.Module()
    module.triple = "x86_64-unknown-linux-gnu"
    for along in "km":
        vector._product(module, 12, 2, along, True)
    machine = target.create_target_machine(cpu="sapphirerapids", opt=2)
    parsed = llvm.parse_assembly(str(module).replace("linkonce_odr", ""))
    parsed.verify()
    assert machine.emit_assembly(parsed).count("vdpbf16ps") >= 2 * 24


@pytest.mark.parametrize(
    ("instruction", "width", "options", "rounds"),
    [
        (True, 64, "", True), (True, 48, "", False), (False, 256, "", False),
        (True, 256, ",backward=float32", False), (False, 16, ",backward=bfloat16", True),
    ],
)  # fmt: skip
def test_auto_rounds_where_that_is_faster(monkeypatch, instruction, width, options, rounds):
    monkeypatch.setattr(_engine, "DOT_PRODUCTS", instruction)
    field = Field.build(SOURCE.domain, encoding="identity", activation="sine", network=f"mlp:depth=2,width={width}")
    _, plan = choose(field, Regression(SOURCE), f"cpu:threads=1{options}")
    assert plan.settings == ({"backward": "bfloat16"} if rounds else {})


@pytest.mark.parametrize(
    ("width", "options", "rounds"), [(64, "", False), (128, "", True), (16, ",backward=bfloat16", True)]
)
def test_settings_of_steps_with_derivatives_are_what_they_use(monkeypatch, width, options, rounds):
    monkeypatch.setattr(_engine, "DOT_PRODUCTS", True)
    field = Field.build(SOURCE.domain, encoding="identity", activation="sine", network=f"mlp:depth=2,width={width}")
    _, plan = choose(field, Local(), f"cpu:threads=1{options}")
    assert plan.derivatives._bfloat16 == rounds
    assert plan.settings == ({"backward": "bfloat16"} if rounds else {})


def test_a_fit_says_so_and_is_resumed_as_it_was_begun(monkeypatch, tmp_path):
    def fitter(engine="cpu:threads=1", **options):
        parts = {"encoding": "identity", "activation": "sine", "network": "mlp:depth=2,width=64"}
        options |= {"budget": inr.Budget(steps=6), "checkpoint": tmp_path / "fit.checkpoint", "batch": 64}
        return make_fitter(SOURCE, engine=engine, **parts, **options)

    for instruction, other in ((True, False), (False, True)):
        monkeypatch.setattr(_engine, "DOT_PRODUCTS", instruction)
        begun = fitter()
        assert begun.choices().get("backward") == ("bfloat16" if instruction else None)
        for event in begun.run():
            if event.step == 2:
                begun.stop()
        monkeypatch.setattr(_engine, "DOT_PRODUCTS", other)
        assert fitter(resume=True).choices() == begun.choices()
        with pytest.raises(inr.InrError, match="backward differ"):
            fitter(f"cpu:threads=1,backward={'float32' if instruction else 'bfloat16'}", resume=True)
