"""Writing a generation's images beside a JSON sidecar that holds everything needed to make them again."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from promptlab.errors import NotConfigured
from promptlab.services.images import extension
from promptlab.services.lab import Lab
from promptlab.services.views import View


def require_writable(folder: Path) -> None:
    """Check that images can be saved there, before they are bought; raises NotConfigured where they cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise NotConfigured(
            f"{folder} cannot be written: {error.strerror or error}.", hint="Nothing was bought. Choose another --save."
        ) from error


def save(lab: Lab, items: Sequence[View], folder: Path) -> list[Path]:
    """Write each generation's images and its sidecar into `folder`, and return the images' paths.

    Files are named `<prompt>-<version>-<generation>[-<position>]`; the sidecar is the generation's JSON view.

    Raises:
        NotConfigured: the folder cannot be written.
        ObjectMissing, StorageUnavailable: an image cannot be read.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [path for item in items for path in _save_one(lab, item, folder)]
    except OSError as error:
        raise NotConfigured(
            f"{folder} cannot be written: {error.strerror or error}.",
            hint="The images are kept in the storage all the same.",
        ) from error


def _save_one(lab: Lab, item: View, folder: Path) -> list[Path]:
    stem = f"{item['prompt']}-{item['version']}-{item['id']}"
    paths = []
    for output in item["outputs"]:
        suffix = f"-{output['position'] + 1}" if len(item["outputs"]) > 1 else ""
        path = folder / f"{stem}{suffix}{extension(output['media_type'])}"
        path.write_bytes(lab.storage.read(output["url"]))
        paths.append(path)
    if paths:
        sidecar = item | {"files": [path.name for path in paths]}
        text = json.dumps(sidecar, indent=2, ensure_ascii=False) + "\n"
        (folder / f"{stem}.json").write_text(text, encoding="utf-8")
    return paths
