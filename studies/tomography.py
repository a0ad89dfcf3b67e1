"""Tomography and magnetic resonance by fields, beside filtered backprojection, SART, total variation and zeros.

    python -m studies.tomography [--data DIR] [--seconds 60] [--cases NAME …] [--methods NAME …]

Each row of results/tomography.tsv, one a case and method, is kept as it ends and not made again; results/tomography.md
and docs/images/tomography.png are written from all. DIR holds the volumes of the README of the test data; cases whose
file is not there are left out.

Cases. Truths are means over pixels, and PSNR is of unclipped values over the truth's range.

- `shepp-logan`, `head`: 128 x 128, 20 views of a parallel beam, 128 bins, without noise. The phantom's integrals are
  exact and averaged over each bin (8 rays); the head is a CT slice of 512 x 512 pixels, projected at this size. Nothing
  is projected by the operator that reconstructs.
- `… same operator`: the same, with data made by the very projector of the reconstruction: easier, and what a table of a
  paper often has.
- `… noise`: white noise of 1 % of the largest integral.
- `… fan`: 30 views all round of a fan, bins twice as wide, magnified by 2.
- `held out brain`, `held out bonsai`: slices on which no default was found.
- `published CT`: 512 x 512, 20 views, of the phantom: Tancik et al., "Fourier features let networks learn high
  frequency functions in low dimensional domains", NeurIPS 2020, and its notebook, report 28.33 dB as the mean over 8
  phantoms whose numbers are those of the Shepp-Logan phantom plus normal ones of 1/20, projected as they reconstruct (a
  turned picture is summed), 1,000 steps, clipped. Here it is the phantom itself, with exact integrals.
- `brain lines`: a slice of the MNI template, 186 x 186, a quarter of the lines of its k-space, 8 % in the middle full;
  `brain coils`: the same of four coils; `phantom lines`: exact k-space of the phantom, of no pixels.
- `published MRI`: a volume of 96³ with 200,000 draws of frequencies from a normal distribution of variance 192 samples,
  12.56 %, as the same paper has it; it reports 34.51 dB as the mean over 6 scans of the ATLAS set, here it is the MNI
  template, which is smoother.

Methods. `FBP`: scikit-image's, the best of its filters; `SART`: scikit-image's, the best of 1 to 20 rounds; `TV`: by
Chambolle and Pock, 1,000 steps, the best of 5 strengths: the truth chose for all three. `TV, default`: as
`inr reconstruct` runs it. `field, plain` and `field, ramp`: Gaussian features of σ = 3 read by two layers of 128, Adam
at 4e-3, with residuals that count alike or by the ramp, without a prior. `field`: as `inr reconstruct` does it, nothing
chosen by the truth. Fields have SECONDS each.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import inr
from inr.bench import machine
from inr.bench.tables import Ledger, Row, markdown, origin, read
from inr.reconstruction import (
    Ellipse,
    MaskedFourier,
    Problem,
    Projector,
    Scan,
    fourier_samples,
    line_integrals,
    line_mask,
    magnetic_resonance,
    sampled,
    shepp_logan,
    tomography,
    tv_reconstruct,
)
from inr.signals import psnr, ssim
from studies import RESULTS

TABLE = RESULTS / "tomography.tsv"
PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "tomography.png"
COLUMNS = ["case", "method", "psnr", "ssim", "seconds", "steps", "note"]
PUBLISHED = {"published CT": "28.33", "published MRI": "34.51"}
RECIPE = {"encoding": "fourier:kind=gaussian,sigma=3,frequencies=128", "activation": "relu",
          "network": "mlp:depth=2,width=128", "learning_rate": {"network": 4e-3}}  # fmt: skip
_RAYS_A_BIN = 8


@dataclass(frozen=True)
class Case:
    """What is to be reconstructed.

    Attributes:
        truth: (h, w), or a volume.
        measured: of the scan, or k-space.
        scan: None of k-space.
        mask, coils: of k-space.
        moved: the sinogram about scikit-image's axis of rotation, the centre of pixel n // 2.
    """

    truth: np.ndarray
    measured: np.ndarray
    scan: Scan | None = None
    mask: np.ndarray | None = None
    coils: np.ndarray | None = None
    moved: np.ndarray | None = None

    def problem(self, **options: Any) -> Problem:
        """The reconstruction by a field."""
        if self.scan is None:
            return magnetic_resonance(self.measured, mask=self.mask, sensitivities=self.coils, **options)
        scan = self.scan
        return tomography(
            self.measured, angles=scan.angles, geometry=scan.beam, source=scan.source, detector=scan.detector,
            pitch=scan.pitch, size=len(self.truth), extent=self.extent, **options,
        )  # fmt: skip

    @property
    def extent(self) -> float:
        """Of the picture, in the unit of the scan, which is a pixel."""
        return float(len(self.truth))


Found = tuple[np.ndarray, str]  # a picture, and with what settings


def fbp(case: Case) -> Found:
    """scikit-image's, with its best filter; our own for fans."""
    if case.moved is None:
        return classical(case, "FBP")
    from skimage.transform import iradon

    pictures = {}
    for name in ("ramp", "shepp-logan", "cosine", "hamming", "hann"):
        pictures[name] = iradon(case.moved.T, case.scan.angles, filter_name=name, circle=True)
    return best(case, pictures, "filter")


