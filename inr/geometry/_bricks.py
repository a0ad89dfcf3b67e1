"""Marching cubes over the parts of a lattice that may hold a surface, a slab at a time.

The lattice has n cells an axis, and samples 0 to n at the corners of its cells. Samples are kept in *bricks* of 8 a
side, and only where there is need: cells come in *blocks* of 2 a side, and of those that may be cut all corners are
sampled, each once. A vertex belongs to the edge of the lattice that it lies on, and is found again by it: by the brick
of the edge's lower corner, the place in there and the axis. Slabs of bricks follow each other from low z to high;
what the next one shares with this one is handed on.
"""

import numpy as np
from jaxtyping import Float, Int

from inr.geometry._cube_table import EDGES, cube_table
from inr.jit import inline, kernel

SIDE = 8  # samples of a brick along each axis
BLOCK = 2  # cells of a block along each axis
_SAMPLES = SIDE**3
_UNKNOWN, _WANTED, _KNOWN = 0, 1, 2
_NEVER = np.float32(1e-4)  # of a cell: how near a vertex comes to a corner, so that no triangle is a point
_EDGES = np.array(EDGES, np.int64)


class Brickwork:
    """A slab of bricks, and the mesh of what has been meshed so far.

    Args:
        cells: of the lattice along each axis, n.

    Attributes:
        cells: as given.
        bricks: along each axis.
    """

    def __init__(self, cells: int) -> None:
        self.cells = cells
        self.bricks = cells // SIDE + 1
        self._count = 0  # vertices
        self._vertices: list[np.ndarray] = []
        self._faces: list[np.ndarray] = []
        self._low, self._slots = 0, np.full((1, self.bricks, self.bricks), -1, np.int32)
        self._values = np.zeros((0, _SAMPLES), np.float32)
        self._states = np.zeros((0, _SAMPLES), np.uint8)
        self._edges = np.zeros((0, 3 * _SAMPLES), np.int32)

    def lay(self, bricks: Int[np.ndarray, "k 3"], low: int, high: int) -> None:
        """Begin the next slab.

        Args:
            bricks: those that may hold a part of the surface, x, y, z.
            low, high: the layers of bricks that the slab is made of, from `low`, where the last one ended, to `high`.
        """
        slots = np.full((high + 1 - low, self.bricks, self.bricks), -1, np.int32)
        handed = self._slots[low - self._low] if low - self._low < len(self._slots) else np.full_like(slots[0], -1)
        x, y, z = bricks.T
        for dx, dy, dz in np.ndindex(2, 2, 2):  # samples at the far sides of bricks belong to the next ones
            fits = (x + dx < self.bricks) & (y + dy < self.bricks) & (z + dz < self.bricks)
            slots[z[fits] + dz - low, y[fits] + dy, x[fits] + dx] = 0
        slots[0][handed >= 0] = 0
        laid = slots >= 0
        count = int(laid.sum())
        slots[laid] = np.arange(count, dtype=np.int32)
        values, states = np.empty((count, _SAMPLES), np.float32), np.zeros((count, _SAMPLES), np.uint8)
        edges = np.full((count, 3 * _SAMPLES), -1, np.int32)
        old = handed[handed >= 0]
        new = slots[0][handed >= 0]
        values[new], states[new], edges[new] = self._values[old], self._states[old], self._edges[old]
        self._values, self._states, self._edges, self._slots, self._low = values, states, edges, slots, low

    def want(self, blocks: Int[np.ndarray, "k 3"]) -> None:
        """Ask for the samples of blocks: all corners of their cells.

        Args:
            blocks: int32, the lowest samples x, y, z of blocks of 2 cells a side.
        """
        _want(blocks, self._slots, self._low, self._states, self.cells)

    def keep(self, samples: Int[np.ndarray, "k 3"], values: Float[np.ndarray, " k"]) -> None:
        """Keep values that are known already.

        Args:
            samples: int32 x, y, z, all within bricks of this slab. values: float32.
        """
        _keep(samples, values, self._slots, self._low, self._values, self._states)

    def wanted(self) -> Int[np.ndarray, "k 3"]:
        """The samples that were asked for and are not known, int32 x, y, z."""
        layers = np.stack(np.nonzero(self._slots >= 0), axis=1)[:, ::-1].astype(np.int32)  # as slots are numbered
        layers[:, 2] += self._low
        found = np.empty((int((self._states == _WANTED).sum()), 3), np.int32)
        _list_wanted(layers, self._states, found)
        return found

    def mesh(self, blocks: Int[np.ndarray, "k 3"]) -> None:
        """Add the triangles in blocks whose samples are all known.

        Args:
            blocks: as of `want`.
        """
        table = cube_table()
        room = _count_triangles(blocks, self._slots, self._low, self._values, self.cells, table.counts)
        vertices, faces = np.empty((3 * room, 3), np.float32), np.empty((room, 3), np.int32)
        made = _march(
            blocks, self._slots, self._low, self._values, self._edges, self.cells, table.counts, table.edges, _EDGES,
            vertices, faces, self._count,
        )  # fmt: skip
        self._count += made
        self._vertices.append(vertices[:made].copy())
        self._faces.append(faces)

    def triangles(self) -> tuple[Float[np.ndarray, "n 3"], Int[np.ndarray, "m 3"]]:
        """All vertices, float32 in [-1, 1], and all triangles, int32."""
        none = np.zeros((0, 3))
        vertices, faces = [none.astype(np.float32), *self._vertices], [none.astype(np.int32), *self._faces]
        self._vertices, self._faces = [], []
        return np.concatenate(vertices), np.concatenate(faces)


@inline
def _slot(slots: np.ndarray, low: int, x: int, y: int, z: int) -> int:
    return slots[(z >> 3) - low, y >> 3, x >> 3]


