"""When a fit stops."""

import math
from dataclasses import dataclass

from inr._errors import InrError


@dataclass(frozen=True)
class Budget:
    """Stop after `steps`, after `seconds` of fitting, or at `psnr` dB, whichever comes first.

    Seconds are turned into a number of steps once, from measured steps, so that schedules see a fixed horizon.
    """

    steps: int | None = None
    seconds: float | None = None
    psnr: float | None = None

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