def sart(case: Case) -> Found:
    """scikit-image's, after its best number of rounds; our own for fans."""
    if case.moved is None:
        return classical(case, "SART")
    from skimage.transform import iradon_sart

    picture, pictures = None, {}
    for rounds in range(1, 21):
        picture = iradon_sart(case.moved.T.astype(np.float64), case.scan.angles, picture, clip=(0, np.inf))
        pictures[rounds] = picture
    return best(case, pictures, "rounds")


def variation(case: Case) -> Found:
    """With the best of five strengths."""
    if case.scan is None:
        fourier = MaskedFourier(case.mask, case.coils)
        operators, start = fourier.operators(), np.zeros(case.truth.shape, np.complex64)
        measured = case.measured * case.mask
        largest, steps = float(np.abs(fourier.zero_filled(torch.from_numpy(measured)).numpy()).max()), 300
    else:
        projector = Projector(case.scan.rays(), case.truth.shape, case.extent)
        operators, start, measured = (
            (projector, projector.adjoint),
            np.zeros(case.truth.shape, np.float32),
            case.measured,
        )
        largest, steps = float(measured.max()), 1_000
    pictures = {}
    for factor in (3e-4, 1e-3, 3e-3, 1e-2, 3e-2):
        found = tv_reconstruct(*operators, measured, start, factor * largest, steps)
        pictures[f"{factor * largest:.2g}"] = np.abs(found) if case.scan is None else found
    return best(case, pictures, "strength")


def best(case: Case, pictures: dict[Any, np.ndarray], what: str) -> Found:
    """What the truth chooses."""
    chosen = max(pictures, key=lambda key: score(case, pictures[key]))
    return pictures[chosen], f"{what} {chosen}"


def classical(case: Case, name: str) -> Found:
    """As `inr reconstruct` runs it."""
    method = next(each for each in case.problem().classical if each.name == name)
    return plain(method.run()), method.note


def plain(picture: np.ndarray) -> np.ndarray:
    """One channel: the magnitude of two."""
    return picture[..., 0] if picture.shape[-1] == 1 else np.hypot(picture[..., 0], picture[..., 1])


def field(
    case: Case, seconds: float, setup: dict[str, Any] | None = None, **options: Any
) -> tuple[np.ndarray, str, int]:
    """A fit of so many seconds."""
    ready = case.problem(**options)
    ready = replace(ready, setup=replace(ready.setup, **(setup or {})))
    fitter = ready.fitter(inr.Budget(seconds=seconds))
    for event in fitter.run():
        last = event
    return plain(fitter.field.render(execute=fitter.execute)), "; ".join(ready.facts), last.step


