"""Least squares of many rows in bounded memory: triangular factors, row block by row block."""

import numpy as np
import scipy.linalg
from jaxtyping import Float64

_BLOCK = 32  # columns that LAPACK takes at once


class TriangularFactor:
    """The R of a QR factorisation of rows that come in blocks, with their right-hand side as a last column.

    Normal equations would square the condition number, which is 1e10 and more here, beyond double precision.

    Args:
        columns: number of unknowns.
    """

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._factor = np.zeros((0, columns + 1))

    def add(self, rows: Float64[np.ndarray, "n k"], right: Float64[np.ndarray, " n"]) -> None:
        """Take more rows.

        Args:
            rows: (n, columns).
            right: (n,), what they should give.
        """
        stacked = np.empty((len(self._factor) + len(rows), self._columns + 1), order="F")
        stacked[: len(self._factor)] = self._factor
        stacked[len(self._factor) :, :-1], stacked[len(self._factor) :, -1] = rows, right
        self._factor = _upper(stacked)

    def solutions(self, ridges: Float64[np.ndarray, " k"], centre: Float64[np.ndarray, " n"]) -> list[np.ndarray]:
        """What minimises |A x - y|² + ridge² s² |x - centre|², s being the largest singular value of A.

        Args:
            ridges: one for each solution.
            centre: (columns,), to which the ridge draws.
        """
        top = self.largest()
        return [self._damped(ridge * top, centre) for ridge in ridges]

    def _damped(self, ridge: float, centre: np.ndarray) -> np.ndarray:
        """By the QR factors of two triangles, R over the ridge, which cost a fifth of those of full rows."""
        size = self._columns
        upper = np.zeros((size, size + 1), order="F")
        upper[: min(len(self._factor), size)] = self._factor[:size]
        lower = np.zeros((size, size), order="F")
        np.fill_diagonal(lower, ridge)
        right = np.array(ridge * centre, order="F")[:, None]
        lapack = scipy.linalg.lapack
        factor, reflectors, blocks, failed = lapack.dtpqrt(
            size, min(size, _BLOCK), upper[:, :-1], lower, overwrite_a=1, overwrite_b=1
        )
        found, _, missed = lapack.dtpmqrt(size, reflectors, blocks, upper[:, -1:], right, side="L", trans="T")
        if failed or missed:
            raise np.linalg.LinAlgError(f"dtpqrt: {failed}, dtpmqrt: {missed}")
        return scipy.linalg.solve_triangular(factor, found[:, 0], check_finite=False)

    def largest(self) -> float:
        """The largest singular value, to a percent."""
        square = self._factor[:, :-1]
        vector = np.random.default_rng(0).random(self._columns)
        for _ in range(25):
            vector = square.T @ (square @ vector)
            vector /= (norm := float(np.linalg.norm(vector))) or 1.0
        return norm**0.5


def _upper(stacked: np.ndarray) -> np.ndarray:
    """R of a matrix, which is overwritten."""
    factor, _, _, info = scipy.linalg.lapack.dgeqrf(stacked, lwork=_BLOCK * stacked.shape[1], overwrite_a=1)
    if info:
        raise np.linalg.LinAlgError(f"dgeqrf: {info}")
    size = min(stacked.shape)
    return np.triu(factor[:size])
