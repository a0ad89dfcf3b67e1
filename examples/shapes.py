"""Shapes: a mesh as a field, its picture, and a mesh of the field; then the same surface from points alone.

Fits a torus that is made here, and writes torus.png and torus.ply into the current folder, in about a minute of two
processor cores.
"""

import matplotlib.pyplot as plt
import numpy as np

import inr

# a torus: 96 by 48 corners, two triangles for each four of them
around, across = np.meshgrid(np.arange(96), np.arange(48), indexing="ij")
u, v = 2 * np.pi * around / 96, 2 * np.pi * across / 48
vertices = np.stack(((3 + np.cos(v)) * np.cos(u), (3 + np.cos(v)) * np.sin(u), np.sin(v)), -1).reshape(-1, 3)


def corner(i, j):
    """The number of a corner."""
    return (i % 96) * 48 + j % 48


one, other = corner(around, across), corner(around + 1, across)
next_one, next_other = corner(around, across + 1), corner(around + 1, across + 1)
faces = np.concatenate(
    [np.stack(each, -1).reshape(-1, 3) for each in ((one, other, next_other), (one, next_other, next_one))]
)

signal = inr.signals.from_mesh(vertices, faces)
field = inr.fit(signal, steps=400)
print({name: round(value, 4) for name, value in field.metrics.items()})

mesh = inr.shapes.mesh(field, resolution=256)
print(f"volume {mesh.volume:.3f}; of the torus {2 * np.pi**2 * 3:.3f}")
inr.geometry.write_mesh("torus.ply", mesh, force=True)
plt.imsave("torus.png", inr.shapes.picture(field, (400, 400), up="z"))

# what a scanner gives: points of the surface with normals, of which it is not said what is inside
draw = np.random.default_rng(0)
u, v = draw.uniform(0, 2 * np.pi, (2, 20_000))
normals = np.stack((np.cos(v) * np.cos(u), np.cos(v) * np.sin(u), np.sin(v)), -1)
points = normals + 3 * np.stack((np.cos(u), np.sin(u), 0 * u), -1)
scanned = inr.fit(inr.signals.from_points(points, normals), steps=300)
print(f"from points: volume {inr.shapes.mesh(scanned, resolution=128).volume:.3f}")
