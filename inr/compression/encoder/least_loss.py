"""Fits of which the weights of the least loss are kept, as COIN has it."""

import math
from collections.abc import Mapping

from torch import Tensor

from inr.compression.codecs.base import OnEvent
from inr.fitting import Fitter


def weights_of_least_loss(fitter: Fitter, on_event: OnEvent | None) -> Mapping[str, Tensor]:
    """Run a fit; the weights that had the least loss of its second half.

    A step's loss is that of the weights before it. Losses of batches are of other samples each time: there the running
    loss is compared, which is the PSNR's.
    """
    whole = fitter.batch == fitter.signal.size
    least, best, before = math.inf, None, None
    for event in fitter.run():
        if on_event is not None:
            on_event(event)
        if event.kind != "step" or 2 * event.step < fitter.steps:
            continue
        loss = event.loss if whole else -event.psnr
        if before is not None and loss < least:
            least, best = loss, before
        before = {name: tensor.detach().clone() for name, tensor in fitter.field.named_parameters()}
    return best or dict(fitter.field.state_dict())
