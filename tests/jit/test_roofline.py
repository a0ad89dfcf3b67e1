"""Limits: the peak of products is that of the fastest kernel, whichever it is, for each kind of operands."""

import pytest
import torch

from inr.jit import roofline


@pytest.mark.parametrize("number", ["float32", "bfloat16"])
@pytest.mark.long
def test_every_kernel_counts_for_the_peak_of_products(number, monkeypatch):
    timed, fastest = [], [0]

    def measured(work, seconds=0.5):
        work()
        timed.append(work)
        return 1e-6 if len(timed) == fastest[0] else 1.0

    monkeypatch.setattr(roofline, "fastest", measured)
    slow = roofline.products(1, number)
    kernels = len(timed)
    assert kernels >= 2 * len(roofline._SHAPES)
    for fastest[0] in range(1, kernels + 1):
        timed.clear()
        assert roofline.products(1, number) > 100 * slow


def test_torch_is_asked_only_where_it_uses_as_many_threads():
    assert roofline._torch_products(torch.get_num_threads() + 1, "float32") == 0.0
