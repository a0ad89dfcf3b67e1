"""The optimiser of a field: which one it is, its state by name."""

import pytest
import torch

from inr import Field, Signal
from inr.engines import RowSparse
from inr.fitting import FusedAdam, TorchAdam, parameter_groups
from inr.fitting import make_optimiser as optimiser_of

RATES = {"network": 1e-3, "encoding": 1e-2}


def make_optimiser(model, rates, threads):
    return optimiser_of(parameter_groups(model, rates), threads)


def field(dtype=torch.float32):
    torch.manual_seed(0)
    signal = Signal.from_array(torch.rand(6, 5, 3).numpy(), kind="image")
    return Field.build(signal.domain, encoding="hash:levels=2,log2_size=5", network="mlp:depth=1,width=8").to(dtype)


def gradients(model, step):
    generator = torch.Generator().manual_seed(step)
    return {
        name: torch.randn(parameter.shape, generator=generator).to(parameter.dtype)
        for name, parameter in model.named_parameters()
    }


def test_float32_is_fused_and_the_rest_is_torch():
    assert isinstance(make_optimiser(field(), RATES, 1), FusedAdam)
    assert isinstance(make_optimiser(field(torch.float64), RATES, 1), TorchAdam)


def test_both_go_the_same_way():
    single, double = field(), field(torch.float64)
    fused, plain = make_optimiser(single, RATES, 1), make_optimiser(double, RATES, 1)
    for step in range(20):
        for optimiser, model in ((fused, single), (plain, double)):
            optimiser.set_learning_rates(RATES, 0.9**step)
            optimiser.step(gradients(model, step))
    for ours, theirs in zip(single.parameters(), double.parameters(), strict=True):
        torch.testing.assert_close(ours.detach().double(), theirs.detach(), rtol=0, atol=1e-6)
    assert fused.state().keys() == plain.state().keys()
    for name, tensor in plain.state().items():
        torch.testing.assert_close(fused.state()[name].double(), tensor.double(), rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_state_goes_into_a_file_and_back(dtype):
    whole, first, second = field(dtype), field(dtype), field(dtype)
    one, start = make_optimiser(whole, RATES, 1), make_optimiser(first, RATES, 1)
    for step in range(10):
        one.step(gradients(whole, step))
        if step < 6:
            start.step(gradients(first, step))
    second.load_state_dict(first.state_dict())
    rest = make_optimiser(second, RATES, 1)
    rest.restore({name: tensor.clone() for name, tensor in start.state().items()})
    for step in range(6, 10):
        rest.step(gradients(second, step))
    for a, b in zip(whole.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_sparse_gradients_are_gradients():
    dense, sparse = field(), field()
    table = dense.encoding.table
    touched = torch.zeros(-(-len(table) // RowSparse.BLOCK), dtype=torch.uint8)
    touched[::3] = 1
    rows = touched.bool().repeat_interleave(RowSparse.BLOCK)[: len(table), None]
    optimisers = [make_optimiser(model, RATES, 1) for model in (dense, sparse)]
    for step in range(5):
        grads = gradients(dense, step)
        grads["encoding.table"] = grads["encoding.table"].where(rows, 0.0)
        optimisers[0].step(grads)
        optimisers[1].step(grads | {"encoding.table": RowSparse(grads["encoding.table"].clone(), touched)})
    for a, b in zip(dense.parameters(), sparse.parameters(), strict=True):
        assert torch.equal(a, b)
