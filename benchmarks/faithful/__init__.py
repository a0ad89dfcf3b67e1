"""What `benchmarks/fidelity.py` is made of: one module a family of claims."""