def score(case: Case, picture: np.ndarray) -> float:
    """PSNR over the truth's range."""
    return psnr(case.truth, picture, float(np.ptp(case.truth)))


METHODS: dict[str, Callable[[Case, float], tuple[Any, ...]]] = {
    "FBP": lambda case, _: fbp(case),
    "zero-filled": lambda case, _: classical(case, "zero-filled"),
    "SART": lambda case, _: sart(case),
    "TV": lambda case, _: variation(case),
    "TV, default": lambda case, _: classical(case, "TV"),
    "field, plain": lambda case, seconds: field(case, seconds, RECIPE, ramp=False, strength=0.0, parts=1),
    "field, ramp": lambda case, seconds: field(case, seconds, RECIPE, strength=0.0, noise=0.0, parts=1),
    "field": lambda case, seconds: field(case, seconds),
}
_OF_SINOGRAMS, _OF_KSPACE = {"FBP", "SART", "field, plain", "field, ramp"}, {"zero-filled"}


def suited(case: Case) -> list[str]:
    """The methods that a case has."""
    left_out = _OF_KSPACE if case.scan is not None else _OF_SINOGRAMS
    if max(case.truth.shape) > 256 or case.truth.ndim == 3:
        left_out = left_out | {"field, plain", "field, ramp"}
    return [name for name in METHODS if name not in left_out]


def cases(data: Path) -> Iterator[tuple[str, Callable[[], Case]]]:
    """Names, and what makes them."""
    head, brain, bonsai = (data / "volume" / name for name in
                           ("ct_slice_512_u16le.raw", "mni_icbm152_t1.nii.gz", "bonsai.nii.gz"))  # fmt: skip
    parallel = Scan(np.arange(20) * 9.0, 128)
    fan = Scan(np.arange(30) * 12.0, 128, "fan", 2.0, 0.0, 256.0, 256.0)
    sources: dict[str, Callable[[], Any]] = {"shepp-logan": lambda: shepp_logan(128.0)}
    if head.exists():
        sources["head"] = lambda: np.fromfile(head, "<u2").reshape(512, 512).astype(np.float32)
    for name, source in sources.items():
        yield name, lambda source=source: of_sinogram(source(), parallel)
        yield f"{name}, same operator", lambda source=source: of_sinogram(source(), parallel, same=True)
        yield f"{name}, noise", lambda source=source: of_sinogram(source(), parallel, noise=0.01)
        yield f"{name}, fan", lambda source=source: of_sinogram(source(), fan)
    if brain.exists():
        yield "held out brain", lambda: of_sinogram(square(volume(brain)[:, :, 60], 256), parallel)
    if bonsai.exists():
        yield "held out bonsai", lambda: of_sinogram(volume(bonsai)[:, :, 60], parallel)
    wide = Scan(np.arange(20) * 9.0, 512)
    yield "published CT", lambda: of_sinogram(shepp_logan(512.0), wide, size=512)
    yield "phantom lines", lambda: phantom_lines(256)
    if brain.exists():
        yield "brain lines", lambda: of_kspace(square(volume(brain)[:, :, 94], 186), line_mask((186, 186)))
        yield "brain coils", lambda: of_kspace(square(volume(brain)[:, :, 94], 186), line_mask((186, 186)), coils=4)
        yield "published MRI", lambda: of_kspace(smaller(volume(brain), 96), normal_mask(96, 200_000))


