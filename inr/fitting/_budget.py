"""When a fit stops."""

import math
from dataclasses import dataclass, field

from inr._errors import InrError


@dataclass(frozen=True)
class Budget:
    """Stop after `steps`, after `seconds` of fitting, or at `psnr` dB, whichever comes first.

    Seconds are turned into a number of steps once, from measured steps, so that schedules, progressive encodings and
    teachers see a fixed horizon. Where nothing is set, the steps are those of the `Setup`.

    Args:
        steps: of the optimiser; at least 1.
        seconds: of fitting, without compiling, reading, writing and measuring.
        psnr: target in dB on the whole signal, above 0 and up to 120.
        patience: times the steps of the setup that a fit towards a target takes at most, where it has neither steps
            nor seconds.
        probing: share of the seconds that goes into measuring how long a step takes; of many seconds, less will do.
        overtime: times the seconds that a fit may take, if steps become slower than they were measured, before it ends
            short of its horizon.

    Raises:
        InrError: a budget in which nothing can be fitted.

    >>> inr.Budget(seconds=20, psnr=40.0).steps is None
    True
    >>> inr.Budget(steps=0)
    Traceback (most recent call last):
    ...
    inr._errors.InrError: a budget of 0 steps cannot fit anything; give at least 1
    """

    steps: int | None = None
    seconds: float | None = None
    psnr: float | None = None
    patience: int = field(default=4, kw_only=True)
    probing: float = field(default=0.03, kw_only=True)
    overtime: float = field(default=1.1, kw_only=True)

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise InrError(f"a budget of {self.steps} steps cannot fit anything; give at least 1")
        if self.seconds is not None and not (0 < self.seconds < math.inf):
            raise InrError(f"a budget of {self.seconds:g} seconds cannot fit anything; give a positive number")
        if self.psnr is not None and not (0 < self.psnr <= 120):
            raise InrError(
                f"a target of {self.psnr:g} dB makes no sense; PSNR targets lie between 0 and 120 dB "
                "(float32 ends near 140), pictures usually between 25 and 50"
            )
        if self.patience < 1 or not 0 < self.probing < 1 or not self.overtime >= 0:
            raise InrError(
                f"patience is at least 1, probing between 0 and 1 and overtime not negative, got {self.patience}, "
                f"{self.probing:g} and {self.overtime:g}"
            )

    @property
    def measuring(self) -> float:
        """Seconds that go into measuring how long a step takes; 0 where no seconds are given.

        >>> [inr.Budget(seconds=seconds).measuring for seconds in (10, 100, 1000)]
        [0.3, 1.0, 5.5]
        """
        seconds = self.seconds or 0.0
        return min(self.probing * seconds, 0.5 + 0.005 * seconds)
