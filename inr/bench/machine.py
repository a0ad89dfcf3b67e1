"""What a table of timings must say about where it was measured."""

from inr.engines import doctor


def describe() -> str:
    """Name the processor, its cores and the versions that take part, in one line."""
    facts = doctor()
    machine, versions = facts["machine"], facts["versions"]
    named = ", ".join(f"{name} {versions[name]}" for name in ("inr", "python", "torch", "numpy"))
    return f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads; {named}"
