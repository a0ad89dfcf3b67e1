"""The weights that a field computes with, whatever its modules were wrapped in, for files that name plain ones.

Pruning and parametrisations keep other tensors than those that are used, compilation and data parallelism put a module
around another. A file has the effective weights, under the names that the field's parts alone would give them; what no
file of plain parts can say is refused.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.prune import BasePruningMethod

from inr._errors import InrError

_WRAPPED = ("_orig_mod", "module")  # what compiled and parallel modules call what they hold


def bare(module: nn.Module) -> Any:
    """What a wrapper holds: a module of one child, by one of the usual names, and no tensors of its own."""
    while True:
        children = dict(module.named_children())
        inner = next((children[name] for name in _WRAPPED if name in children), None)
        if inner is None or len(children) > 1 or _own(module):
            return module
        module = inner


def effective_state(field: nn.Module, plain: nn.Module) -> dict[str, Tensor]:
    """The tensors of a field's file.

    Args:
        field: any of its modules may be pruned, parametrised (`torch.nn.utils`), compiled or wrapped.
        plain: a field of the same parts, on any device; its tensors' names and shapes are used.

    Returns:
        Effective tensors by `plain`'s names, float32 where they were of another width than float32 and float16.

    Raises:
        InrError: a module that computes with what a file cannot hold; it is named.
    """
    with torch.no_grad():
        return {name: _storable(tensor) for name, tensor in _tensors(field, plain, "")}


def _tensors(found: nn.Module, plain: nn.Module, path: str) -> Iterator[tuple[str, Tensor]]:
    found = bare(found)
    where = path.rstrip(".") or "the field"
    if not isinstance(found, type(plain)):
        raise InrError(f"cannot save: {where} is a {type(found).__name__}, where the field's parts have a "
                       f"{type(plain).__name__}; put that back first")  # fmt: skip
    hooks = [hook for hook in found._forward_pre_hooks.values() if isinstance(hook, BasePruningMethod)]
    pruned = {str(hook._tensor_name): hook for hook in hooks}
    kept = {f"{name}_{suffix}" for name in pruned for suffix in ("orig", "mask")}
    names = _own(plain).keys()
    for name in names:
        tensor = pruned[name].apply_mask(found) if name in pruned else _effective(found, name)
        if tensor is None or tensor.shape != _own(plain)[name].shape:
            raise InrError(f"cannot save: {where} computes its '{name}' in a way that a file cannot hold; "
                           "remove what was put on it first")  # fmt: skip
        yield path + name, tensor
    children = dict(plain.named_children())
    own = {name: child for name, child in found.named_children() if name != "parametrizations"}
    added = sorted(_own(found).keys() - names - kept)
    added += sorted(name for name in own.keys() - children.keys() if own[name].state_dict())
    if added:
        raise InrError(f"cannot save: {where} has '{added[0]}' besides its own weights, which a file cannot hold; "
                       "remove it first")  # fmt: skip
    for name, child in children.items():
        if name not in own:
            raise InrError(f"cannot save: {where} lacks '{name}'; put it back first")
        yield from _tensors(own[name], child, f"{path}{name}.")


def _own(module: nn.Module) -> Mapping[str, Tensor]:
    """A module's own tensors that its state holds."""
    buffers = {key: each for key, each in module._buffers.items() if key not in module._non_persistent_buffers_set}
    return {key: each for key, each in (module._parameters | buffers).items() if each is not None}


def _effective(module: nn.Module, name: str) -> Tensor | None:
    """A tensor that a module holds, or makes by parametrisations; None for one that a hook makes."""
    if name in _own(module) or parametrize.is_parametrized(module, name):
        return getattr(module, name)
    return None


def _storable(tensor: Tensor) -> Tensor:
    """In one of the widths that files have."""
    wide = tensor.is_floating_point() and tensor.dtype not in (torch.float32, torch.float16)
    return tensor.detach().float() if wide else tensor.detach()
