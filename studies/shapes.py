"""How close fields come to shapes in a minute, to points in five, and whether the signs of an open mesh are right.

    python -m studies.shapes --shared DIR [--only solids|points|signs] [--seconds 60] [--point-steps N] [--threads 2]

- `solids`: `inr fit` of a mesh with its usual settings, drawing points included. The settings were chosen by nefertiti
  alone; boot, wingnut, spot and the open bunny were looked at afterwards.
- `points`: 131,072 oriented points of the closed bunny in five minutes: SIREN's loss and IGR's in a sine network of 256
  units, as published and with the distances that the points tell (`far`); and half as many points without normals, by
  DiGS. The rate suits some 20,000 steps: at 1e-3 so many ended with sheets in space, and 8,000 did not. Two cores with
  AVX-512 take them in the five minutes; `--point-steps` asks slower machines for as many.
- `signs`: of the open bunny at 20,000 points in the box and as many near the surface, against the exact winding number,
  the sum over all triangles; ours, and libigl's where it is installed.

Each row of results/shapes.tsv is kept as it ends and not made again; results/shapes.md is written from all. Takes 30
minutes of two processor cores. Meshes are those of DIR/mesh. IoU is that of 2^20 points in the box and of 2^18
near the surface, the surface's own moved by N(0, 0.01) of half the box's side, and comes with 1.96 standard errors.
"""

import argparse
import importlib.util
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import inr
from inr.bench import machine
from inr.bench.tables import Ledger, Row, markdown, origin, read
from inr.geometry import Mesh, SignedDistance, sample_surface
from inr.shapes import Reference
from inr.signals import OrientedSignal, ShapeSignal, Signal, from_points
from studies import RESULTS

TABLE = RESULTS / "shapes.tsv"
COLUMNS = [
    "shape", "method", "iou", "iou_error", "iou_near", "iou_near_error", "chamfer", "normals", "eikonal", "steps",
    "seconds", "parameters", "at_least",
]  # fmt: skip
SOLIDS = {
    "nefertiti": ".9985 / .988", "boot": "held out", "wingnut": "held out", "spot": "", "stanford-bunny": "",
}  # fmt: skip
CLOSED_BUNNY, OPEN_BUNNY = "bunny_hr_watertight.obj", "stanford-bunny.obj"
WIDE, NARROW = "mlp:depth=3,width=256", "mlp:depth=3,width=128"
POINTS = {
    "SIREN, far=0": ("siren-sdf:far=0", WIDE, True, ""),
    "SIREN": ("siren-sdf", WIDE, True, ".97 / .97"),
    "IGR, far=0.1": ("igr:far=0.1", WIDE, True, ""),
    "IGR": ("igr", WIDE, True, ""),
    "DiGS, no normals": ("digs", NARROW, False, ""),
}
POINT_SECONDS = 300.0
QUERIES = 20_000


def _opened(path: Path, as_shape: inr.signals.ShapeAs) -> Signal:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inr.InrWarning)  # the bunny is open, which is what it is here for
        return inr.open(path, as_shape=as_shape)


def _row(field: inr.Field, solid: Reference, seconds: float) -> Row:
    found = inr.shapes.measure(field, solid, samples=1 << 20)
    return {
        "iou": f"{found.iou:.5f}", "iou_error": f"{found.iou_error:.5f}", "iou_near": f"{found.iou_near:.5f}",
        "iou_near_error": f"{found.iou_near_error:.5f}", "chamfer": f"{found.chamfer:.3g}",
        "normals": f"{found.normal_consistency:.4f}", "eikonal": f"{found.eikonal:.4f}",
        "steps": str(field.fit["steps"]), "seconds": f"{seconds:.1f}", "parameters": str(field.parameter_count),
    }  # fmt: skip


def solid(path: Path, at_least: str, seconds: float, engine: str) -> Row:
    """A mesh with the usual settings; seconds are all but those of reading and compiling."""
    signal = _opened(path, "sdf")
    assert isinstance(signal, ShapeSignal)
    assert isinstance(signal.solid, Reference)
    fitter = inr.fitting.make_fitter(signal, budget=inr.Budget(seconds=seconds), engine=engine)
    for _ in fitter.run():
        pass
    return _row(fitter.field, signal.solid, fitter.seconds) | {"at_least": at_least}


