"""Counting where a teacher looked."""

import numpy as np
import torch

import inr
from inr.engines import Batch
from inr.fitting import Budget, SampleCounts, make_fitter


def test_samples_are_counted_by_quarters():
    sample_counts = SampleCounts(4, 8)
    for step in range(8):
        sample_counts.add(step, Batch(torch.tensor([0, 3, 3]) if step < 2 else torch.tensor([step % 4])))
    assert sample_counts.counts[0].tolist() == [2, 0, 0, 4]
    assert sample_counts.counts[1:].sum(axis=1).tolist() == [2, 2, 2]
    np.testing.assert_allclose(sample_counts.relative()[0], [4 / 3, 0, 0, 8 / 3])
    np.testing.assert_allclose(sample_counts.relative().mean(axis=1), 1)


def test_a_quarter_without_steps_looked_nowhere():
    sample_counts = SampleCounts(4, 1)
    sample_counts.add(0, Batch(torch.tensor([1])))
    assert not sample_counts.relative()[1:].any()


def test_fitters_record_it_when_asked():
    source = inr.Signal.from_array(np.zeros((10, 10), np.uint8))
    options = {"network": "mlp:depth=1,width=8", "encoding": "identity", "batch": 20, "budget": Budget(steps=10)}
    silent, recording = (make_fitter(source, **options, record_sample_counts=asked) for asked in (False, True))
    for fitter in (silent, recording):
        list(fitter.run())
    assert silent.sample_counts is None
    assert recording.sample_counts.counts.sum() == 200
    for ours, theirs in zip(silent.field.parameters(), recording.field.parameters(), strict=True):
        assert torch.equal(ours, theirs)
