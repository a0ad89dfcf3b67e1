"""The factor by which gradients are kept within what 16-bit numbers hold on their way through the layers."""

_LARGEST, _SMALLEST = 2.0**24, 2.0**-24
_PATIENCE = 1000  # steps without an overflow after which the scale is doubled


class GradientScale:
    """A power of two that grows slowly, and shrinks at once where gradients overflow; such a step is not taken.

    It multiplies gradients of squared residuals before they are divided by the number of points, so that it does not
    depend on the batch, and starts where gradients of residuals from 1e-4 to 1 fit. Micikevicius et al., Mixed
    Precision Training, ICLR 2018.

    Args:
        adaptive: False for operands with the range of float32: the scale then is 1.

    Attributes:
        value: the factor.
    """

    def __init__(self, *, adaptive: bool) -> None:
        self.value = 256.0 if adaptive else 1.0
        self._adaptive = adaptive
        self._good = 0

    def accepts(self, finite: bool) -> bool:
        """Whether a step is to be taken, given whether its gradients are finite; adapts the factor to that.

        Gradients that are not finite at the smallest scale are accepted: then the fit has diverged.
        """
        if finite:
            self._good += 1
            if self._adaptive and self._good >= _PATIENCE and self.value < _LARGEST:
                self.value, self._good = 2 * self.value, 0
            return True
        self._good = 0
        if not self._adaptive or self.value <= _SMALLEST:
            return True
        self.value /= 16
        return False
