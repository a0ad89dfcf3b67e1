"""Functions that equations are written in: of symbols, tensors, arrays and numbers."""

from inr.equations._tracing import FUNCTIONS

sin = FUNCTIONS["sin"]
cos = FUNCTIONS["cos"]
tan = FUNCTIONS["tan"]
exp = FUNCTIONS["exp"]
log = FUNCTIONS["log"]
sqrt = FUNCTIONS["sqrt"]
sinh = FUNCTIONS["sinh"]
cosh = FUNCTIONS["cosh"]
tanh = FUNCTIONS["tanh"]
erf = FUNCTIONS["erf"]
sign = FUNCTIONS["sign"]
minimum = FUNCTIONS["minimum"]
maximum = FUNCTIONS["maximum"]
