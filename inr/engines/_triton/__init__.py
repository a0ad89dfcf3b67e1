"""The engine `triton`: fused kernels for NVIDIA GPUs."""
