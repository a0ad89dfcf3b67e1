"""The numbers by which the kernels of `cpu` and `triton` compute elementary functions, so that both agree."""

# the nearest multiple of pi is taken from an argument in two parts, high and low
PER_PI = 0.3183098861837907
PI_HIGH, PI_LOW = 3.1415927410125732, -8.742278000372485e-08
# from here on up float32 numbers are whole: adding it rounds, and leaves the whole number in the lowest bits
ROUNDING_SHIFT = 1.5 * 2**23
# on [-pi/2, pi/2], by the algorithm of Remez: (sin(x) - x) / x^3 and (cos(x) - 1 + x^2/2) / x^4, in powers of x^2;
# sine and cosine are then off by less than 5e-9
SINE = (-0.16666660438, 0.00833308744, -0.000198110535, 2.60878967e-6)
COSINE = (0.04166665573, -0.00138885682, 2.47692407e-5, -2.61924845e-7)

# the nearest multiple of log 2 is taken from an argument in two parts
LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440e-4
# on [-log(2)/2, log(2)/2]: (exp(x) - 1 - x) / x^2, highest power first
EXPONENTIAL = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5)
# on [sqrt(1/2) - 1, sqrt(2) - 1]: (log(1 + x) - x + x^2/2) / x^3, highest power first; the logarithm is then off by
# less than 6e-9 of itself
SQRT_HALF = 0.7071067811865476
LOGARITHM = (
    -0.076344930267, 0.12761575645, -0.13160183062, 0.14201758234, -0.16623357298, 0.20001226865, -0.25000821036,
    0.33333331708,
)  # fmt: skip
LN2 = 0.6931471805599453
SQRT_TWO_LESS_ONE = 0.41421356237309503
# tanh of half of it is 1 in float32
SATURATED = 20.0

# from here on up erf is 1 in float32; below, erf(x)/x is a quotient of polynomials of x^2, highest power first, by
# least squares whose weights made the largest error smallest: it is off by less than 2e-8 of itself
ERF_SATURATED = 3.92
ERF_ABOVE = (2.050084678e-6, 2.848826518e-4, 3.765619627e-3, 5.274872959e-2, 1.904065495e-1, 1.128379146)
ERF_BELOW = (3.809168469e-5, 1.162535937e-3, 1.496922154e-2, 1.141091421e-1, 5.020761518e-1, 1.0)

# for u^2 below this, derivatives of sin(u)/u of orders 0 to 3 are polynomials of u^2, highest power first, the odd ones
# times u, which interpolate at Chebyshev's points and are off by less than 1e-8
SINC_SQUARE = 4.0
SINC = (
    (-2.319234178e-8, 2.747459913e-6, -1.983956353e-4, 8.333317382e-3, -1.666666612e-1, 1.0),
    (-2.319306275e-7, 2.198153959e-5, -1.190384789e-3, 3.333328774e-2, -3.333333297e-1),
    (1.958717771e-8, -2.24752683e-6, 1.543062138e-4, -5.952367142e-3, 9.999999527e-2, -3.333333331e-1),
    (1.958781333e-7, -1.798182584e-5, 9.258467873e-4, -2.380948434e-2, 1.999999968e-1),
)
