"""Files that say more than they hold: answered at once, in words, and without the memory that they ask for."""

import json

import numpy as np
import pytest

from inr import InrError
from tests.geometry.test_mesh_files import binary_stl, glb, read

_PLY = (
    "ply\nformat {form} 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
    "element face {faces}\nproperty list int int vertex_indices\nend_header\n"
)


def _changed(change):
    """The bytes of a .glb of which the description is changed."""
    data = glb()
    length = int.from_bytes(data[12:16], "little")
    document = json.loads(data[20 : 20 + length])
    document = change(document) or document
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    return data[:12] + len(text).to_bytes(4, "little") + data[16:20] + text + data[20 + length :]


def _with_accessor(**values):
    return lambda document: document["accessors"][0].update(values)


def _without_stride(document):
    document["accessors"][0]["count"] = 10**12
    document["bufferViews"][0]["byteStride"] = 0


def _without_indices(document):
    del document["meshes"][0]["primitives"][0]["indices"]
    document["accessors"][0]["count"] = 10**12


def _of_many_ways(document):
    chain = [{"children": [node + 1] * 30} for node in range(40)]
    document.update(scenes=[{"nodes": [0]}], nodes=[*chain, {}])


@pytest.mark.parametrize(
    "change",
    [_with_accessor(count=10**15), _without_stride, _without_indices, _of_many_ways, lambda document: [document]],
)
def test_descriptions_of_glb(tmp_path, change):
    (path := tmp_path / "a.glb").write_bytes(_changed(change))
    with pytest.raises(InrError, match=r"beyond the file|without end|no object"):
        read(path)


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian"])
def test_lists_of_ply_that_go_backwards(tmp_path, form):
    body = b"0 0 0 1 0 0 0 1 0 -1 " if form == "ascii" else bytes(36) + np.int32(-1).tobytes() + bytes(12)
    (path := tmp_path / "a.ply").write_bytes(_PLY.format(form=form, faces=10**11).encode() + body)
    with pytest.raises(InrError, match="a list has -1 numbers"):
        read(path)


def test_facets_of_stl_that_are_not_there(tmp_path):
    (path := tmp_path / "a.stl").write_bytes(binary_stl()[:-3])
    with pytest.raises(InrError, match="its 4 facets are 284 bytes, and the file has 281"):
        read(path)
