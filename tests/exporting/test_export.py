"""What is written, where, and what is refused."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from typer.testing import CliRunner

import inr
from inr import Field, InrError
from inr.cli import app
from inr.encodings import Encoding, encodings
from inr.exporting import export, printed
from inr.exporting._evaluate import evaluate
from inr.exporting._follow import trace
from inr.exporting._numbers import row, short
from inr.exporting._rounded import coded, shortened
from inr.signals import Axis, Domain, ValueMap
from tests.exporting import browser

PICTURE = Domain(
    "image", (Axis("x", 24, "px", 0.0, 24.0), Axis("y", 16, "px", 0.0, 16.0)), 3, ValueMap((0.0,), (255.0,))
)
GRID = "hash:levels=4,coarsest=4,finest=24,log2_size=10"


@pytest.fixture(autouse=True)
def _unchecked():
    """The tests' own checks of arguments are no part of what is recorded."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def built(seed: int = 0, domain: Domain = PICTURE, **parts: str) -> Field:
    torch.manual_seed(seed)
    field = Field.build(domain, **{"network": "mlp:depth=3,width=16", **parts})
    with torch.no_grad():
        for parameter in field.encoding.parameters():
            parameter.uniform_(-1, 1)
    return field


def test_a_small_siren_takes_few_letters_of_glsl(tmp_path):
    (path,) = export(built(), tmp_path / "siren.glsl")
    assert path.stat().st_size < 6_144  # of 643 weights, which keep values within 2e-6 of the range


def test_tables_lie_beside_shaders(tmp_path):
    paths = export(built(encoding=GRID, activation="relu", network="mlp:depth=2,width=64"), tmp_path / "grid.wgsl")
    assert [path.name for path in paths] == ["grid.wgsl", "grid.wgsl.data"]
    assert b"var<storage,read> field_data" in paths[0].read_bytes()


@pytest.mark.parametrize("number", [0.1, -1e-5, 30.0, 1e20, -123.456, 7.0, 1 / 3])
def test_numbers_are_short_and_exact(number):
    assert np.float32(short(number)) == np.float32(number)
    assert np.float32(row(np.full(10_001, number, np.float32)).split(",")[0]) == np.float32(number)


def test_coded_weights_stay_whole_numbers(tmp_path):
    field = built()
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.copy_((parameter / 2**-8).round() * 2**-8)
    (path,) = export(field, tmp_path / "coded.js", quantised=True)
    assert b"Int8Array" in path.read_bytes() or b"Int16Array" in path.read_bytes()
    steps = {array.step for array in coded(trace(field), [0.5, 2**-8]).arrays() if array.data is not None}
    assert steps == {2**-8}
    script = f'import {{ field }} from "{path}"; console.log(JSON.stringify([...field([0.3, -0.2])]))'
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script], capture_output=True, text=True, check=True, timeout=60
    )
    wanted = field.domain.values.restore(field(torch.tensor([[0.3, -0.2]])))[0].tolist()
    assert json.loads(done.stdout) == pytest.approx(wanted, abs=255 * 1e-5)


def test_shaders_keep_coded_weights_as_they_are(tmp_path):
    field = built()
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.copy_((parameter / 2**-8).round() * 2**-8)
    program = trace(field)
    points = np.random.default_rng(0).uniform(-1, 1, (20, 2))
    found = evaluate(shortened(coded(program, [2**-8]), 255.0), points)
    np.testing.assert_allclose(found, evaluate(program, points), atol=255e-12)  # sums in another order
    (path,) = export(field, tmp_path / "coded.glsl")
    assert path.stat().st_size < 4_000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"to": "hlsl"}, "unknown target 'hlsl'"),
        ({"to": "onnx", "opset": 7}, "opset 7 is too old"),
        ({"to": "c", "opset": 18}, "--opset is ONNX's"),
        ({"to": "glsl", "form": "100"}, "GLSL 100 is too old"),
        ({"to": "glsl", "form": "webgl"}, "unknown form of GLSL 'webgl'"),
        ({"to": "js", "form": "300"}, "--glsl is for --to glsl"),
        ({"to": "pt2", "quantised": True}, "--quantised keeps whole numbers in text"),
        ({"to": "c", "quantised": True}, "weights are not coded"),
        ({}, "says no target"),
    ],
)
def test_what_no_target_takes_is_refused(options, said, tmp_path):
    pytest.importorskip("onnxscript") if options.get("to") == "onnx" else None
    with pytest.raises(InrError, match=said):
        export(built(), tmp_path / "field.out", **options)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten_unasked(tmp_path):
    path = tmp_path / "field.c"
    path.write_text("mine")
    with pytest.raises(InrError, match="exists"):
        export(built(), path)
    with pytest.raises(InrError, match="is named as c, and is to be js"):
        export(built(), path, "js", force=True)
    assert path.read_text() == "mine"
    export(built(), path, force=True)
    assert "void field(" in path.read_text()


