"""The inner loop of decoding: a layer of integers for many places at once."""

import numpy as np

from inr.jit import exact


def parts_of(count: int) -> int:
    """Room for so many places."""
    return -(-count // 64) * 64


@exact
def dense(weight, bias, shift, inputs, outputs, count, relu):  # type: ignore[no-untyped-def]
    rows, columns = weight.shape
    least = 0 if relu else -(1 << 62)
    for row in range(rows):
        line = outputs[row]
        line[:count] = bias[row]
        for column in range(0, columns, 4):
            w0, w1, w2, w3 = weight[row, column], weight[row, column + 1], weight[row, column + 2], weight[row, column + 3]
            a, b, c, d = inputs[column], inputs[column + 1], inputs[column + 2], inputs[column + 3]
            for place in range(count):
                line[place] += w0 * a[place] + w1 * b[place] + w2 * c[place] + w3 * d[place]
        for place in range(count):
            line[place] = max(line[place] >> shift, least)