@inline
def _place(x: int, y: int, z: int) -> int:
    return (z & 7) << 6 | (y & 7) << 3 | (x & 7)


@kernel
def _want(blocks: np.ndarray, slots: np.ndarray, low: int, states: np.ndarray, cells: int) -> None:
    for row in range(len(blocks)):
        x0, y0, z0 = blocks[row, 0], blocks[row, 1], blocks[row, 2]
        for z in range(z0, min(z0 + BLOCK, cells) + 1):
            for y in range(y0, min(y0 + BLOCK, cells) + 1):
                for x in range(x0, min(x0 + BLOCK, cells) + 1):
                    slot, place = _slot(slots, low, x, y, z), _place(x, y, z)
                    if states[slot, place] == _UNKNOWN:
                        states[slot, place] = _WANTED


@kernel
def _keep(
    samples: np.ndarray, given: np.ndarray, slots: np.ndarray, low: int, values: np.ndarray, states: np.ndarray
) -> None:
    for row in range(len(samples)):
        x, y, z = samples[row, 0], samples[row, 1], samples[row, 2]
        slot, place = _slot(slots, low, x, y, z), _place(x, y, z)
        values[slot, place] = given[row]
        states[slot, place] = _KNOWN


@kernel
def _list_wanted(bricks: np.ndarray, states: np.ndarray, found: np.ndarray) -> None:
    count = 0
    for slot in range(len(bricks)):
        for place in range(_SAMPLES):
            if states[slot, place] == _WANTED:
                found[count, 0] = (bricks[slot, 0] << 3) + (place & 7)
                found[count, 1] = (bricks[slot, 1] << 3) + (place >> 3 & 7)
                found[count, 2] = (bricks[slot, 2] << 3) + (place >> 6)
                count += 1


@inline
def _gather(
    x0: int, y0: int, z0: int, slots: np.ndarray, low: int, values: np.ndarray, cells: int, corners: np.ndarray
) -> bool:
    """The 27 samples of a block into `corners`, and whether there are both signs; those beyond the lattice repeat."""
    below = 0
    for k in range(27):
        x, y, z = min(x0 + k % 3, cells), min(y0 + k // 3 % 3, cells), min(z0 + k // 9, cells)
        corners[k] = values[_slot(slots, low, x, y, z), _place(x, y, z)]
        below += corners[k] < 0
    return 0 < below < 27


@inline
def _inside(corners: np.ndarray, at: int) -> int:
    """Which corners of the cell at sample `at` of a block are inside."""
    return (
        (corners[at] < 0)
        | (corners[at + 1] < 0) << 1
        | (corners[at + 3] < 0) << 2
        | (corners[at + 4] < 0) << 3
        | (corners[at + 9] < 0) << 4
        | (corners[at + 10] < 0) << 5
        | (corners[at + 12] < 0) << 6
        | (corners[at + 13] < 0) << 7
    )


@kernel
def _count_triangles(
    blocks: np.ndarray, slots: np.ndarray, low: int, values: np.ndarray, cells: int, counts: np.ndarray
) -> int:
    corners = np.empty(27, np.float32)
    total = 0
    for row in range(len(blocks)):
        x0, y0, z0 = blocks[row, 0], blocks[row, 1], blocks[row, 2]
        if _gather(x0, y0, z0, slots, low, values, cells, corners):
            for cell in range(8):
                dx, dy, dz = cell & 1, cell >> 1 & 1, cell >> 2
                if x0 + dx < cells and y0 + dy < cells and z0 + dz < cells:
                    total += counts[_inside(corners, dx + 3 * dy + 9 * dz)]
    return total


@kernel
def _march(
    blocks: np.ndarray,
    slots: np.ndarray,
    low: int,
    values: np.ndarray,
    edges: np.ndarray,
    cells: int,
    counts: np.ndarray,
    table: np.ndarray,
    cube_edges: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    base: int,
) -> int:
    corners = np.empty(27, np.float32)
    made, written = 0, 0
    for row in range(len(blocks)):
        x0, y0, z0 = blocks[row, 0], blocks[row, 1], blocks[row, 2]
        if not _gather(x0, y0, z0, slots, low, values, cells, corners):
            continue
        for cell in range(8):
            dx, dy, dz = cell & 1, cell >> 1 & 1, cell >> 2
            if not (x0 + dx < cells and y0 + dy < cells and z0 + dz < cells):
                continue
            at = dx + 3 * dy + 9 * dz
            case = _inside(corners, at)
            for corner in range(3 * counts[case]):
                edge = table[case, corner]
                start, axis = cube_edges[edge, 0], cube_edges[edge, 1]
                ex, ey, ez = dx + (start & 1), dy + (start >> 1 & 1), dz + (start >> 2)
                x, y, z = x0 + ex, y0 + ey, z0 + ez
                slot = _slot(slots, low, x, y, z)
                key = 3 * _place(x, y, z) + axis
                if edges[slot, key] < 0:
                    here = np.float64(corners[ex + 3 * ey + 9 * ez])
                    step = 1 if axis == 0 else (3 if axis == 1 else 9)
                    there = np.float64(corners[ex + 3 * ey + 9 * ez + step])
                    part = min(max(here / (here - there), _NEVER), 1 - _NEVER)
                    vertices[made, 0] = 2 * (x + (part if axis == 0 else 0.0)) / cells - 1
                    vertices[made, 1] = 2 * (y + (part if axis == 1 else 0.0)) / cells - 1
                    vertices[made, 2] = 2 * (z + (part if axis == 2 else 0.0)) / cells - 1
                    edges[slot, key] = base + made
                    made += 1
                faces[written // 3, written % 3] = edges[slot, key]
                written += 1
    return made
