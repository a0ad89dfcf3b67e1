"""A stand-in for tinycudann on the processor: slow, in NumPy, from tiny-cuda-nn's documentation and sources.

Stated there, and all that is relied upon here:
- a vector holds the network's matrices (out, in) row by row, then the encoding's parameters
  (network_with_input_encoding.h, cutlass_mlp.cu);
- widths of the encoding's and of the network's output are multiples of 16 (cutlass_mlp.h, fully_fused_mlp.h), and the
  padding of an identity encoding is 1, that of a grid 0 (identity.h, grid.h);
- batches are padded to multiples of 256, output and gradients are 16-bit, gradients go through the network times 128,
  which is divided out again in 16 bits (modules.py);
- a grid's level l has the scale base s^l - 1 and ceil(scale) + 1 vertices an axis, points lie at scale x + 1/2, and
  vertices beyond the last are not held but wrap around (common_device.h, grid.h).
"""

from itertools import pairwise

import numpy as np
import torch
from torch import nn

GRANULARITY, ALIGNMENT = 256, 16
PRIMES = (1, 2654435761, 805459861, 3674653429)
FUSED_ACTIVATIONS = ("None", "Exponential", "Sigmoid", "ReLU", "LeakyReLU", "Squareplus", "Softplus", "Tanh")


def up(count, to=ALIGNMENT):
    return (count + to - 1) // to * to


class Identity:
    def __init__(self, n_dims, config):
        self.n_dims, self.scale, self.offset = n_dims, config.get("scale", 1.0), config.get("offset", 0.0)
        self.width = up(n_dims)
        self.n_params = 0

    def __call__(self, x, params):
        padding = np.ones((len(x), self.width - self.n_dims))
        return np.concatenate((x * self.scale + self.offset, padding), axis=1)

    def backward(self, slope):
        return slope[:, : self.n_dims] * self.scale


class Grid:
    """Forward only."""

    def __init__(self, n_dims, config):
        if n_dims not in (2, 3, 4):
            raise RuntimeError("GridEncoding: number of input dims must be 2 or 3.")
        self.n_dims, self.features = n_dims, config["n_features_per_level"]
        self.levels, offset = [], 0
        for level in range(config["n_levels"]):
            ratio = np.log2(np.float32(config["per_level_scale"]))
            scale = np.float32(np.exp2(np.float32(level) * ratio) * config["base_resolution"]) - np.float32(1)
            resolution = int(np.ceil(scale)) + 1
            size = up(resolution**n_dims, 8)
            if config["type"] == "Hash":
                size = min(size, 2 ** config["log2_hashmap_size"])
            self.levels.append((float(scale), resolution, offset, size, config["type"] == "Hash"))
            offset += size
        self.n_params = offset * self.features
        self.width = up(len(self.levels) * self.features)

    def __call__(self, x, params):
        table = params.reshape(-1, self.features)
        features = np.zeros((len(x), self.width))
        for point, coords in enumerate(x):
            for level, (scale, resolution, offset, size, hashed) in enumerate(self.levels):
                position = scale * coords + 0.5
                cell = np.floor(position).astype(int)
                part = position - cell
                for corner in range(2**self.n_dims):
                    ends = [(corner >> axis) & 1 for axis in range(self.n_dims)]
                    weight = np.prod([part[axis] if end else 1 - part[axis] for axis, end in enumerate(ends)])
                    row = self.row([int(c) + end for c, end in zip(cell, ends, strict=True)], resolution, size, hashed)
                    columns = slice(level * self.features, (level + 1) * self.features)
                    features[point, columns] += weight * table[offset + row]
        return features

    @staticmethod
    def row(vertex, resolution, size, hashed):
        if hashed and size < resolution ** len(vertex):
            index = 0
            for place, prime in zip(vertex, PRIMES, strict=False):
                index ^= (place * prime) & 0xFFFFFFFF
        else:
            index = sum(place * resolution**axis for axis, place in enumerate(vertex))
        return index % size


ENCODINGS = {"Identity": Identity, "Grid": Grid}


