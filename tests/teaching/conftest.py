"""Fits that are interrupted and go on."""

import pytest
import torch

from inr.fitting import make_fitter


@pytest.fixture
def curve_of():
    """A function that runs a fitter and returns the losses it tells."""
    return losses


@pytest.fixture
def resumed(tmp_path):
    """A function that makes a fit in one go and again with an interruption, which must be alike bit for bit.

    It is given a signal, when to stop (steps, or a function of the fitter and the steps so far) and the settings, and
    returns the fitter that ran through, the one that went on, and the steps before the interruption.
    """

    def run(signal, cut, **settings):
        whole = make_fitter(signal, **settings)
        curve = losses(whole)
        path, beginning = tmp_path / f"{cut}.checkpoint", []
        first = make_fitter(signal, checkpoint=path, **settings)
        for event in first.run():
            if event.kind == "step":
                beginning.append(event.loss)
                if cut(first, len(beginning)) if callable(cut) else len(beginning) == cut:
                    first.stop()
        assert event.reason == "interrupted"
        second = make_fitter(signal, checkpoint=path, resume=True, **settings)
        assert beginning + losses(second) == curve
        assert whole.field.state_dict().keys() == second.field.state_dict().keys()
        for name, tensor in whole.field.state_dict().items():
            assert torch.equal(tensor, second.field.state_dict()[name]), name
        return whole, second, len(beginning)

    return run


def losses(fitter):
    return [event.loss for event in fitter.run() if event.kind == "step"]
