"""Whether there is a GPU."""

import warnings

import torch


def has_gpu() -> bool:
    """Whether torch sees an NVIDIA GPU."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a driver that is too old is warned about
        return torch.cuda.is_available()
