"""What a comparison sheet shows of a shape: the input, the field, the error on its surface, a slice."""

import copy
from dataclasses import replace
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, UInt8

from inr._srgb import linear_light, srgb_tones
from inr.field import Field
from inr.geometry import build_tree, closest, first_hits
from inr.shapes._camera import Camera
from inr.shapes._flat import contoured, spread
from inr.shapes._implicit import Implicit, implicit
from inr.shapes._measure import Reference
from inr.shapes._picture import background, draw, view
from inr.shapes._scene import Scene
from inr.signals import PointPool, Signal

_SIDE = 420  # pixels
_COARSE = 210  # places along each axis at which the input is asked what is inside
_EVERY = 4  # pixels: where errors are looked at first
_WORST = 0.99  # of the errors are told apart
_RAMP = np.array([(0.55, 0.62, 0.72), (0.93, 0.90, 0.80), (0.97, 0.62, 0.26), (0.78, 0.12, 0.18), (0.32, 0.02, 0.10)])


class View(NamedTuple):
    """A picture, what it is, and what to know about it."""

    pixels: UInt8[np.ndarray, "h w 3"]
    caption: str
    note: str = ""


@runtime_checkable
class _Flat(Protocol):
    """A solid of the plane, or any other."""

    def inside(self, points: Float[np.ndarray, "n d"]) -> Bool[np.ndarray, " n"]: ...


def shape_views(field: Field, signal: Signal) -> list[list[View]]:
    """Pictures of what a field was fitted to, of the field, of its error, and of a slice through it, in rows.

    Args:
        field: fitted to a shape.
        signal: the shape: a mesh, a silhouette, or points with or without normals.

    Raises:
        InrError: a field without a surface.
    """
    shape, solid = implicit(field), getattr(signal, "solid", None)
    if shape.dimensions == 2:
        return [_flat_views(shape, solid)]
    scene = Scene(shape)
    camera = view(scene, (_SIDE, _SIDE))
    views = []
    if isinstance(solid, Reference):
        views.append(View(draw(_MeshScene(scene, solid), camera, (_SIDE, _SIDE)), "input", _faces(solid)))
    elif isinstance(signal, PointPool):
        points, normals = signal.sets[0]
        views.append(View(_dots(points, normals, camera), "input", f"{len(points):,} points"))
    views.append(View(draw(scene, camera, (_SIDE, _SIDE)), "fit"))
    if isinstance(solid, Reference):
        views.append(_error_view(scene, solid, camera))
    views.append(_slice(shape, solid if isinstance(solid, Reference) else None, scene))
    return [views]


def _faces(solid: Reference) -> str:
    return f"{len(solid.mesh.faces):,} triangles"


class _MeshScene(Scene):
    """A mesh in the light of the field's scene: shadows in corners are those of the field, colours its own."""

    def __init__(self, scene: Scene, solid: Reference) -> None:
        self.__dict__.update(scene.__dict__)
        self._mesh, self._tree = solid.mesh, build_tree(solid.mesh.vertices[solid.mesh.faces].astype(np.float64))
        self.shape = replace(scene.shape, colours=None if solid.mesh.colours is None else self._colours)

    def _colours(self, points: Float[np.ndarray, "n 3"]) -> UInt8[np.ndarray, "n 3"]:
        found = closest(self._tree, points.astype(np.float64))
        return (self._mesh.colours_at(found.faces, found.points) + 0.5).astype(np.uint8)

    def hits(self, origin: Float[np.ndarray, "3"], directions: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
        """See `Scene.hits`."""
        return first_hits(self._tree, origin, directions).astype(np.float32)

    def normals(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """See `Scene.normals`."""
        vectors = self._mesh.face_vectors[closest(self._tree, points.astype(np.float64)).faces]
        lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float64).tiny)
        return (vectors / lengths).astype(np.float32)


def _dots(points: np.ndarray, normals: np.ndarray, camera: Camera) -> UInt8[np.ndarray, "h w 3"]:
    """Points of a surface as dots that hide each other, lit from the camera where there are normals."""
    pixels = np.array(np.broadcast_to(srgb_tones(background(_SIDE))[:, None], (_SIDE, _SIDE, 3)))
    offsets = points - camera.origin
    depths = offsets @ camera.forward
    places = (camera.seen(points) - camera.middle) * np.array([1, -1]) / camera.half * (_SIDE / 2) + _SIDE / 2
    facing = -(normals * offsets).sum(1) / np.linalg.norm(offsets, axis=1)
    lit = np.where((normals == 0).all(1), 0.6, np.clip(facing, 0, 1))
    order = np.argsort(-depths)
    order = order[(facing[order] > 0) | (normals[order] == 0).all(1)]  # those at the back are hidden by the surface
    columns, rows = np.clip(places[order].astype(int), 1, _SIDE - 2).T
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        pixels[rows + dy, columns + dx] = (0.25 + 0.6 * lit[order])[:, None]
    return (pixels * 255 + 0.5).astype(np.uint8)


