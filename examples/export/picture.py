"""A field drawn by ONNX Runtime, without inr or PyTorch: inr export photo.inr -o photo.onnx; python picture.py."""

import sys

import numpy as np
import onnxruntime
from PIL import Image

model, picture = sys.argv[1:] or ("photo.onnx", "photo.png")
width, height = 96, 64

session = onnxruntime.InferenceSession(model)
columns = (2 * np.arange(width) + 1) / width - 1
rows = (2 * np.arange(height) + 1) / height - 1
coords = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2).astype(np.float32)
(values,) = session.run(None, {"coords": coords})
pixels = np.rint(values.clip(0, 255)).astype(np.uint8).reshape(height, width, -1)
Image.fromarray(pixels.squeeze()).save(picture)
print(f"{picture}: {width} x {height} of {model}")
