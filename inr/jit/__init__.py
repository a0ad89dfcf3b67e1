"""Compiled kernels: the cache on disk, vector intrinsics, stages, and the thread pool that runs them."""