def test_a_field_that_is_too_large_for_a_shader_is_refused(tmp_path):
    with pytest.raises(InrError, match="keeps 4,096 numbers at a time"):
        export(built(network="mlp:depth=2,width=2048"), tmp_path / "wide.wgsl")
    with pytest.raises(InrError, match="Shadertoy's form holds 16,384"):
        export(built(network="mlp:depth=3,width=128"), tmp_path / "wide.glsl", form="shadertoy")
    assert not list(tmp_path.iterdir())


def test_a_part_that_programs_cannot_say_is_named(tmp_path):
    @encodings.register("cumulated", source="here", formula="sums", limits="no program has it")
    class Cumulated(Encoding):
        """Sums of coordinates so far."""

        def __init__(self, in_dim: int) -> None:
            super().__init__(in_dim, in_dim)

        def forward(self, coords: Tensor) -> Tensor:
            return coords.cumprod(dim=1)

    try:
        with pytest.raises(InrError, match=r"encoding 'cumulated' cannot be exported .* cumprod .*--to pt2"):
            export(built(encoding="cumulated"), tmp_path / "field.c")
    finally:
        encodings._parts.pop("cumulated")


def test_channels_keep_their_own_ranges():
    values = ValueMap((0.0, -1.0, 10.0), (255.0, 1.0, 20.0))
    field = built(domain=Domain("image", PICTURE.axes, 3, values))
    points = np.random.default_rng(1).uniform(-1, 1, (5, 2)).astype(np.float32)
    wanted = values.restore(field(torch.from_numpy(points))).detach().numpy()
    np.testing.assert_allclose(evaluate(trace(field), points.astype(float)), wanted, rtol=1e-5, atol=1e-4)


def test_the_command_writes_and_refuses(tmp_path, monkeypatch):
    built().save(tmp_path / "field.inr")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["export", "field.inr", "--to", "glsl", "--glsl", "shadertoy"])
    assert (done.exit_code, done.stdout) == (0, ""), done.stderr
    assert "mainImage" in (tmp_path / "field.glsl").read_text()


def test_the_command_keeps_the_field_and_standard_output(tmp_path):
    path = tmp_path / "field.inr"
    built().save(path)
    kept = path.read_bytes()
    for output, refusal in ((str(path), "is the field itself"), ("-", "nothing to standard output")):
        found = CliRunner().invoke(app, ["export", str(path), "--to", "c", "-o", output, "--force"])
        assert found.exit_code == 2
        assert refusal in " ".join(found.stderr.split())
    assert [each.name for each in tmp_path.iterdir()] == ["field.inr"]
    assert path.read_bytes() == kept


@pytest.mark.parametrize(("kind", "axes", "channels"), [("image", "xy", 6), ("audio", "t", 1)])
def test_shadertoys_form_is_for_what_can_be_shown(kind, axes, channels):
    domain = Domain(kind, tuple(Axis(name, 8, "px", 0.0, 8.0) for name in axes), channels, ValueMap((0.0,), (1.0,)))
    with pytest.raises(InrError, match="of at most 4 channels"):
        printed(built(domain=domain, network="mlp:depth=1,width=4"), "glsl", form="shadertoy")


@pytest.mark.service
@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"encoding": GRID, "activation": "relu", "network": "mlp:depth=2,width=64"},
        {"domain": Domain("image", PICTURE.axes, 4, PICTURE.values), "network": "mlp:depth=1,width=8"},
        {"domain": Domain("image", PICTURE.axes, 1, PICTURE.values), "network": "mlp:depth=1,width=8"},
    ],
    ids=["siren", "grid", "transparent", "grey"],
)
def test_the_page_that_zooms_shows_what_inr_renders(parts, tmp_path, root: Path):
    if browser.chromium() is None:
        pytest.skip("there is no Chromium on this machine")
    field = built(**parts)
    export(field, tmp_path / "photo.glsl")
    text = (root / "examples/export/zoom.html").read_text(encoding="utf-8")
    small = text.replace('width="768" height="512"', 'width="192" height="128"')  # which software draws sooner
    (tmp_path / "index.html").write_text(small, encoding="utf-8")
    with browser.page(tmp_path) as page:
        page.wait_for_function("document.title === 'drawn'")
        whole = browser.canvas(page)
        corner = page.locator("canvas").bounding_box()
        middle = corner["x"] + 96, corner["y"] + 64
        page.mouse.move(*middle)
        page.mouse.down()
        page.mouse.move(middle[0] + 24, middle[1] - 16)  # a quarter of a unit along both axes
        page.mouse.up()
        browser.turn_wheel(page, -800)  # four times
        part = browser.canvas(page)
    for shown, box in ((whole, None), (part, [(-0.5, 0.0), (0.0, 0.5)])):
        exact = inr.render(field, (128, 192), box)[..., :3].clip(0, 255)
        assert np.abs(shown - exact).max() <= 0.51  # what rounding to 8 bits leaves


