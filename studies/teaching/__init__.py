"""Parts of the benchmark of teachers, `teaching.py`."""