def of_sinogram(
    source: list[Ellipse] | np.ndarray, scan: Scan, *, size: int = 128, same: bool = False, noise: float = 0.0
) -> Case:
    """Of a phantom, or of a picture that is finer than what is reconstructed."""
    if isinstance(source, np.ndarray):
        parts = len(source) // size
        truth = source.reshape(size, parts, size, parts).mean((1, 3)).astype(np.float32)
        source, truth = source / truth.max(), truth / truth.max()
    else:
        truth = sampled(source, size, float(size))

    def measured(rays_of: Callable[[Scan], np.ndarray]) -> np.ndarray:
        if same:
            found = Projector(rays_of(scan), truth.shape, float(size))(truth)
        else:
            rays = rays_of(scan.finer(_RAYS_A_BIN))
            if isinstance(source, np.ndarray):
                fine = Projector(rays, source.shape, float(size))(source)
            else:
                fine = line_integrals(source, rays)
            found = fine.reshape(*scan.shape, _RAYS_A_BIN).mean(-1)
        added = np.random.default_rng(0).normal(0, noise * found.max(), found.shape)
        return (found + added).astype(np.float32)

    middle = np.array([0.5, -0.5])  # of the pixel that is scikit-image's axis of rotation, and the bin's
    moved = measured(lambda each: replace(each, offset=-0.5).rays() + middle) if scan.beam == "parallel" else None
    return Case(truth, measured(lambda each: each.rays()), scan, moved=moved)


def of_kspace(truth: np.ndarray, mask: np.ndarray, coils: int = 0) -> Case:
    """Of a real picture or volume; coils look from the corners."""
    truth = (truth / truth.max()).astype(np.float32)
    sensitivities = None
    if coils:
        y, x = np.meshgrid(*[np.linspace(-1, 1, size) for size in truth.shape], indexing="ij")
        turns = (np.arange(coils) + 0.5) / coils * 2 * np.pi
        seen = [np.exp(-((x - np.cos(turn)) ** 2 + (y - np.sin(turn)) ** 2) / 2 + 1j * turn * x) for turn in turns]
        sensitivities = np.stack(seen).astype(np.complex64)
    fourier = MaskedFourier(mask, sensitivities)
    return Case(truth, fourier(torch.from_numpy(truth.astype(np.complex64))).numpy(), None, mask, sensitivities)


def phantom_lines(size: int) -> Case:
    """Of exact k-space."""
    phantom, mask = shepp_logan(), line_mask((size, size))
    measured = (fourier_samples(phantom, (size, size)) * mask).astype(np.complex64)
    return Case(sampled(phantom, size), measured, None, mask)


