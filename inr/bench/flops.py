"""How many operations a timing is of; for the processor's benchmark and the GPU's, which needs no numba."""

from inr.networks import MLP, Network


def learning_flops(network: Network) -> int:
    """Operations a point that the mathematics needs: forward, gradient of weights, gradient of inputs but the first."""
    assert isinstance(network, MLP)
    sizes = [sum(p.numel() for p in layer.parameters() if p.ndim == 2) for layer in network.layers]
    complex_layers = [2 if hasattr(layer, "weight_real") and not layer.real_output else 1 for layer in network.layers]
    sizes = [size * twice for size, twice in zip(sizes, complex_layers, strict=True)]
    return 6 * sum(sizes) - 2 * sizes[0]
