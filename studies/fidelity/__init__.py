"""What `studies/fidelity` is made of: one module a family of claims."""
