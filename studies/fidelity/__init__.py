"""Whether every method is what its paper says: one module a family of claims. `python -m studies.fidelity --help`."""
