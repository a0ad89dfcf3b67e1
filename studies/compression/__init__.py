"""Parts of the benchmark of compression, `compression.py`."""
