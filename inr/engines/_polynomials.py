"""The numbers by which the kernels of the engines `cpu` and `triton` compute sines and cosines, so that both agree."""

# the nearest multiple of pi is taken from an argument in two parts, high and low
PER_PI = 0.3183098861837907
PI_HIGH, PI_LOW = 3.1415927410125732, -8.742278000372485e-08
# from here on up float32 numbers are whole: adding it rounds, and leaves the whole number in the lowest bits
WHOLE = 1.5 * 2**23
# on [-pi/2, pi/2], by the algorithm of Remez: (sin(x) - x) / x^3 and (cos(x) - 1 + x^2/2) / x^4, in powers of x^2;
# sine and cosine are then off by less than 5e-9
SINE = (-0.16666660438, 0.00833308744, -0.000198110535, 2.60878967e-6)
COSINE = (0.04166665573, -0.00138885682, 2.47692407e-5, -2.61924845e-7)
