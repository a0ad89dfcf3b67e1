"""Pictures of which pixels are known, all with noise or some of them: denoising and inpainting."""

from dataclasses import replace
from typing import Any

import numpy as np

from inr._errors import InrError
from inr.reconstruction._classical import by_discrepancy, denoised, inpainted, root_mean_square
from inr.reconstruction._inputs import from_unit, plain_picture, read_mask, read_picture, split_transparency
from inr.reconstruction._noise import estimate_noise
from inr.reconstruction._problem import Classical, Problem
from inr.reconstruction._setups import sines, smooth_grid
from inr.reconstruction._terms import PooledTerms, pixel_centres, prior_facts, prior_term, random_points, value_term
from inr.signals import Domain, PointPool, Points

_PRIOR_SHARE = 1 / 3  # of a step's points, for a prior: half as many as there are for values
_LEAST_RANDOM = 1 << 16
_STEPS, _BATCH = 800, 8_192  # where no budget is given; points a step
_INPAINTING = {"tv": 3e-2, "hessian": 3e-2}  # strengths of priors
_OF_FIELDS = 0.7  # the share of a grid's strength that suits fields, which are smooth between pixels already
# the share of the noise that total variation leaves of the picture: less than all, for some of it is in what is kept
_LEFT = 0.88


def inpaint(
    given: Any,
    *,
    mask: Any = None,
    keep: float | None = None,
    prior: str = "tv",
    strength: float | None = None,
    seed: int = 0,
) -> Problem:
    """A picture of which some pixels are unknown.

    Args:
        given: a picture; its transparent, NaN and no-data pixels are unknown.
        mask: a picture of its size, bright where pixels are unknown, or bool (h, w).
        keep: the share of the other pixels that is known, the rest being left out at random.
        prior: "tv", "hessian" or "none".
        strength: of the prior, in normalised values, which span 2, and by pixels.
        seed: of the pixels that are left out, and of the places of the prior.

    Raises:
        InrError: a mask of another size, nothing unknown, or nothing known.
    """
    picture, domain, known = split_transparency(read_picture(given))
    if mask is not None:
        known &= ~read_mask(mask, known.shape)
    if keep is not None:
        if not 0 < keep < 1:
            raise InrError(f"the share of pixels to keep lies between 0 and 1, got {keep:g}")
        known &= np.random.default_rng(seed).random(known.shape) < keep
    if known.all():
        raise InrError("no pixel is unknown: give a mask that is bright where some are, or a share of pixels to keep")
    if not known.any():
        reason = "the mask is bright where pixels are to be filled in; perhaps invert it"
        raise InrError(f"all pixels are unknown: {'keep more of them' if mask is None else reason}")
    unit = domain.values.normalise(picture)
    domain = replace(domain, sampling="point")
    chosen = _INPAINTING.get(prior, 0.0) if strength is None else strength
    pool, objective = _with_prior(unit, np.flatnonzero(known), domain, prior, chosen, seed)
    share = f"{100 * known.mean():.3g} % of {known.size:,} pixels are known"
    shown = np.where(known[..., None], picture, np.nan).astype(np.float32)

    def biharmonic() -> np.ndarray:
        return from_unit(inpainted((unit + 1) / 2, ~known), domain)

    setup = smooth_grid(known.shape, finer=1.0, steps=_STEPS, batch=_BATCH)
    return Problem(
        "inpaint", pool, objective, setup, domain, shown, [Classical("biharmonic", biharmonic)],
        [share, *prior_facts(prior, chosen)], known=shown,
    )  # fmt: skip


def denoise(
    given: Any,
    *,
    noise: float | None = None,
    prior: str = "tv",
    strength: float | None = None,
    seed: int = 0,
) -> Problem:
    """A picture without its noise.

    Args:
        given: a picture.
        noise: its standard deviation in the picture's units; estimated from the picture where None.
        prior: "tv", "hessian" or "none".
        strength: of the prior; chosen by the noise where None, so that total variation leaves as much of the picture
            as there is noise.
        seed: of the places of the prior.

    Raises:
        InrError: a picture without noise.
    """
    picture, domain = plain_picture(given)
    unit = domain.values.normalise(picture)
    half = domain.values.data_range / 2
    sigma = estimate_noise(unit) if noise is None else noise / half
    if not 0 < sigma < 4:
        raise InrError(f"a noise of {sigma * half:g} leaves nothing to be done: give its standard deviation as noise")
    facts = [f"noise {'estimated' if noise is None else 'given'}: σ = {sigma * half:.4g}"]

    def left(weight: float) -> float:
        return root_mean_square(denoised(unit, weight) - unit)

    chosen = by_discrepancy(left, _LEFT * sigma, 1e-3 * sigma, 10 * sigma)
    # half the squared distance goes with a strength, the whole with twice as much
    ours = 2 * _OF_FIELDS * chosen if strength is None else strength
    facts += prior_facts(prior, ours)
    domain = replace(domain, sampling="point")
    pool, objective = _with_prior(unit, np.arange(unit[..., 0].size), domain, prior, ours, seed)

    def variation() -> np.ndarray:
        return domain.values.restore(denoised(unit, chosen))

    note = f"strength {chosen:.3g}, at which it leaves {_LEFT * sigma * half:.3g}"
    return Problem(
        "denoise", pool, objective, sines(steps=_STEPS, batch=_BATCH), domain, picture.astype(np.float32),
        [Classical("total variation", variation, note)], facts,
    )  # fmt: skip


def _with_prior(
    unit: np.ndarray, pixels: np.ndarray, domain: Domain, prior: str, strength: float, seed: int
) -> tuple[PointPool, PooledTerms]:
    """Values at pixels, and a prior at random places."""
    shape, channels = unit.shape[:2], unit.shape[2]
    sets = [Points(pixel_centres(shape, pixels), unit.reshape(-1, channels)[pixels].astype(np.float32))]
    terms = [value_term(channels)]
    shares = [1 - _PRIOR_SHARE]
    term = prior_term(prior, strength, shape)
    if term is not None:
        sets.append(random_points(max(2 * shape[0] * shape[1], _LEAST_RANDOM), seed))
        terms.append(term)
        shares.append(_PRIOR_SHARE)
    pool = PointPool(domain, sets, shares)
    return pool, PooledTerms(pool, terms)
