"""What the tests of signals share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from inr._errors import InrError


@pytest.fixture
def refused(capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Call something that must answer with one InrError line holding certain words, and print nothing."""

    def check(call: Callable[[], Any], *words: str) -> str:
        with pytest.raises(InrError) as caught:
            call()
        message = str(caught.value)
        assert "\n" not in message
        for word in words:
            assert word in message
        assert capfd.readouterr() == ("", "")
        return message

    return check


@pytest.fixture
def picture() -> np.ndarray:
    """A smooth 8-bit RGB image, 30 rows of 40 pixels, every channel different."""
    return smooth(30, 40, 3)


def smooth(height: int, width: int, channels: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    waves = [127 + 100 * np.sin(x / 7 + channel) + 20 * np.cos(y / 5) for channel in range(channels)]
    return np.stack(waves, axis=-1).clip(0, 255).astype(np.uint8)


@pytest.fixture
def clip() -> np.ndarray:
    """Twelve 8-bit RGB frames of 24 x 32 pixels, a pattern that moves to the right."""
    return np.stack([np.roll(smooth(24, 32, 3), 2 * frame, axis=1) for frame in range(12)])


@pytest.fixture
def tone() -> np.ndarray:
    """4,000 16-bit samples of a sine, one channel."""
    return (20_000 * np.sin(np.arange(4000) / 9)).astype(np.int16)
