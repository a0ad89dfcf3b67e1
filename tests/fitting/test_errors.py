"""Errors over a whole signal are those of their definition, and the same bits however it is cut into blocks."""

import numpy as np
import pytest
import torch

import inr
from inr.fitting import whole_errors, whole_psnr

SIGNAL = inr.from_array(np.random.default_rng(0).normal(size=(9, 11, 3)).astype(np.float32), kind="image")
FIELD = inr.Field.build(SIGNAL.domain, network="mlp:depth=1,width=8")


def test_errors_are_those_of_clipped_values():
    indices = torch.arange(SIGNAL.size)
    estimate = np.clip(FIELD.measure(SIGNAL.coords(indices)).numpy().astype(np.float64), -1, 1)
    missed = SIGNAL.values(indices).numpy().astype(np.float64) - estimate
    found = whole_errors(FIELD, SIGNAL)
    # differences are float32, rounded once each: 2^-24 of values up to 2
    assert found["psnr"] == pytest.approx(10 * np.log10(4 / np.square(missed).mean()), abs=1e-5)
    half = SIGNAL.domain.values.data_range / 2
    assert found["max_error"] == pytest.approx(half * np.abs(missed).max(), rel=1e-6)


@pytest.mark.parametrize("block", [1, 7, 98])
def test_blocks_change_no_bit(block):
    def fixed(coords):  # values that do not depend on how many are asked for
        return coords[:, :1].repeat(1, 3)

    assert whole_psnr(FIELD, SIGNAL, execute=fixed, block=block) == whole_psnr(FIELD, SIGNAL, execute=fixed)


def test_what_is_no_number_is_not_overlooked():
    def broken(coords):
        values = coords[:, :1].repeat(1, 3)
        values[3, 1] = float("nan")
        return values

    found = whole_errors(FIELD, SIGNAL, execute=broken)
    assert np.isnan(found["psnr"])
    assert np.isnan(found["max_error"])
