"""The factor by which gradients are kept within what 16-bit numbers hold on their way through the layers."""

_MIN_SCALE, _MAX_SCALE = 2.0**-24, 2.0**24  # beyond, gradients that matter would be lost, or overflow, all the same


class GradientScale:
    """A power of two that grows slowly, and shrinks at once where gradients overflow; such a step is not taken.

    It multiplies gradients of squared residuals before they are divided by the number of points, so that it does not
    depend on the batch, and starts where gradients of residuals from 1e-4 to 1 fit. Micikevicius et al., Mixed
    Precision Training, ICLR 2018.

    Args:
        adaptive: False for operands with the range of float32: the scale then is 1.
        initial: the factor of the first step.
        growth_interval: steps without an overflow after which the factor is doubled.
        backoff: what the factor is multiplied by where gradients overflow.

    Attributes:
        value: the factor.
    """

    def __init__(
        self, *, adaptive: bool, initial: float = 256.0, growth_interval: int = 1000, backoff: float = 1 / 16
    ) -> None:
        self.value = initial if adaptive else 1.0
        self._adaptive, self._growth_interval, self._backoff = adaptive, growth_interval, backoff
        self._good = 0

    def accepts(self, finite: bool) -> bool:
        """Whether a step is to be taken, given whether its gradients are finite; adapts the factor to that.

        Gradients that are not finite at the smallest scale are accepted: then the fit has diverged.
        """
        if finite:
            self._good += 1
            if self._adaptive and self._good >= self._growth_interval and self.value < _MAX_SCALE:
                self.value, self._good = 2 * self.value, 0
            return True
        self._good = 0
        if not self._adaptive or self.value <= _MIN_SCALE:
            return True
        self.value *= self._backoff
        return False
