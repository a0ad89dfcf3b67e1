"""Make bach.wav: the first bar of the prelude of Bach's first cello suite, on a string made of noise and a delay.

Karplus and Strong's plucked string: a burst of noise goes round a delay line as long as a period, and loses its
high frequencies to an average of neighbours on the way.
"""

from pathlib import Path

import numpy as np
import soundfile

RATE = 22_050  # Hz
NOTE = 3 / 16  # seconds: a bar of sixteen notes takes three
BAR = 2 * (43, 50, 59, 57, 59, 50, 59, 50)  # G D B A B D B D, as MIDI numbers


def pluck(pitch: int, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """A plucked string at a MIDI pitch, (n,) in -1 .. 1."""
    period = round(RATE / (440 * 2 ** ((pitch - 69) / 12)))
    turns = [np.convolve(rng.uniform(-1, 1, period), np.ones(8) / 8, mode="same")]
    while len(turns) * period < seconds * RATE:
        turns.append(0.996 * (turns[-1] + np.roll(turns[-1], 1)) / 2)
    return np.concatenate(turns)[: round(seconds * RATE)]


def main() -> None:
    """Write bach.wav beside this script."""
    rng = np.random.default_rng(1685)
    sound = np.zeros(round(len(BAR) * NOTE * RATE))
    for index, pitch in enumerate(BAR):
        start = round(index * NOTE * RATE)
        ringing = pluck(pitch, 1.0, rng)[: len(sound) - start]
        sound[start : start + len(ringing)] += ringing
    sound *= 0.8 / np.abs(sound).max()
    sound[-441:] *= np.linspace(1, 0, 441)  # no click at the end
    soundfile.write(Path(__file__).with_name("bach.wav"), sound, RATE, subtype="PCM_16")


if __name__ == "__main__":
    main()
