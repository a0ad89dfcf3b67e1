"""Coded fits: a field is what its file decodes to, within the bytes that it was given."""

import numpy as np
import pytest
import torch

import inr
from inr import InrError

PARTS = {"encoding": "hash:levels=4,log2_size=8,coarsest=4,finest=24", "network": "mlp:depth=1,width=16"}


def signal() -> inr.Signal:
    y, x = np.mgrid[:24, :32]
    return inr.from_array(np.stack([5 * x, 7 * y, 3 * x + 2 * y], axis=-1).astype(np.uint8))


@pytest.mark.parametrize("options", [{"coding": "coded"}, {"bytes": 900}, {"coding": "half"}])
def test_a_field_is_what_its_file_decodes_to(options, tmp_path):
    field = inr.fit(signal(), steps=80, batch=256, engine="eager", **PARTS, **options)
    field.save(tmp_path / "a.inr")
    again = inr.load(tmp_path / "a.inr")
    assert all(
        torch.equal(one, other)
        for one, other in zip(field.state_dict().values(), again.state_dict().values(), strict=True)
    )
    assert again.metrics == field.metrics
    if "bytes" in options:
        assert (tmp_path / "a.inr").stat().st_size <= options["bytes"]
    if "half" not in options.values():
        again.save(tmp_path / "b.inr")
        assert (tmp_path / "a.inr").read_bytes() == (tmp_path / "b.inr").read_bytes()


def test_weights_that_were_changed_are_saved_as_they_are(tmp_path):
    field = inr.fit(signal(), steps=20, batch=256, engine="eager", coding="coded", **PARTS)
    with torch.no_grad():
        field.network.layers[0].weight.mul_(1.2345)
    field.save(tmp_path / "a.inr")
    assert torch.equal(inr.load(tmp_path / "a.inr").network.layers[0].weight, field.network.layers[0].weight)


def test_what_contradicts_itself_is_refused():
    with pytest.raises(InrError, match="coding weights"):
        inr.fit(signal(), steps=1, coding="half", bytes=100)
    with pytest.raises(InrError, match="at least 1 byte"):
        inr.fit(signal(), steps=1, bytes=0)