class Mlp:
    def __init__(self, n_inputs, n_outputs, config):
        self.activation, self.otype = config["activation"], config["otype"]
        width, depth = config["n_neurons"], config["n_hidden_layers"]
        if config["output_activation"] != "None":
            raise RuntimeError("the reference has linear outputs only")
        if self.otype == "FullyFusedMLP" and width not in (16, 32, 64, 128):
            raise RuntimeError(f"FullyFusedMLP only supports 16, 32, 64, and 128 neurons, but got {width}.")
        if self.otype not in ("FullyFusedMLP", "CutlassMLP"):
            raise RuntimeError(f"Invalid network type: {self.otype}")
        held = [n_inputs, *[width] * depth, up(n_outputs)]
        self.shapes = [(rows, columns) for columns, rows in pairwise(held)]
        self.n_params = sum(rows * columns for rows, columns in self.shapes)

    def matrices(self, params):
        start = 0
        for rows, columns in self.shapes:
            matrix = np.empty((rows, columns))
            for row in range(rows):
                matrix[row] = params[start + row * columns : start + (row + 1) * columns]
            start += rows * columns
            yield matrix

    def __call__(self, features, params, rounded):
        if self.otype == "FullyFusedMLP" and self.activation not in FUSED_ACTIVATIONS:
            raise RuntimeError("Unsupported activation.")
        if any(rows % 8 or columns % 8 for rows, columns in self.shapes):
            raise RuntimeError("cutlass: misaligned operand")
        read, sums = [features], []
        for matrix in self.matrices(params):
            sums.append(rounded(read[-1] @ matrix.T))
            read.append(rounded({"ReLU": lambda z: z * (z > 0), "Sine": np.sin}[self.activation](sums[-1])))
        return sums[-1], (read, sums)

    def backward(self, kept, params, slope, rounded):
        read, sums = kept
        slopes = {"ReLU": lambda z: z > 0, "Sine": np.cos}[self.activation]
        grads = []
        for index, matrix in reversed(list(enumerate(self.matrices(params)))):
            grads.append(rounded(slope.T @ read[index]).ravel())
            slope = rounded(slope @ matrix)
            if index > 0:
                slope = rounded(slope * slopes(sums[index - 1]))
        return slope, np.concatenate(grads[::-1])


class Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx, module, x, params, loss_scale):
        output, ctx.kept = module.evaluate(x.detach().double().numpy(), params.detach().double().numpy())
        ctx.module, ctx.loss_scale = module, loss_scale
        ctx.save_for_backward(x, params)
        return torch.from_numpy(output).to(params.dtype)

    @staticmethod
    def backward(ctx, slope):
        _, params = ctx.saved_tensors
        scaled = slope * ctx.loss_scale
        assert scaled.dtype == params.dtype
        x_grad, params_grad = ctx.module.differentiate(
            ctx.kept, params.detach().double().numpy(), scaled.double().numpy()
        )
        x_grad = torch.from_numpy(x_grad).float() / ctx.loss_scale
        return None, x_grad, torch.from_numpy(params_grad).to(params.dtype) / ctx.loss_scale, None


class Module(nn.Module):
    """`half` says which build of the library it stands for."""

    half = False

    def __init__(self, n_params, seed):
        super().__init__()
        self.dtype = torch.half if self.half else torch.float
        self.loss_scale = 128.0 if self.half else 1.0
        self.jit_fusion = False
        generator = torch.Generator().manual_seed(seed)
        self.params = nn.Parameter(torch.rand(n_params, generator=generator) - 0.5)  # padding too, as theirs
        self.calls = []

    def rounded(self, values):
        return values.astype(np.float16).astype(np.float64) if self.half else values

    def forward(self, x):
        assert x.ndim == 2
        assert x.shape[1] == self.n_input_dims
        n = x.shape[0]
        1 // n  # an empty batch is divided by
        self.calls.append(n)
        x = nn.functional.pad(x, [0, 0, 0, up(n, GRANULARITY) - n]).float().contiguous()
        output = Step.apply(self, x, self.params.to(self.dtype).contiguous(), self.loss_scale)
        return output[:n, : self.n_output_dims]


class NetworkWithInputEncoding(Module):
    def __init__(self, n_input_dims, n_output_dims, encoding_config, network_config, seed=1337):
        self.encoding = ENCODINGS[encoding_config["otype"]](n_input_dims, encoding_config)
        self.network = Mlp(self.encoding.width, n_output_dims, network_config)
        super().__init__(self.network.n_params + self.encoding.n_params, seed)
        self.n_input_dims, self.n_output_dims = n_input_dims, n_output_dims

    def evaluate(self, x, params):
        features = self.rounded(self.encoding(x, params[self.network.n_params :]))
        return self.network(features, params[: self.network.n_params], self.rounded)

    def differentiate(self, kept, params, slope):
        slope, grad = self.network.backward(kept, params[: self.network.n_params], slope, self.rounded)
        return self.encoding.backward(slope), np.concatenate((grad, np.zeros(self.encoding.n_params)))


class Network(NetworkWithInputEncoding):
    def __init__(self, n_input_dims, n_output_dims, network_config, seed=1337):
        super().__init__(n_input_dims, n_output_dims, {"otype": "Identity"}, network_config, seed)


class Encoding(Module):
    def __init__(self, n_input_dims, encoding_config, seed=1337, dtype=torch.float32):
        self.encoding = ENCODINGS[encoding_config["otype"]](n_input_dims, encoding_config)
        super().__init__(self.encoding.n_params, seed)
        self.n_input_dims, self.n_output_dims = n_input_dims, self.encoding.width

    def evaluate(self, x, params):
        return self.encoding(x, params), None
