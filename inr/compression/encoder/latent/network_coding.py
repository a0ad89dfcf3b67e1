"""Network parameters of a picture made into few bytes: the search for their steps and their integers."""

import numpy as np

from inr.compression.bitstream.latent.parameters import QuantisedParameters, initial_integers, write_parameters


def encode_parameters(q: QuantisedParameters) -> bytes:
    """The bytes that `inr.compression.bitstream.latent.parameters.decode_parameters` reads."""
    differences = [q.integers[name] - initial_integers(q.layout, name, q.exponents[name]) for name in q.layout.tensors]
    return write_parameters(q, max(int(np.abs(each).max()) for each in differences).bit_length())
