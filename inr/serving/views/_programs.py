"""Fields of pictures as programs, by which browsers draw them."""

from inr._errors import InrError
from inr.exporting import printed
from inr.field import Field, SampledField


def program(field: Field) -> tuple[bytes, bytes]:
    """A picture's field as GLSL for WebGL 2, and what its texture holds.

    Args:
        field: any.

    Returns:
        Text and texture, as of `inr.exporting.printed`; nothing where browsers draw tiles of the service instead: of
        what is no picture of 8 bits in grey or in colour, or is larger than a shader can hold.
    """
    domain = field.domain
    plain = domain.kind == "image" and domain.dtype == "uint8" and domain.channels in (1, 3) and not domain.missing
    if not plain or isinstance(field, SampledField):
        return b"", b""
    try:
        return printed(field, "glsl")
    except InrError:
        return b"", b""
