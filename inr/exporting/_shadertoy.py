"""Shadertoy's form of GLSL: a field drawn on the whole screen, by one text without textures."""

from collections.abc import Sequence

from inr._errors import InrError
from inr.exporting._glsl import glsl
from inr.exporting._numbers import short
from inr.exporting._program import Program
from inr.signals import Domain


def shadertoy(program: Program, domain: Domain, notes: Sequence[str]) -> bytes:
    """The text of a shader that shows a field: pictures as they are, volumes and videos as slices that pass with time.

    Args:
        program: the field's.
        domain: the field's.
        notes: comments for the first lines.

    Raises:
        InrError: signals that are no picture, video or volume, or a field that is too large.
    """
    if domain.in_dim not in (2, 3) or domain.channels > 4:
        raise InrError(
            f"Shadertoy's form shows pictures, videos and volumes of at most 4 channels, and this field (of kind "
            f"{domain.kind}) has {domain.channels} and {domain.in_dim} coordinates: leave out --glsl shadertoy for its "
            "function alone"
        )
    text, _ = glsl(program, "field", notes, shadertoy=True)
    width, height = (abs(axis.high - axis.low) for axis in domain.axes[:2])
    third = ",fract(iTime*.1)*2.-1." if domain.in_dim == 3 else ""
    colour = {1: "vec4(vec3(c),1.)", 2: "vec4(c,0.,1.)", 3: "vec4(c,1.)", 4: "c"}[domain.channels]
    kind = "float" if domain.channels == 1 else f"vec{domain.channels}"
    main = f"""void mainImage(out vec4 o,in vec2 u){{
vec2 a=vec2({short(width / height)},1.),q=(2.*u-iResolution.xy)/min(iResolution.x/a.x,iResolution.y)/a*vec2(1.,-1.);
{kind} c=(field(vec{domain.in_dim}(q{third}))-field_range.x)/(field_range.y-field_range.x);
o=max(abs(q.x),abs(q.y))>1.?vec4(0.,0.,0.,1.):{colour};
}}
"""
    return text + main.encode()