def points_of(field: Field, height: int, width: int) -> np.ndarray:
    """Values at the centres of pixels, as grey levels."""
    rows, columns = ((2 * np.arange(count) + 1) / count - 1 for count in (height, width))
    coords = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2).astype(np.float32)
    values = field.domain.values.restore(field(torch.from_numpy(coords))).detach().numpy()
    return values.clip(0, 255).reshape(height, width, 3)


def test_the_program_in_c_draws_the_picture(tmp_path, root: Path):
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler on this machine")
    field = built()
    export(field, tmp_path / "photo.c")
    shutil.copy(root / "examples/export/picture.c", tmp_path)
    subprocess.run(["cc", "-O1", "picture.c", "-o", "picture", "-lm"], cwd=tmp_path, check=True, timeout=60)
    drawn = subprocess.run([tmp_path / "picture", "30", "20"], capture_output=True, check=True, timeout=60).stdout
    head, pixels = drawn[:13], np.frombuffer(drawn[13:], np.uint8).reshape(20, 30, 3)
    assert head == b"P6 30 20 255\n"
    assert np.abs(pixels - points_of(field, 20, 30)).max() <= 0.51


@pytest.mark.long
def test_the_program_for_onnx_runtime_draws_the_picture(tmp_path, root: Path):
    pytest.importorskip("onnxruntime")
    field = built(encoding=GRID, activation="relu", network="mlp:depth=2,width=64")
    export(field, tmp_path / "photo.onnx")
    program = root / "examples/export/picture.py"
    subprocess.run([sys.executable, program], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    pixels = np.asarray(Image.open(tmp_path / "photo.png"), float)
    assert np.abs(pixels - points_of(field, 64, 96)).max() <= 0.51


# what Shadertoy puts around a text, drawn once without a mouse
SHADERTOY = """([text, width, height]) => {
  const gl = new OffscreenCanvas(width, height).getContext("webgl2"), program = gl.createProgram();
  for (const [type, source] of [
    [gl.VERTEX_SHADER, "void main(){gl_Position=vec4(gl_VertexID==1?3:-1,gl_VertexID==2?3:-1,0,1);}"],
    [gl.FRAGMENT_SHADER, `precision highp float;precision highp int;
uniform vec3 iResolution;uniform float iTime;uniform vec4 iMouse;out vec4 o;
${text}
void main(){mainImage(o,gl_FragCoord.xy);}`]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, `#version 300 es\n${source}`);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) return gl.getShaderInfoLog(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  gl.useProgram(program);
  gl.uniform3f(gl.getUniformLocation(program, "iResolution"), width, height, 1);
  gl.drawArrays(gl.TRIANGLES, 0, 3);
  const values = new Uint8Array(4 * width * height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, values);
  return Array.from(values);
}"""


@pytest.mark.service
def test_the_lens_and_shadertoys_form_draw_the_field(tmp_path, root: Path):
    if browser.chromium() is None:
        pytest.skip("there is no Chromium on this machine")
    field = built()
    (path,) = export(field, tmp_path / "photo.glsl", form="shadertoy")
    whole = path.read_text()
    lens = whole.partition("void mainImage")[0] + (root / "examples/export/lens.glsl").read_text()
    height, width = 64, 96
    with browser.page(tmp_path) as page:
        drawn = [page.evaluate(SHADERTOY, [text, width, height]) for text in (whole, lens)]
    assert [each for each in drawn if isinstance(each, str)] == []  # what compilers say
    plain, magnified = (np.array(each).reshape(height, width, 4)[::-1, :, :3] for each in drawn)
    assert np.abs(plain - points_of(field, height, width)).max() <= 0.51
    rows, columns = ((2 * np.arange(count) + 1) / count - 1 for count in (height, width))
    x, y = np.meshgrid(columns, rows)
    radius = np.hypot(x * width / 2, y * height / 2) / (0.3 * height)
    scale = np.where(radius < 1, 1 / 16, 1.0)[..., None]
    coords = (np.stack([x, y], axis=-1) * scale).reshape(-1, 2).astype(np.float32)
    values = field.domain.values.restore(field(torch.from_numpy(coords))).detach().numpy().clip(0, 255)
    away = np.abs(radius - 1) > 0.05  # from the lens's rim
    assert np.abs(magnified - values.reshape(height, width, 3))[away].max() <= 0.51
