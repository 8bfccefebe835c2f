"""Which providers are installed: each is an entry point, so that another package can bring one."""

from importlib.metadata import entry_points

GROUP = "promptlab.providers"


def provider_names() -> list[str]:
    """Return the names of all installed providers, sorted; none is imported."""
    return sorted(entry_points(group=GROUP).names)
