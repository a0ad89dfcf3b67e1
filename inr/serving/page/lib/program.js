// A picture's field computed by the browser's own graphics: tiles that are finer than its pixels.

import { request } from "./api.js";

const WIDTH = 2048; // texels in a row of the texture, as inr.exporting lays them

const VERTEX = `#version 300 es
void main(){gl_Position=vec4(gl_VertexID==1?3:-1,gl_VertexID==2?3:-1,0,1);}`;

// Drivers that compute on the processor; failIfMajorPerformanceCaveat does not tell of all of them.
const SOFTWARE = /swiftshader|llvmpipe|softpipe|basic render|software/i;

const renderer = (gl) => gl.getParameter(gl.getExtension("WEBGL_debug_renderer_info")?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER);

/** Where every tile of a layer is drawn. */
export class Program {
  /**
   * The program of a field, or null where there is none, or no graphics that could run it.
   * @param {{links: {program?: string}}} field
   * @param {boolean} slow whether a driver will do that computes on the processor; the service is faster than that
   */
  static async of(field, slow = false) {
    if (!field.links.program) return null;
    const gl = new OffscreenCanvas(1, 1).getContext("webgl2", { antialias: false });
    if (!gl || (!slow && SOFTWARE.test(renderer(gl)))) return null;
    try {
      const text = await (await request("GET", field.links.program)).text();
      if (!text) return null;
      let data = null;
      if (text.includes("sampler2D field_data")) {
        const answer = await request("GET", field.links.program.replace(/glsl$/, "data"));
        data = new Float32Array(await answer.arrayBuffer());
      }
      const made = new Program(gl);
      return made.#compile(text) && made.#hold(data) ? made : null;
    } catch {
      return null; // the service draws all tiles, and says itself what is wrong
    }
  }

  constructor(gl) {
    this.gl = gl;
  }

  #compile(text) {
    const { gl } = this;
    const value = /^float field\(/m.test(text) ? "vec3(field(c))" : "field(c)";
    // the place of a pixel: the corner of the tile at its upper left, and the size of a pixel, of the whole picture's
    const fragment = `#version 300 es
precision highp float;precision highp int;uniform vec2 corner,step_;uniform float height;out vec4 o;
${text}
void main(){vec2 at=vec2(gl_FragCoord.x,height-gl_FragCoord.y);vec2 c=2.*(corner+at*step_)-1.;
o=vec4(clamp(${value},field_range.x,field_range.y)/255.,1.);}`;
    this.program = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
    }
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS)) return false;
    gl.useProgram(this.program);
    return true;
  }

  #hold(data) {
    const { gl } = this;
    if (!data) return true;
    const rows = data.length / (4 * WIDTH);
    if (rows > gl.getParameter(gl.MAX_TEXTURE_SIZE)) return false;
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, WIDTH, rows, 0, gl.RGBA, gl.FLOAT, data);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    return gl.getError() === gl.NO_ERROR;
  }

  /**
   * A part of the picture, drawn to a canvas.
   * @param {number[]} corner its left and upper end, 0 to 1 of the picture
   * @param {number[]} step the width and height of a pixel, likewise
   * @param {number[]} size pixels across and down
   */
  tile(corner, step, [width, height]) {
    const { gl, program } = this;
    gl.canvas.width = width;
    gl.canvas.height = height;
    gl.viewport(0, 0, width, height);
    gl.uniform2f(gl.getUniformLocation(program, "corner"), ...corner);
    gl.uniform2f(gl.getUniformLocation(program, "step_"), ...step);
    gl.uniform1f(gl.getUniformLocation(program, "height"), height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
    context.drawImage(gl.canvas, 0, 0);
    return context;
  }

  /**
   * Lets the tiles of a source that are more than twice as fine as the picture's pixels be drawn here. Coarser ones are
   * means over pixels, which the service computes.
   * @param source OpenSeadragon's
   * @param {number} columns pixels across the picture
   */
  draws(source, columns) {
    const asked = source.downloadTileStart.bind(source);
    source.downloadTileStart = (job) => {
      const { level, x, y } = job.tile;
      const scale = source.getLevelScale(level);
      const whole = [source.dimensions.x * scale, source.dimensions.y * scale];
      if (!(whole[0] > 2 * columns)) {
        asked(job);
        return;
      }
      const sides = [source.getTileWidth(level), source.getTileHeight(level)];
      const first = [x * sides[0], y * sides[1]];
      const size = sides.map((side, axis) => Math.min(side, Math.ceil(whole[axis] - first[axis])));
      const corner = first.map((at, axis) => at / whole[axis]);
      setTimeout(() => job.finish(this.tile(corner, whole.map((side) => 1 / side), size), null, "context2d"));
    };
  }
}
