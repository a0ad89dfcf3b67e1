"""The feedback loop of SAPE: where in space how many blocks of features are open."""

import itertools
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F


class SpatialProgress(nn.Module):
    """A grid of nodes over [-1, 1]^d, each of which has a number of blocks open and may ask for more.

    Blocks are offered one after the other. While a block lasts, the losses of the samples are gathered on the
    nodes around them; when it ends, nodes whose loss is still above `epsilon` open it, and the others never
    open another (Hertz et al. 2021, released code). Nodes that no sample came near take the mean loss of the
    neighbours that were seen, or of all nodes seen where there are none. All of it is state, saved with the
    field and exact to resume from, within a block too.

    Attributes:
        opened: blocks open at each node, (resolution^d,), the first axis fastest.
        in_progress: nodes that still ask for more.
        ended: blocks that have been offered.
    """

    opened: Int[Tensor, " nodes"]
    in_progress: Bool[Tensor, " nodes"]
    ended: Int[Tensor, ""]
    _loss_sum: Float[Tensor, " nodes"]
    _weight_sum: Float[Tensor, " nodes"]
    _strides: Int[Tensor, " d"]
    _corners: Int[Tensor, " corners"]
    _blurred: Float[Tensor, "nodes blocks"]

    def __init__(self, in_dim: int, resolution: int, num_blocks: int, epsilon: float) -> None:
        super().__init__()
        nodes = resolution**in_dim
        self.shape = (resolution,) * in_dim
        self.num_blocks = num_blocks
        self.epsilon = epsilon
        self.window = 5 if nodes > 100 else 3
        strides = [resolution**axis for axis in range(in_dim)]
        corners = [sum(steps) for steps in itertools.product(*[(0, stride) for stride in reversed(strides)])]
        self.register_buffer("opened", torch.zeros(nodes, dtype=torch.int32))
        self.register_buffer("in_progress", torch.ones(nodes, dtype=torch.bool))
        self.register_buffer("ended", torch.zeros((), dtype=torch.int64))
        self.register_buffer("_loss_sum", torch.zeros(nodes))
        self.register_buffer("_weight_sum", torch.zeros(nodes))
        self.register_buffer("_strides", torch.tensor(strides), persistent=False)
        self.register_buffer("_corners", torch.tensor(corners), persistent=False)
        # derived from the others, hence not saved
        self.register_buffer("_blurred", torch.zeros(nodes, num_blocks), persistent=False)

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n blocks"]:
        """How far each block is open at each point, 0 to 1: the nodes' masks, box-blurred and interpolated."""
        rows, weights = self._around(coords)
        if weights.requires_grad:
            return torch.einsum("nc,ncb->nb", weights, self._blurred[rows])
        return F.embedding_bag(rows, self._blurred.to(weights), mode="sum", per_sample_weights=weights)

    @torch.no_grad()
    def observe(self, fraction: float, coords: Float[Tensor, "n d"], losses: Float[Tensor, " n"]) -> None:
        """Take in the losses of a step's samples, and end the blocks due once this fraction of the fit is done.

        All blocks have been offered when half of it is.
        """
        ended = int(self.ended)
        if ended == self.num_blocks:
            return
        rows, weights = self._around(coords.detach())
        rows = rows.view(-1)
        self._loss_sum.index_add_(0, rows, (weights * losses[:, None]).view(-1).to(self._loss_sum))
        self._weight_sum.index_add_(0, rows, weights.view(-1).to(self._weight_sum))
        due = min(int(fraction * 2 * self.num_blocks + 1e-6), self.num_blocks)
        if due > ended:
            self._close_easy_nodes()
        for block in range(ended, due):
            self._open(block)

    def _around(self, coords: Float[Tensor, "n d"]) -> tuple[Int[Tensor, "n corners"], Float[Tensor, "n corners"]]:
        """The nodes at the corners of the cell around each point, and their weights."""
        half = (self.shape[0] - 2) / 2
        position = coords.clamp(-1, 1) * half + (half + 0.5)
        cell = position.detach().floor()
        part = position - cell
        ends = torch.stack((1 - part, part), dim=2)
        weights = ends[:, 0]
        for axis in range(1, len(self.shape)):
            weights = (ends[:, axis, :, None] * weights[:, None, :]).flatten(1)
        first = (cell.to(torch.int64) * self._strides).sum(1, keepdim=True)
        return first + self._corners, weights

    def _close_easy_nodes(self) -> None:
        """End the wish for more wherever the loss gathered since the last block is small enough."""
        seen = self._weight_sum > 0
        if bool(seen.any()):
            loss = torch.where(seen, self._loss_sum / self._weight_sum, 0)
            nearby = self._box(seen.to(loss))
            unseen = torch.where(nearby > 1e-9, self._box(loss) / nearby, loss.sum() / seen.sum())
            self.in_progress &= self._box(torch.where(seen, loss, unseen)) > self.epsilon
        self._loss_sum.zero_()
        self._weight_sum.zero_()

    def _open(self, block: int) -> None:
        self.opened += self.in_progress
        self.ended += 1
        self._blurred[:, block] = self._mask(block)

    def _mask(self, block: int) -> Float[Tensor, " nodes"]:
        """How far a block is open at every node: the blurred mask of those that opened it."""
        return self._box((self.opened > block).to(self._blurred))

    def _box(self, values: Float[Tensor, " nodes"]) -> Float[Tensor, " nodes"]:
        """The mean over the window around each node, replicated beyond the edges."""
        reach, size = self.window // 2, self.shape[0]
        clamped = torch.arange(-reach, size + reach, device=values.device).clamp(0, size - 1)
        grid = values.view(self.shape)
        for axis in range(grid.dim()):
            windows = grid.index_select(axis, clamped).unfold(axis, self.window, 1)
            grid = windows.sum(-1)
        return grid.flatten() / self.window ** grid.dim()

    @torch.no_grad()
    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._blurred.zero_()
        for block in range(int(self.ended) if not self.ended.is_meta else 0):
            self._blurred[:, block] = self._mask(block)
