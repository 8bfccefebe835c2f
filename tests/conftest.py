"""What every test starts from: an environment of its own, and servers that start when the first test asks for one."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = [
    *("tests.fixtures.vendors", "tests.fixtures.example_provider"),
    *("tests.fixtures.postgres", "tests.fixtures.databases", "tests.fixtures.s3", "tests.fixtures.openai"),
    *(
        "tests.fixtures.command_line",
        "tests.fixtures.processes",
        "tests.fixtures.factories",
        "tests.fixtures.rating_loop",
        "tests.fixtures.review",
        "tests.fixtures.reports",
        "tests.fixtures.workers",
    ),
]

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

# What a developer's shell may hold and promptlab, a vendor's library or the terminal would listen to.
_PREFIXES = (
    *("PROMPTLAB_", "OPENAI_", "AZURE_", "GEMINI_", "GOOGLE_", "REPLICATE_", "BFL_", "STABILITY_", "FAL_", "COMFYUI_"),
    "FORGE_",
    *("AWS_", "PG", "RCLONE_", "XDG_", "GITHUB_", "TYPER_", "_TYPER_", "TTY_"),
)
_NAMES = frozenset({
    *("NO_COLOR", "FORCE_COLOR", "PY_COLORS", "CLICOLOR", "CLICOLOR_FORCE", "COLORTERM", "COLUMNS", "LINES", "CI"),
    *("EDITOR", "VISUAL", "PAGER", "BROWSER"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
})  # fmt: skip


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Gives the test a home, a working directory and an environment that hold nothing of the developer's."""
    for name in os.environ:
        if (name.startswith(_PREFIXES) and not name.startswith("PROMPTLAB_TEST_")) or name in _NAMES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PROMPTLAB_HOME", str(tmp_path / "promptlab"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.chdir(tmp_path)
