"""A small variant of every encoding, for tests that go through all of them."""

_SMALL = {
    "cafe": "cafe:over=(concat:first=(fourier:frequencies=4,sigma=2),second=(chebyshev:order=4)),width=6",
    "chebyshev": "chebyshev:order=5",
    "concat": "concat:first=(hash:levels=2,coarsest=2,finest=20,log2_size=4),second=(learned-fourier:frequencies=5)",
    "cp": "cp:rank=5,resolution=6",
    "dense": "dense:levels=2,coarsest=2,finest=5",
    "fourier": "fourier:frequencies=9,sigma=3",
    "hash": "hash:levels=3,coarsest=2,finest=40,log2_size=5",
    "integer-fourier": "integer-fourier:frequencies=6,low=2,high=6",
    "kplanes": "kplanes:features=3,resolution=3,scales=2",
    "learned-fourier": "learned-fourier:frequencies=9,sigma=3",
    "sape": "sape:over=(fourier:kind=radial,sigma=3,frequencies=6)",
    "shifted": "shifted:features=24,width=0.2",
    "triplane": "triplane:features=3,resolution=5",
    "vm": "vm:rank=3,resolution=5",
}
# which axes there are decides how it is spelled
_PER_AXIS = {
    1: "per-axis:t=(dense:levels=2,coarsest=2,finest=5)",
    2: "per-axis:t=(dense:levels=2,coarsest=2,finest=5),x=(fourier:frequencies=4,sigma=2)",
    3: "per-axis:t=(dense:levels=2,coarsest=2,finest=5),xy=(triplane:features=3,resolution=5)",
    4: "per-axis:t=(learned-fourier:frequencies=4,sigma=2),zxy=(vm:rank=2,resolution=4)",
}


def small(name: str, in_dim: int = 2) -> str:
    """The spelling of an encoding that is quick to fit and to compare."""
    return _PER_AXIS[in_dim] if name == "per-axis" else _SMALL.get(name, name)
