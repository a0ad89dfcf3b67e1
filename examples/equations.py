"""Differential equations: waves around a lens, a pulse that parts, a front that steepens; a picture of the three.

The first two are linear and have closed forms; the third is learned by steps. Writes equations.png into the current
folder, in about a minute of two processor cores.
"""

import matplotlib.pyplot as plt
import numpy as np

import inr
from inr.equations import cos, exp, solve

K = 12.0


def lens(at):
    """How much slower waves are, squared: a soft disc."""
    return 1 + 1.2 * exp(-((at.x**2 + at.y**2) / 0.3**2))


# what passes a lens, minus the plane wave itself, which comes in from the left; at the boundary it leaves
scattered = solve(
    lambda u, at: u.lap + K**2 * lens(at) * u + K**2 * (lens(at) - 1) * exp(1j * K * at.x),
    domain="x=-1..1,y=-1..1",
    channels="u:complex",
    where={
        "x=1": "u_x - 12j*u", "x=-1": "-u_x - 12j*u", "y=1": "u_y - 12j*u", "y=-1": "-u_y - 12j*u",
    },
    features=820, seconds=30, tell=print,
)  # fmt: skip

pulse = solve(
    "u_tt - u_xx",
    domain="x=-2..2,t=0..1.5",
    where={"t=0": lambda u, at: (u - exp(-20 * at.x**2) * cos(4 * at.x), u.t), "x=-2|x=2": "u = 0"},
    tell=print,
)

front = solve(
    lambda u: u.t + u * u.x - 0.01 / np.pi * u.xx,
    domain="x=-1..1,t=0..1",
    where={"t=0": "-sin(pi*x)", "x=-1|x=1": "0"},
    hard=True,
    solver="steps",
    seconds=30,
)

figure, panels = plt.subplots(1, 3, figsize=(10.5, 3.3), layout="constrained")
grids = [np.linspace(axis.low, axis.high, 300) for axis in scattered.domain.axes]
total = scattered.grid(*grids)[..., 0] + np.cos(K * grids[0])
fields = [("waves around a lens", scattered, total)]
fields += [(name, field, field.render()[..., 0]) for name, field in (("d'Alembert", pulse), ("Burgers", front))]
for panel, (name, field, values) in zip(panels, fields, strict=True):
    x, y = field.domain.axes
    top = np.abs(values).max()
    panel.imshow(values, extent=(x.low, x.high, y.high, y.low), cmap="RdBu_r", vmin=-top, vmax=top, aspect="auto")
    panel.set(title=name, xlabel=x.name, ylabel=y.name)
figure.savefig("equations.png", dpi=110)
print({name: field.metrics for name, field, _ in fields}, inr.__version__)
