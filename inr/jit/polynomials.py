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
# tanh of half of it is 1 in float32
SATURATED = 20.0
