"""Exported shaders run by a headless Chromium, of which WebGL and WebGPU draw in software."""

import contextlib
import http.server
import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

_FLAGS = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan",
]  # fmt: skip

# every shader draws its values at all points, one pixel a point, to a texture of floats
_WEBGL = """
async ({shaders, points, dims, channels}) => {
  const canvas = new OffscreenCanvas(points.length / 4, 1), gl = canvas.getContext("webgl2");
  if (!gl || !gl.getExtension("EXT_color_buffer_float")) return {error: "no WebGL 2 with float buffers"};
  const texture = (unit, width, height, data) => {
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, width, height, 0, gl.RGBA, gl.FLOAT, data);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    return gl.getParameter(gl.TEXTURE_BINDING_2D);
  };
  const count = points.length / 4;
  texture(0, count, 1, new Float32Array(points));
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  const into = texture(1, count, 1, null);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, into, 0);
  gl.viewport(0, 0, count, 1);
  const found = {};
  for (const [name, {text, data}] of Object.entries(shaders)) {
    const program = gl.createProgram();
    const swizzle = dims === 1 ? "x" : "xyzw".slice(0, dims);
    const value = channels === 1 ? "vec4(field(c))" : channels === 4 ? "field(c)"
      : `vec4(field(c)${",0.".repeat(4 - channels)})`;
    const kind = dims === 1 ? "float" : `vec${dims}`;
    const sources = [[gl.VERTEX_SHADER, `#version 300 es
void main(){gl_Position=vec4(vec2(gl_VertexID==1?3:-1,gl_VertexID==2?3:-1),0.,1.);}`],
    [gl.FRAGMENT_SHADER, `#version 300 es
precision highp float;precision highp int;uniform sampler2D points;out vec4 o;
${text}
void main(){${kind} c=texelFetch(points,ivec2(gl_FragCoord.xy),0).${swizzle};o=${value};}`]];
    for (const [type, source] of sources) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS))
        return {error: name + ": " + gl.getShaderInfoLog(shader)};
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return {error: name + gl.getProgramInfoLog(program)};
    gl.useProgram(program);
    gl.uniform1i(gl.getUniformLocation(program, "points"), 0);
    if (data.length) {
      texture(2, 2048, data.length / 8192, new Float32Array(data));
      gl.uniform1i(gl.getUniformLocation(program, "field_data"), 2);
    }
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    const values = new Float32Array(4 * count);
    gl.readPixels(0, 0, count, 1, gl.RGBA, gl.FLOAT, values);
    found[name] = Array.from(values);
  }
  return found;
}
"""

_WEBGPU = """
async ({shaders, points, dims, channels}) => {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) return {error: "no adapter"};
  const device = await adapter.requestDevice();
  const count = points.length / 4, found = {};
  const buffer = (usage, data) => {
    const made = device.createBuffer({size: data.byteLength, usage, mappedAtCreation: true});
    new Float32Array(made.getMappedRange()).set(data);
    made.unmap();
    return made;
  };
  const given = buffer(GPUBufferUsage.STORAGE, new Float32Array(points));
  for (const [name, {text, data}] of Object.entries(shaders)) {
    const swizzle = dims === 1 ? "x" : "xyzw".slice(0, dims);
    const value = channels === 1 ? "vec4f(field(c))" : channels === 4 ? "field(c)"
      : `vec4f(field(c)${",0.".repeat(4 - channels)})`;
    const module = device.createShaderModule({code: `${text}
@group(1) @binding(0) var<storage,read> given:array<vec4f>;
@group(1) @binding(1) var<storage,read_write> found:array<vec4f>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id:vec3u){
if(id.x<${count}u){let c=given[id.x].${swizzle};found[id.x]=${value};}}`});
    const problems = (await module.getCompilationInfo()).messages.filter((each) => each.type === "error");
    if (problems.length) return {error: `${name}: ${problems[0].lineNum}: ${problems[0].message}`};
    const pipeline = device.createComputePipeline({layout: "auto", compute: {module, entryPoint: "main"}});
    const made = device.createBuffer({size: 16 * count, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC});
    const read = device.createBuffer({size: 16 * count, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST});
    const bind = (group, entries) => device.createBindGroup({layout: pipeline.getBindGroupLayout(group),
      entries: entries.map((each, binding) => ({binding, resource: {buffer: each}}))});
    const encoder = device.createCommandEncoder(), pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    if (data.length) pass.setBindGroup(0, bind(0, [buffer(GPUBufferUsage.STORAGE, new Float32Array(data))]));
    pass.setBindGroup(1, bind(1, [given, made]));
    pass.dispatchWorkgroups(Math.ceil(count / 64));
    pass.end();
    encoder.copyBufferToBuffer(made, 0, read, 0, 16 * count);
    device.queue.submit([encoder.finish()]);
    await read.mapAsync(GPUMapMode.READ);
    found[name] = Array.from(new Float32Array(read.getMappedRange()));
  }
  return found;
}
"""
_SCRIPTS = {"glsl": _WEBGL, "wgsl": _WEBGPU}


def chromium() -> str | None:
    """Where a Chromium is installed, None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextlib.contextmanager
def page(folder: Path) -> Iterator[Any]:
    """A page of a folder that is served on this machine, which browsers trust with WebGPU."""
    from playwright.sync_api import sync_playwright

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def log_message(self, *args: Any) -> None:
            pass

    (folder / "index.html").write_text("<!doctype html>") if not (folder / "index.html").exists() else None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=_FLAGS)
            found = browser.new_page()
            found.set_default_timeout(120_000)
            found.goto(f"http://127.0.0.1:{server.server_port}/index.html")
            yield found
            browser.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run(
    shown: Any, language: str, shaders: Mapping[str, tuple[bytes, bytes]], points: np.ndarray, channels: int
) -> dict[str, np.ndarray]:
    """Values of shaders, (n, channels), by name.

    Args:
        shown: a page.
        language: glsl or wgsl.
        shaders: text and data of each, by name.
        points: float (n, D).
        channels: of the values.
    """
    padded = np.zeros((len(points), 4), np.float32)
    padded[:, : points.shape[1]] = points
    given = {
        name: {"text": text.decode(), "data": np.frombuffer(data, "<f4").tolist()}
        for name, (text, data) in shaders.items()
    }
    arguments = {"shaders": given, "points": padded.ravel().tolist(), "dims": points.shape[1], "channels": channels}
    found = shown.evaluate(_SCRIPTS[language], arguments)
    assert "error" not in found, found["error"]
    return {name: np.array(values).reshape(-1, 4)[:, :channels] for name, values in found.items()}


def canvas(shown: Any) -> np.ndarray:
    """The pixels of a page's canvas that keeps what WebGL 2 drew, uint8 (H, W, 3)."""
    width, height, values = shown.evaluate("""() => {
      const {width, height} = document.querySelector("canvas"), values = new Uint8Array(4 * width * height);
      const gl = document.querySelector("canvas").getContext("webgl2");
      gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, values);
      return [width, height, Array.from(values)];
    }""")
    return np.array(values, np.uint8).reshape(height, width, 4)[::-1, :, :3]


def turn_wheel(shown: Any, distance: float) -> None:
    """Turn the mouse's wheel, and wait until the page has heard of it."""
    shown.evaluate("window.turned = false; addEventListener('wheel', () => { window.turned = true; }, {once: true});")
    shown.mouse.wheel(0, distance)
    shown.wait_for_function("window.turned")
