// For Shadertoy: the text of `inr export photo.inr --to glsl --glsl shadertoy` without its mainImage, and then this:
// a lens at the mouse that shows the field sixteen times larger, where pixels would have ended.
const vec2 SHAPE = vec2(1.5, 1.); // width and height of the picture

void mainImage(out vec4 colour, in vec2 pixel) {
  float unit = min(iResolution.x / SHAPE.x, iResolution.y);
  vec2 centre = .5 * iResolution.xy, mouse = iMouse.z > 0. ? iMouse.xy : centre;
  vec2 away = pixel - mouse;
  float radius = length(away) / (.3 * iResolution.y);
  vec2 seen = radius < 1. ? mouse + away / 16. : pixel;
  vec2 place = 2. * (seen - centre) / unit / SHAPE * vec2(1., -1.);
  vec3 value = (vec3(field(clamp(place, -1., 1.))) - field_range.x) / (field_range.y - field_range.x);
  float rim = smoothstep(.02, .0, abs(radius - 1.));
  bool outside = radius >= 1. && max(abs(place.x), abs(place.y)) > 1.;
  colour = vec4(mix(outside ? vec3(0.) : value, vec3(1.), rim), 1.);
}
