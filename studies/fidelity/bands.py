"""BACON's band limits, by the Fourier transform of what it renders; multiplicative filter networks as sums of sines."""

import itertools
from collections.abc import Sequence

import numpy as np
import torch

import inr
from inr.activations import Linear
from inr.networks import networks
from studies.fidelity import pictures
from studies.fidelity.study import Finding, Found, Report, Run, Setting, Study, Table, decibels
from studies.fidelity.training import fit, picture

SIDE = 128
LEAKED_ENERGY = 1e-10  # the largest share beyond a band that counts as none


def runs(setting: Setting, seeds: Sequence[int]) -> list[Run]:
    """BACON on pictures, and a Fourier network against its expansion."""
    made = [
        Run("BACON", name, seed, lambda name=name, seed=seed: _bacon(setting, name, seed))
        for seed in seeds
        for name in (pictures.names(setting) if setting.scale != "quick" else pictures.NAMES[:1])
    ]
    return [*made, *(Run("MFN", "random points", seed, lambda seed=seed: _expansion(seed)) for seed in seeds)]


def _bacon(setting: Setting, name: str, seed: int) -> dict[str, float]:
    side, width, steps = (256, 256, 5000) if setting.paper else (SIDE, 64, 1000 if setting.scale == "cpu" else 200)
    signal = picture(pictures.load(setting.data, name, side))
    network = f"bacon:outputs=1+2+4,width={width},bandwidth={side}"
    parts = {"encoding": "identity", "activation": "linear", "network": network}
    torch.manual_seed(seed)
    before = inr.Field.build(signal.domain, **parts)
    field, found = fit(signal, parts, steps=steps, rate=5e-3, seed=seed, engine=setting.engine)
    leaks = [*_leaks(before, side), *_leaks(field, side)]
    return {"leak_before": max(leaks[: len(leaks) // 2]), "leak_after": max(leaks[len(leaks) // 2 :])} | found


@torch.no_grad()
def _leaks(field: inr.Field, side: int) -> list[float]:
    """Of every output, the share of its energy beyond its band on either axis; in float64, without its mean."""
    double = field.cpu().double()
    centres = (2 * torch.arange(2 * side, dtype=torch.float64) + 1) / (2 * side) - 1
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    heads = double.heads(torch.stack((x.flatten(), y.flatten()), dim=1))
    cycles = np.abs(np.fft.fftfreq(2 * side, 1 / (2 * side)))
    shares = []
    for head, band in zip(heads, double.network.bands, strict=True):
        energy = np.abs(np.fft.fft2(head.numpy().reshape(2 * side, 2 * side, -1), axes=(0, 1))) ** 2
        inside = (cycles[:, None] <= band[1]) & (cycles[None] <= band[0])
        energy[0, 0] = 0
        shares.append(float(energy[~inside].sum() / energy.sum()))
    return shares


@torch.no_grad()
def _expansion(seed: int) -> dict[str, float]:
    """Largest difference between a Fourier network of two hidden products and its sum of sines, term by term."""
    torch.manual_seed(seed)
    network = networks.build("mfn:filter=fourier,depth=2,width=5,scale=8", 2, 1, Linear()).double()
    coords = torch.rand(50, 2, dtype=torch.float64) * 2 - 1
    expanded = _sum_of_sines({name: value.numpy() for name, value in network.state_dict().items()}, coords.numpy())
    return {"difference": float(np.abs(network(coords).numpy()[:, 0] - expanded).max())}


def _sum_of_sines(state: dict[str, np.ndarray], coords: np.ndarray) -> np.ndarray:
    """A Fourier network as amplitudes, frequencies and phases alone, by sin a sin b = (cos(a − b) − cos(a + b)) / 2."""
    frequencies = [value for name, value in state.items() if name.endswith(".frequencies")]
    phases = [value for name, value in state.items() if name.endswith(".phases")]
    weights = [value for name, value in state.items() if name.startswith("layers") and value.ndim == 2]
    biases = [value for name, value in state.items() if name.startswith("layers") and value.ndim == 1]
    # every unit as a list of (amplitude, frequency, phase) of sines
    units = [[(1.0, omega, phase)] for omega, phase in zip(frequencies[0], phases[0], strict=True)]
    for level in range(1, len(frequencies)):
        products = []
        for index, (omega, phase) in enumerate(zip(frequencies[level], phases[level], strict=True)):
            terms = [(biases[level - 1][index], omega, phase)]
            for weight, unit in zip(weights[level - 1][index], units, strict=True):
                for amplitude, other, shift in unit:
                    half = weight * amplitude / 2
                    terms.append((half, other - omega, shift - phase + np.pi / 2))
                    terms.append((-half, other + omega, shift + phase + np.pi / 2))
            products.append(terms)
        units = products
    total = np.full(len(coords), biases[-1][0])
    for (amplitude, omega, phase), weight in itertools.chain.from_iterable(
        zip(unit, itertools.repeat(weight)) for weight, unit in zip(weights[-1][0], units, strict=True)
    ):
        total += weight * amplitude * np.sin(coords @ omega + phase)
    return total


def report(found: Found) -> Report:
    """Leaks beside the bound."""
    columns = ["picture", "energy beyond the bands, before", "after fitting", "PSNR, dB"]
    rows = []
    for name in found.signals():
        before, after = found.of("BACON", "leak_before", name), found.of("BACON", "leak_after", name)
        if before and after:
            rows.append([name, f"{max(before):.1e}", f"{max(after):.1e}", decibels(found.quality("BACON", name))])
    leaks = found.of("BACON", "leak_before") + found.of("BACON", "leak_after")
    findings = []
    if leaks:
        findings.append(
            Finding(
                "BACON: energy above the bands, all outputs, before and after fitting",
                f"below {LEAKED_ENERGY:g}",
                f"at most {max(leaks):.1e}",
                max(leaks) < LEAKED_ENERGY,
            )
        )
    differences = found.of("MFN", "difference")
    if differences:
        findings.append(
            Finding(
                "a Fourier network is its explicit sum of sines",
                "equal",
                f"to {max(differences):.1e}",
                max(differences) < 1e-10,
            )
        )
    return Report(Table(columns, rows), findings)


STUDY = Study(
    "bands",
    "BACON's bands, and multiplicative filters as sums of sines",
    "BACON: the field of a picture rendered at twice its resolution in float64, and the discrete Fourier "
    "transform of every output: the share of energy, its mean left out, above the output's band on either axis, "
    "before a fit and after it. Published: 256x256, 256 units, 5,000 steps; scaled down to 128x128, 64 units and "
    "1,000 steps (quick: one picture, 200). Filter networks: a small one against the expansion of its products, "
    "written out term by term.",
    True,
    runs,
    report,
)
