"""Learning on a Ray cluster, for which a stand-in runs the tasks, a step each."""

import re
import signal as posix_signal

import pytest
import torch

from inr._cluster import Cluster
from inr._errors import InrError
from inr.fitting import on_threads
from inr.priors import Learning, checkpoint_of, learn
from tests.priors.test_learning import TINY, pictures
from tests.ray_stand_in import FakeRay, RayError, stand_in

OPTIONS = {"steps": 5, **TINY}


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    """The stand-in, in the place of Ray."""
    return stand_in(monkeypatch)


@pytest.mark.parametrize("method", ["trunk", "maml:inner_steps=2", "gaussian"])
@pytest.mark.long
def test_a_base_from_a_cluster_is_that_of_this_process(ray, method, tmp_path):
    away, here = tmp_path / "away.inr", tmp_path / "here.inr"
    steps = []
    threads = torch.get_num_threads()
    found = learn(
        pictures(), method=method, out=away, on="ray", every=0, progress=lambda each: steps.append(each.event.step),
        **OPTIONS,
    )  # fmt: skip
    with on_threads(2):  # as the machine of the stand-in has
        learn(pictures(), method=method, out=here, **OPTIONS)
    assert away.read_bytes() == here.read_bytes()
    assert steps == [1, 2, 3, 4, 5, 5]
    assert (found.about["steps"], ray.most, ray.down) == (5, 1, True)
    assert not checkpoint_of(away).exists()
    assert torch.get_num_threads() == threads


def test_what_is_learned_before_machines_die_or_ctrl_c_is_gone_on_with(ray, tmp_path):
    away, here = tmp_path / "away.inr", tmp_path / "here.inr"
    learn(pictures(), out=here, **OPTIONS)
    sent = []
    ray.dies = lambda given: RayError("x") if sent.append(given) or len(sent) == 3 else None
    with pytest.raises(InrError, match=r"^learning ended: its process or machine died, in all of 4 tries"):
        learn(pictures(), out=away, on="ray", every=0, **OPTIONS)
    assert checkpoint_of(away).exists()
    ray.dies = lambda given: None

    seen = []

    def stop(event):
        seen.append(event.event.step)
        if seen == [3]:
            posix_signal.raise_signal(posix_signal.SIGINT)

    with pytest.warns(RuntimeWarning, match="interrupted after 4 steps"):
        learn(pictures(), out=away, on="ray", resume=True, every=0, progress=stop, **OPTIONS)
    learn(pictures(), out=away, resume=True, **OPTIONS)
    assert away.read_bytes() == here.read_bytes()


@pytest.mark.long
def test_a_loss_that_diverges_is_told(ray):
    learning = Learning(pictures(), learning_rate=1e30, steps=4, **TINY)
    with Cluster("ray") as cluster:
        told = [each.event for each in learning.run(cluster)]
    assert (told[-1].kind, told[-1].reason) == ("end", "diverged")
    assert re.match(r"the loss stopped being finite at step \d", learning.last.message)
    assert learning.base().about["signals"] == 5
