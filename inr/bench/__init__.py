"""Benchmarks: how fast this machine fits, renders and compresses, beside what one would write in plain PyTorch."""

__all__: list[str] = []
