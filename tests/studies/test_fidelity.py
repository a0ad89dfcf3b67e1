"""The benchmark of fidelity: it makes no run twice, and judges claims as they are written."""

import importlib

import numpy as np
import pytest

from studies.fidelity import bands, comparable, page, pictures, plan, study, training


def setting(tmp_path, scale="quick"):
    return study.Setting(tmp_path, tmp_path, scale, "eager")


def test_runs_are_made_once_and_survive_an_interruption(tmp_path, monkeypatch):
    made = []

    def runs(where, seeds):
        return [
            study.Run("a", "here", seed, lambda seed=seed: made.append(seed) or {"psnr_1": 30.0 + seed})
            for seed in seeds
        ]

    pretended = study.Study("pretended", "Pretended", "None.", True, runs, lambda found: report(found))

    def report(found):
        finding = study.Finding("more than 30", "30", f"{found.mean('a', 'psnr_1')}", found.mean("a", "psnr_1") > 30)
        return study.Report(study.Table(["a"], [[f"{found.mean('a', 'psnr_1'):.1f}"]]), [finding])

    monkeypatch.setattr(plan, "STUDIES", {"pretended": pretended})
    where = setting(tmp_path)
    for job in plan.missing(where, ["pretended"], [0, 1]):
        plan.make(job)
    assert made == [0, 1]
    assert plan.missing(where, ["pretended"], [0, 1]) == []
    assert [job.seed for job in plan.missing(where, ["pretended"], [0, 1, 2])] == [2]
    (path,) = page.write(where)
    text = path.read_text()
    assert "| pretended (quick) | more than 30 | 30 | 30.5 | yes |" in text


# the others make no fits of their own, or are made of the same ones
@pytest.mark.long
@pytest.mark.parametrize("name", ["cam", "comparable", "finer", "fourier", "sape", "wavelets"])
def test_every_fit_of_a_study_can_begin(name, tmp_path, monkeypatch):
    module = importlib.import_module(f"studies.fidelity.{name}")

    def shortened(signal, parts, *, steps, at=(), measure=None, rate, **options):
        return training.fit(signal, parts, steps=1, measure=lambda field: 30.0, rate=rate, **options)

    monkeypatch.setattr(module, "fit", shortened)
    noise = np.random.default_rng(0)
    monkeypatch.setattr(pictures, "load", lambda data, name, side: noise.uniform(0, 255, (side, side, 3)))
    runs = plan.STUDIES[name].runs(setting(tmp_path, "cpu"), [0])
    # SAPE refuses to open all its features in one step
    first = [run for run in runs if run.signal == runs[0].signal and run.method != "SAPE"]
    assert all(run.make()["parameters"] > 0 for run in first)


def known(change=None):
    """The known table itself, its middles, as if they were ours."""
    values = {}
    for name, model in comparable.MODELS.items():
        middles = {f"psnr_{steps}": sum(ends) / 2 for steps, ends in zip(comparable.STEPS, model.known, strict=True)}
        values[name, "camera 128x128", 0] = middles | {"parameters": 12_737}
    for name, shift in (change or {}).items():
        row = values[name, "camera 128x128", 0]
        values[name, "camera 128x128", 0] = {key: value + shift for key, value in row.items()}
    return study.Found(values)


def test_the_known_table_agrees_with_itself():
    assert all(finding.holds for finding in comparable.report(known()).findings)


def test_a_row_that_is_off_is_named():
    findings = comparable.report(known({"WIRE, ω = s = 10, decay": -8.0})).findings
    wrong = [finding for finding in findings if not finding.holds]
    assert any("outside: WIRE, ω = s = 10, decay after 200" in finding.found for finding in wrong)
    assert any(finding.claim.startswith("the order") for finding in wrong)


def test_psnr_of_chosen_pixels_is_the_plain_formula(tmp_path):
    import inr

    pixels = np.random.default_rng(0).uniform(0, 255, (6, 8, 3)).astype(np.float32)
    chosen = np.zeros((6, 8), bool)
    chosen[1::2, ::3] = True
    field = inr.fit(training.picture(pixels), steps=1, encoding="identity", activation="sine", network="mlp:width=8")
    rendered = np.clip(field.render((6, 8)), 0, 255)[chosen]
    expected = 10 * np.log10(255**2 / np.mean((rendered.astype(float) - pixels[chosen]) ** 2))
    assert training.psnr_at(field, pixels, chosen) == pytest.approx(expected, abs=1e-3)


def test_scattered_pixels_lie_where_the_picture_has_them():
    pixels = np.random.default_rng(0).uniform(0, 255, (6, 8)).astype(np.float32)
    chosen = np.zeros((6, 8), bool)
    chosen[2, 5] = chosen[4, 1] = True
    ((coords, values),) = training.pixels_at(pixels, chosen).blocks(10)
    np.testing.assert_allclose(coords.numpy(), [[(2 * 5 + 1) / 8 - 1, 5 / 6 - 1], [3 / 8 - 1, 9 / 6 - 1]], atol=1e-6)
    np.testing.assert_allclose((values.numpy()[:, 0] + 1) * 127.5, [pixels[2, 5], pixels[4, 1]], rtol=1e-5)


def test_an_expansion_into_sines_is_its_own_reference():
    """Against two sines multiplied by hand."""
    state = {
        "filters.0.frequencies": np.array([[1.0, 2.0]]), "filters.0.phases": np.array([0.3]),
        "filters.1.frequencies": np.array([[0.5, -1.0]]), "filters.1.phases": np.array([-0.2]),
        "layers.0.weight": np.array([[0.7]]), "layers.0.bias": np.array([0.1]),
        "layers.1.weight": np.array([[1.5]]), "layers.1.bias": np.array([-0.4]),
    }  # fmt: skip
    x = np.random.default_rng(0).uniform(-1, 1, (20, 2))
    first, second = np.sin(x @ [1.0, 2.0] + 0.3), np.sin(x @ [0.5, -1.0] - 0.2)
    np.testing.assert_allclose(bands._sum_of_sines(state, x), 1.5 * (0.7 * first + 0.1) * second - 0.4, atol=1e-12)
