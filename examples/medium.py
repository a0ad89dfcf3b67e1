"""A medium is found from waves that passed it, which were observed with noise; a picture of both.

Two plane waves, along x and along y, pass a lens in which they are slower. Writes medium.png into the current folder,
in about a minute of two processor cores.
"""

import matplotlib.pyplot as plt
import numpy as np

from inr.equations import PRESETS, relative_errors, solve

preset = PRESETS["helmholtz"](k=8, inverse=True)
stated = dict(preset.stated)
field = solve(stated.pop("residual"), **stated, **preset.options, tell=print)
print("relative to the medium:", relative_errors(field, preset.exact))

values = field.render()
x, y = field.domain.axes
rows, columns = np.meshgrid(*(np.linspace(end.low, end.high, end.size) for end in (y, x)), indexing="ij")
medium = preset.exact(np.stack([columns.ravel(), rows.ravel()], 1)).reshape(rows.shape)

figure, panels = plt.subplots(1, 3, figsize=(10.5, 3.4), layout="constrained")
shown = [("the medium", medium, "viridis", 0.5), ("what was found of it", values[..., 0], "viridis", 0.5)]
shown += [("the wave along x", values[..., 1], "RdBu_r", 1.5)]
for panel, (name, picture, colours, top) in zip(panels, shown, strict=True):
    drawn = panel.imshow(picture, extent=(x.low, x.high, y.high, y.low), cmap=colours, vmin=-top * (top > 1), vmax=top)
    panel.set(title=name, xlabel="x", ylabel="y")
    figure.colorbar(drawn, ax=panel, shrink=0.8)
figure.savefig("medium.png", dpi=110)
