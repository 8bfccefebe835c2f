"""The package as it is installed elsewhere, without the checkout around it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_brings_everything_it_needs(tmp_path: Path) -> None:
    """Migrations, the table of models, templates and the marker for type checkers; a first use works with it alone."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, check=True, cwd=ROOT, capture_output=True)
    [wheel] = tmp_path.glob("promptlab_images-*.whl")
    installed = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    for part in ("py.typed", "migrations/env.py", "adapters/ai/models.toml", "output/report/templates/page.html"):
        assert (installed / "promptlab" / part).is_file()
    show = "from promptlab.db.migrate import migrations_folder; print(migrations_folder())"
    done = subprocess.run(
        [sys.executable, "-c", f"{show}\nfrom promptlab.cli import main\nraise SystemExit(main(['db', 'upgrade']))"],
        env={**os.environ, "PYTHONPATH": str(installed)}, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(installed))
    assert "current" in done.stdout
