"""Signals and fields of the tests, and how far things are from each other."""

import copy

import numpy as np
import torch

import inr
from inr.engines import plan as choose
from inr.field import Field
from inr.objectives import Regression

SHAPES = {1: (301,), 2: (17, 18), 3: (7, 5, 9), 4: (3, 5, 4, 6)}


def signal(in_dim=2, channels=3):
    samples = np.random.default_rng(0).integers(0, 255, (*SHAPES[in_dim], channels)).astype(np.uint8)
    return inr.Signal.from_array(samples, kind="volume", channels_last=True)


def build(source, **parts):
    torch.manual_seed(1)
    field = Field.build(source.domain, **parts)
    for parameter in field.encoding.parameters():  # tables start too small to tell
        torch.nn.init.normal_(parameter, std=0.5)
    return field


def distance(found, exact):
    """Of tensors, relative to the exact one."""
    return float((found - exact).norm()) / max(float(exact.norm()), 1e-12)


class Exact(Regression):
    """The same objective in float64."""

    def coords(self, batch):
        return super().coords(batch).double()

    def targets(self, batch):
        return super().targets(batch).double()


def exact_step(field, source, batch):
    """What eager computes in float64."""
    precise = copy.deepcopy(field).double()
    return choose(precise, Exact(source), "eager")[1].loss_and_grad(dict(precise.named_parameters()), batch)
