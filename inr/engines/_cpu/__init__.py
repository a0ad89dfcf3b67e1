"""The engine `cpu`: fused kernels, compiled on first use by numba and kept on disk."""