def normal_mask(size: int, draws: int) -> np.ndarray:
    """Frequencies drawn with replacement, from a normal distribution of variance 2 · size about the middle."""
    places = np.random.default_rng(10).normal(size // 2, np.sqrt(2 * size), (draws, 3)).astype(int)
    mask = np.zeros((size,) * 3, bool)
    mask[tuple(places.clip(0, size - 1).T)] = True
    return mask


def volume(path: Path) -> np.ndarray:
    """Voxels of a NIfTI file, float32."""
    import nibabel

    return np.asarray(nibabel.load(path).dataobj).astype(np.float32)


def square(picture: np.ndarray, size: int) -> np.ndarray:
    """A picture in the middle of a square of zeros, or cut to it; upright."""
    found = np.zeros((size, size), np.float32)
    picture = np.rot90(picture)
    down, across = ((have - size) // 2 for have in picture.shape)
    cut = picture[max(down, 0) : max(down, 0) + size, max(across, 0) : max(across, 0) + size]
    top, left = ((size - have) // 2 for have in cut.shape)
    found[top : top + cut.shape[0], left : left + cut.shape[1]] = cut
    return found


def smaller(voxels: np.ndarray, size: int) -> np.ndarray:
    """A volume, resized along every axis with the means of what falls together."""
    from skimage.transform import resize

    return np.asarray(resize(voxels, (size,) * 3, anti_aliasing=True), np.float32)


def measured(name: str, case: Case, method: str, seconds: float, pictures: dict[tuple[str, str], np.ndarray]) -> Row:
    """One row of the table."""
    begin = time.perf_counter()
    picture, note, *steps = METHODS[method](case, seconds)
    spent = time.perf_counter() - begin
    pictures[name, method] = picture
    similar = ssim(case.truth, picture.astype(np.float32), float(np.ptp(case.truth))) if picture.ndim == 2 else None
    return {
        "psnr": f"{score(case, picture):.2f}", "ssim": "" if similar is None else f"{similar:.4f}",
        "seconds": f"{spent:.1f}", "steps": str(*steps), "note": note,
    }  # fmt: skip


def report(rows: list[Row], machines: str) -> str:
    """A line a case, a column a method."""
    names = [name for name in METHODS if any(row["method"] == name for row in rows)]
    lines = []
    for case in dict.fromkeys(row["case"] for row in rows):
        found = {row["method"]: float(row["psnr"]) for row in rows if row["case"] == case}
        top = max(found.values())
        cells = [
            "" if name not in found else f"{'**' * (found[name] == top)}{found[name]:.2f}{'**' * (found[name] == top)}"
            for name in names
        ]
        seconds = [row["seconds"] for row in rows if row["case"] == case and row["method"] == "field"]
        lines.append([case, *cells, *(seconds or [""]), PUBLISHED.get(case, "")])
    return "\n".join(
        [f"{machines}.", "", "PSNR in dB.", "", *markdown(["case", *names, "field, s", "published"], lines)]
    )


def draw(pictures: dict[tuple[str, str], np.ndarray], truths: dict[str, np.ndarray], path: Path) -> None:
    """Reconstructions side by side, a row a case, the truth first."""
    from PIL import Image, ImageDraw

    shown = [name for name in ("FBP", "zero-filled", "SART", "TV", "field, ramp", "field")
             if any(method == name for _, method in pictures)]  # fmt: skip
    side, strip = 256, 18
    rows = [case for case, truth in truths.items() if truth.ndim == 2]
    sheet = Image.new("L", ((len(shown) + 1) * side, len(rows) * (side + strip)), 255)
    pen = ImageDraw.Draw(sheet)
    for down, case in enumerate(rows):
        truth = truths[case]
        for across, name in enumerate(["", *shown]):
            picture = truth if not name else pictures.get((case, name))
            if picture is None:
                continue
            grey = np.clip((picture - truth.min()) / np.ptp(truth), 0, 1) * 255
            tile = Image.fromarray(grey.round().astype(np.uint8)).resize((side, side), Image.Resampling.LANCZOS)
            sheet.paste(tile, (across * side, down * (side + strip) + strip))
            words = case if not name else f"{name}  {psnr(truth, picture, float(np.ptp(truth))):.2f} dB"
            pen.text((across * side + 4, down * (side + strip) + 3), words, fill=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the test data")
    parser.add_argument("--seconds", type=float, default=60.0, help="of a field")
    parser.add_argument("--cases", nargs="+", help="names; all where not given")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--out", type=Path, default=TABLE)
    parser.add_argument("--picture", type=Path, help="draw what was made in this run")
    options = parser.parse_args()
    ledger = Ledger(options.out, COLUMNS, ["case", "method"], machine.describe())
    pictures: dict[tuple[str, str], np.ndarray] = {}
    truths: dict[str, np.ndarray] = {}
    for name, make in cases(options.data):
        if options.cases and name not in options.cases:
            continue
        case = make()
        for method in [each for each in suited(case) if each in options.methods]:
            run = lambda: measured(name, case, method, options.seconds, pictures)  # noqa: B023, E731
            if ledger.once({"case": name, "method": method}, run):
                truths[name] = case.truth
                print(f"{name}, {method}: {read(options.out)[-1]['psnr']} dB", flush=True)
    text = report(read(options.out), origin(options.out))
    options.out.with_suffix(".md").write_text(text)
    print(text)
    if options.picture and truths:
        draw(pictures, truths, options.picture)


if __name__ == "__main__":
    main()
