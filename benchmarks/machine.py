"""What a table of timings must say about where it was measured."""

from inr.engines import doctor


def describe() -> str:
    """Processor, cores and versions in one line."""
    facts = doctor()
    machine, versions = facts["machine"], facts["versions"]
    named = ", ".join(f"{name} {versions[name]}" for name in ("inr", "python", "torch", "numpy"))
    return f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads; {named}"
