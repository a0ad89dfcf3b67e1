"""Whether samples pull the weights of a field in one direction or against each other."""

import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError
from inr.field import Field
from inr.fitting import gradient_gram


def gradient_cosines(field: Field, coords: Float[Tensor, "n d"], values: Float[Tensor, "n c"]) -> Float[Tensor, " p"]:
    """Cosines between the gradients of the squared errors of single samples, of all pairs.

    Negative ones are samples that undo each other's steps: gradient confusion (Sankararaman et al., The impact of
    neural network overparameterization on gradient confusion, ICML 2020; of coordinate networks: Lazzari and Liu,
    arXiv 2301.05816, where confusion grows as bare coordinates meet high frequencies).

    Args:
        field: as it stands.
        coords: of the samples, (n, D), float32; some dozens, neighbours or far apart.
        values: of the samples, normalised.

    Returns:
        (n (n - 1) / 2,), between -1 and 1; NaN in pairs with a sample that has no gradient.

    Raises:
        InrError: fewer than two samples.
    """
    if len(coords) < 2:
        raise InrError(f"gradients are compared between samples, of which two or more are needed, not {len(coords)}")
    gram = gradient_gram(field, coords, values).double()
    norms = gram.diagonal().sqrt()
    cosines = gram / torch.where(norms > 0, norms, torch.nan) / torch.where(norms > 0, norms, torch.nan)[:, None]
    one, other = torch.triu_indices(len(coords), len(coords), 1)
    return cosines[one, other].clamp(-1, 1)
