"""What a user would write in plain PyTorch, method by method, the way the papers' own code does it."""
