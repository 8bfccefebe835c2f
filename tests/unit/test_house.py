"""What the repository keeps about itself."""

import fnmatch
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]

_HEAVY = {"sqlmodel", "sqlalchemy", "boto3", "httpx", "numpy", "PIL", "jinja2", "alembic"}

_LIST_MODULES = """
import sys
from promptlab.cli import main
code = main(["--help"])
print("\\nLOADED", *{name.partition(".")[0] for name in sys.modules})
sys.exit(code)
"""

_ADDRESSES = re.compile(
    r"--(?:extra-)?index-url|--find[-]links"  # where a package index lies is the user's own setting
    r"|https?://[\w.-]*py(?:pi\.|thonhosted)"
    r"|(?<![\w.~}<-])/(?:home|Users|root|work|workspace|builds)/"  # absolute paths of somebody's machine
)


def test_help_loads_nothing_heavy() -> None:
    """`promptlab --help` answers at once, so it loads no database, network or image library."""
    done = subprocess.run([sys.executable, "-c", _LIST_MODULES], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    loaded = done.stdout.rpartition("LOADED")[2].split()
    assert "promptlab" in loaded
    assert _HEAVY.intersection(loaded) == set()


def test_no_file_names_a_machine_or_a_package_index() -> None:
    """The tree works on any machine: no file holds the address of a package index or somebody's absolute path."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in _files_of_the_tree()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="ignore").splitlines(), start=1)
        if _ADDRESSES.search(line)
    ]
    assert found == []


def test_lock_has_a_hash_for_every_pin() -> None:
    """Every line of requirements.lock is a comment or one exact version with its hashes."""
    pin = re.compile(r"[a-z0-9-]+==[^\s;]+(?: ; [^\\]+)?(?: --hash=sha256:[0-9a-f]{64})+")
    lines = [line for line in _lock_lines() if not pin.fullmatch(line)]
    assert lines == []


def test_lock_satisfies_the_project() -> None:
    """Whatever pyproject.toml asks for is pinned at a version that it allows: otherwise run `make lock`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pinned = {pin.name: next(iter(pin.specifier)).version for pin in map(_requirement, _lock_lines())}
    asked = [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
        *project["build-system"]["requires"],
    ]
    missing = [
        text
        for text in asked
        if not Requirement(text).specifier.contains(pinned.get(canonicalize_name(Requirement(text).name), "0"))
    ]
    assert missing == []


def _lock_lines() -> list[str]:
    text = (ROOT / "requirements.lock").read_text().replace(" \\\n   ", "")
    return [line for line in text.splitlines() if not line.startswith("#")]


def _requirement(line: str) -> Requirement:
    return Requirement(line.partition(" --hash")[0])


def _files_of_the_tree() -> Iterator[Path]:
    """Yield what git keeps, also where there is no git: all but ignored files and an editor's dot folders."""
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines()]

    def kept(name: str) -> bool:
        return not any(fnmatch.fnmatch(name, pattern) for pattern in ignored)

    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if kept(name) and (name[0] != "." or name in {".ci", ".github"})]
        yield from (Path(folder, name) for name in files if kept(name))
