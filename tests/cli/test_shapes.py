"""`inr mesh`, and `inr render` and `inr info` of shapes."""

import copy
import json

import numpy as np
import pytest
import torch
from PIL import Image

import inr
from inr.cli._fit_files import Outputs
from inr.cli._fit_report import Fitted, Stopwatch, _size, course_without_steps, document, draw_sheets
from inr.geometry import read_shape, topology
from inr.shapes import NoSurface
from tests.shapes.test_mesh import _field
from tests.tables import mostly_long

_CORNERS = np.array([[x, y, z] for x in (0.0, 2) for y in (0.0, 1) for z in (0.0, 1)])
_QUADS = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
_FACES = np.concatenate((_QUADS[:, [0, 1, 2]], _QUADS[:, [0, 2, 3]]))


@pytest.fixture(scope="module")
def fields():
    return {3: _field(), 2: _field(middles=(0.0, 0.0))}


@pytest.fixture
def ball(fields, tmp_path):
    fields[3].save(tmp_path / "ball.inr")
    return "ball.inr"


@pytest.fixture
def picture(tmp_path):
    signal = inr.Signal.from_array(np.zeros((8, 8, 3), np.uint8))
    inr.Field.build(signal.domain, network="mlp:depth=1,width=8").save(tmp_path / "photo.inr")
    return "photo.inr"


def test_a_mesh_is_written_beside_the_field_and_described(inr_cli, ball, tmp_path):
    done = inr_cli("mesh", ball, "--resolution", 24, "--engine", "eager")
    assert done.status == 0
    assert "wrote ball.ply" in done.err
    assert "watertight, 1 component, Euler characteristic 2, volume" in done.err
    assert topology(read_shape(tmp_path / "ball.ply", "ply")) == (True, 2, 1)
    again = inr_cli("mesh", ball, "--resolution", 24)
    assert (again.status, again.err.count("\n")) == (2, 1)
    assert "exists" in again.err
    exact = ("--newton", "--exhaustive", "--engine", "eager")
    told = json.loads(inr_cli("mesh", ball, "-r", 24, "-o", "ball.glb", *exact, "--json").out)
    assert told["watertight"] and told["faces"] == 2 * told["vertices"] - 4  # noqa: PT018  Euler's formula


def test_a_silhouette_becomes_a_path(inr_cli, fields, tmp_path):
    fields[2].save(tmp_path / "disc.inr")
    done = inr_cli("mesh", "disc.inr", "--resolution", 64)
    assert done.status == 0
    assert "wrote disc.svg: 1 curve" in done.err
    assert "<path" in (tmp_path / "disc.svg").read_text()
    refused = inr_cli("mesh", "disc.inr", "-o", "disc.ply")
    assert (refused.status, refused.err.count("\n")) == (2, 1)


@pytest.mark.long
def test_a_shape_is_drawn(inr_cli, ball, tmp_path):
    assert inr_cli("render", ball, "--size", "32x24", "--azimuth", 10, "--up", "z").status == 0
    with Image.open(tmp_path / "ball.render.png") as drawn:
        assert drawn.size == (32, 24)
    assert inr_cli("render", ball, "--turntable", "turn.gif", "--size", "16x", "--fps", 2).status == 0
    with Image.open(tmp_path / "turn.gif") as film:
        assert (film.size, film.n_frames) == ((16, 16), 6)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["ball.inr", "ball.render.png", "turn.gif"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mesh", "photo.inr"), "kind image, not a shape"),
        (("render", "photo.inr", "--azimuth", "3"), "--azimuth is for shapes"),
        (("render", "photo.inr", "--turntable", "a.gif"), "--turntable is for shapes"),
        (("mesh", "ball.inr", "-o", "ball.xyz"), ".ply, .obj, .stl, .glb"),
        (("mesh", "ball.inr", "-r", "2"), "from 4 to 4096"),
        (("mesh", "ball.inr", "-r", "9999"), "GB"),
        (("mesh", "ball.inr", "-r", "0"), "from 4 to 4096"),
        (("mesh", "none.inr"), "none.inr"),
        (("decompress", "ball.inr", "-o", "a.npy"), "a shape has no samples; inr mesh"),
        (("recompress", "ball.inr", "-o", "a.inr"), "is a shape; codecs compress fields on grids"),
        (("render", "ball.inr", "--scale", "2"), "--scale is for signals on a grid"),
        (("render", "ball.inr", "--elevation", "100"), "-90 to 90"),
        (("render", "ball.inr", "--up", "w"), "x, y or z"),
        (("render", "ball.inr", "--azimuth", "nan"), "finite number of degrees, not nan"),
        (("render", "ball.inr", "--turntable", "a.avi"), ".mp4, .gif, .webp"),
        (("render", "ball.inr", "--fps", "5"), "--turntable"),
        (("render", "ball.inr", "-o", "a.wav"), ".png"),
    ],
)
def test_bad_input_is_answered_with_one_line(inr_cli, ball, picture, arguments, words, tmp_path):
    before = sorted(tmp_path.iterdir())
    done = inr_cli(*arguments)
    assert (done.status, done.err.count("\n")) == (2, 1), done.err
    assert words in done.err
    assert sorted(tmp_path.iterdir()) == before


def test_what_was_measured_is_told(inr_cli, fields, tmp_path):
    field = fields[3]
    field.metrics = {"iou": 0.99851, "chamfer": 0.00655}
    field.save(tmp_path / "ball.inr")
    field.metrics = {}
    told = inr_cli("info", "ball.inr").out
    assert "IoU 0.9985" in told
    assert "chamfer distance 0.00655" in told


@pytest.mark.parametrize("drawn", mostly_long([False, True]))
def test_a_field_without_a_surface_is_kept_without_a_sheet(fields, tmp_path, capsys, monkeypatch, drawn):
    if not drawn:  # what drawing takes is compiled for seconds
        monkeypatch.setattr("inr.diagnostics.comparison_sheet", refuse, raising=False)
    field = copy.deepcopy(fields[3])
    with torch.no_grad():
        for each in field.parameters():
            each.zero_()
        list(field.parameters())[-1].fill_(0.5)
    outputs = Outputs(tmp_path / "a.inr", tmp_path / "a.comparison.png", None, None)
    box = inr.signals.from_mesh(_CORNERS, _FACES) if drawn else None
    for quiet in (False, True):
        assert draw_sheets(Fitted(field, box), outputs, Stopwatch(), force=False, quiet=quiet) == 0
        said = capsys.readouterr().err
        assert said.count("\n") == (not quiet)
        assert ("no surface" in said) != quiet
    assert not outputs.comparison.exists()


def refuse(*arguments, **options):
    raise NoSurface("the field has no surface inside its box: it has one sign throughout")


def test_the_size_of_a_shape_is_told_beside_its_file(fields, tmp_path):
    lines = [f"v {x} {y} {z}" for x, y, z in _CORNERS] + [f"f {a} {b} {c}" for a, b, c in _FACES + 1]
    (source := tmp_path / "box.obj").write_text("\n".join(lines))
    outputs = Outputs(tmp_path / "a.inr", None, None, None)
    fields[3].save(outputs.field)
    fitted = Fitted(fields[3], inr.open(source))
    told = document(source, fitted, outputs, Stopwatch(), course_without_steps("adam", "steps", 1, 1.0))
    assert told["bits_per_sample"] is None
    assert told["lossless"]["bytes"] == source.stat().st_size
    words = _size(told)
    assert "of the source (OBJ)" in words
    assert "a sample" not in words