def points(
    mesh: Path, objective: str, network: str, oriented: bool, at_least: str, budget: inr.Budget, engine: str
) -> Row:
    """Points of the closed bunny, with normals or without."""
    known = _opened(mesh, "eikonal")
    assert isinstance(known, OrientedSignal)
    reference: Any = known.solid
    signal: Signal = known
    if not oriented:
        surface = known.sets[known.SURFACE].coords[::2]
        signal = from_points(known.domain.positions(surface.astype(np.float64)))
    fitter = inr.fitting.make_fitter(
        signal, budget=budget, engine=engine, objective=objective, network=network, encoding="identity",
        activation="sine:omega=30", batch=4_096, learning_rate=5e-4,
    )  # fmt: skip
    for _ in fitter.run():
        pass
    return _row(fitter.field, reference, fitter.seconds) | {"at_least": at_least}


def signs(path: Path, theirs: Callable[[Mesh, np.ndarray], np.ndarray]) -> Row:
    """Shares of points of the open bunny with the sign that others have, under the names of the overlaps."""
    signal = _opened(path, "sdf")
    assert isinstance(signal, ShapeSignal)
    assert isinstance(signal.solid, Reference)
    mesh, draw = signal.solid.mesh, np.random.default_rng(0)
    near = sample_surface(mesh, QUERIES, draw).points
    anywhere, near = draw.uniform(-1, 1, (QUERIES, 3)), near + draw.normal(scale=0.01, size=near.shape)
    shares = [float((signal.solid.inside(each) == theirs(mesh, each)).mean()) for each in (anywhere, near)]
    return {"iou": f"{shares[0]:.5f}", "iou_near": f"{shares[1]:.5f}", "at_least": ".999"}


def exact_signs(mesh: Mesh, queries: np.ndarray) -> np.ndarray:
    """By the sum over all triangles."""
    return SignedDistance(mesh).winding(queries, exact=True) > 0.5


def libigl_signs(mesh: Mesh, queries: np.ndarray) -> np.ndarray:
    """By libigl's sum over all triangles."""
    import igl  # type: ignore[import-untyped]

    found = igl.winding_number(np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64), queries)
    inside: np.ndarray = found > 0.5
    return inside


def report(rows: list[Row], machines: str) -> str:
    """All rows."""
    head = [name.replace("_", " ") for name in COLUMNS]
    text = [f"{machines}.", "", *markdown(head, [[row.get(name, "") for name in COLUMNS] for row in rows]), ""]
    return "\n".join([*text, "Rows of signs: the shares of points with the right sign, in the place of overlaps.", ""])


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["solids", "points", "signs"])
    parser.add_argument("--seconds", type=float, default=60.0, help="of each mesh")
    parser.add_argument("--point-steps", type=int, help="of fits to points, in place of five minutes")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shared", type=Path, required=True, help="folder that holds mesh")
    options = parser.parse_args()
    engine, folder = f"cpu:threads={options.threads}", options.shared / "mesh"
    work: list[tuple[str, str, str, Callable[[], Row]]] = [
        ("signs", "open bunny", "exact winding number", partial(signs, folder / OPEN_BUNNY, exact_signs))
    ]
    if importlib.util.find_spec("igl") is None:
        print("libigl is not installed: its signs are left out")
    else:
        work.append(
            ("signs", "open bunny", "exact winding number, libigl", partial(signs, folder / OPEN_BUNNY, libigl_signs))
        )
    for name, least in SOLIDS.items():
        method = f"inr fit, {options.seconds:g} s"
        fit = partial(solid, folder / f"{name}.obj", least, options.seconds, engine)
        work.append(("solids", name, method, fit))
    steps = options.point_steps
    budget = inr.Budget(steps=steps) if steps else inr.Budget(seconds=POINT_SECONDS)
    for method, what in POINTS.items():
        work.append(("points", "closed bunny", method, partial(points, folder / CLOSED_BUNNY, *what, budget, engine)))
    ledger = Ledger(TABLE, COLUMNS, ["shape", "method"], machine.describe())
    for part, shape, method, make in work:
        if options.only in (None, part):
            ledger.once({"shape": shape, "method": method}, make)
    text = report(read(TABLE), origin(TABLE))
    TABLE.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