def _error_view(scene: Scene, solid: Reference, camera: Camera) -> View:
    """The field's surface, coloured by how far away the input's is."""
    tree = build_tree(solid.mesh.vertices[solid.mesh.faces].astype(np.float64))

    def distances(points: np.ndarray) -> np.ndarray:
        return np.sqrt(closest(tree, points.astype(np.float64)).squared)

    rows, columns = (each.ravel() + 0.5 for each in np.mgrid[:_SIDE:_EVERY, :_SIDE:_EVERY])
    directions = camera.directions(columns, rows, (_SIDE, _SIDE))
    reached = scene.hits(camera.origin, directions)
    seen = (camera.origin + directions * reached[:, None].astype(np.float64))[np.isfinite(reached)]
    worst = max(float(np.quantile(distances(seen), _WORST)) if len(seen) else 0.0, 1e-9)

    def paint(points: np.ndarray, light: np.ndarray) -> np.ndarray:
        share = np.clip(distances(points) / worst, 0, 1) * (len(_RAMP) - 1)
        tones = np.stack([np.interp(share, np.arange(len(_RAMP)), column) for column in _RAMP.T], 1)
        brightness = light.mean(1, keepdims=True) / 0.55
        return linear_light(tones.astype(np.float32)) * np.clip(0.35 + 0.65 * brightness, 0, 1.15)

    longest = float(np.ptp(solid.mesh.vertices, axis=0).max())
    note = f"dark red: {worst * scene.shape.scale:.2g}, {100 * worst / longest:.2g} % of its side"
    plain = copy.copy(scene)
    plain.shape = replace(scene.shape, colours=None)
    return View(draw(plain, camera, (_SIDE, _SIDE), paint), "error", note)


def _slice(shape: Implicit, solid: Reference | None, scene: Scene) -> View:
    """The field in a plane through the middle, across the shortest side of the shape."""
    sides = np.ptp(scene.middles, axis=0)
    across = int(sides.argmin())
    right, up = ((0, 1), (0, 2), (2, 1))[2 - across] if across < 2 else (0, 1)
    places = np.zeros((_SIDE * _SIDE, 3), np.float32)
    places[:, across] = scene.centre[across]
    spread(places, right, up, _SIDE)
    inside = None
    if solid is not None:
        coarse = np.zeros((_COARSE * _COARSE, 3))
        coarse[:, across] = scene.centre[across]
        spread(coarse, right, up, _COARSE)
        inside = solid.inside(coarse).reshape(_COARSE, _COARSE)
    pixels = contoured(shape.values(places).reshape(_SIDE, _SIDE), shape.unit, inside)
    what = f"{'xyz'[across]} = {shape.own_units(np.array([scene.centre]))[0, across]:.3g}"
    return View(pixels, "slice", f"{what}; black: fit" + ("" if solid is None else ", red: input"))


def _flat_views(shape: Implicit, solid: object) -> list[View]:
    """A silhouette: the input, the field and its lines of equal distance."""
    places = np.zeros((_SIDE * _SIDE, 2), np.float32)
    spread(places, 0, 1, _SIDE)
    values = shape.values(places).reshape(_SIDE, _SIDE)[::-1]  # y points downwards
    views = [View(_filled(values < 0), "fit"), View(contoured(values, shape.unit, None), "distance")]
    if isinstance(solid, _Flat):
        theirs = solid.inside(places.astype(np.float64)).reshape(_SIDE, _SIDE)[::-1]
        wrong = _filled(values < 0)
        wrong[theirs != (values < 0)] = (219, 41, 51)
        views = [View(_filled(theirs), "input"), views[0], View(wrong, "error", "red"), views[1]]
    return views


def _filled(inside: np.ndarray) -> UInt8[np.ndarray, "h w 3"]:
    tones = np.where(inside[..., None], np.array([0.16, 0.18, 0.22]), np.array([0.96, 0.96, 0.97]))
    return (tones * 255 + 0.5).astype(np.uint8)
