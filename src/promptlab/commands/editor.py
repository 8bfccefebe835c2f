"""Letting a person change a text in the editor of their choice."""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from promptlab.commands.options import text_or_file
from promptlab.errors import InvalidInput, NotConfigured, PromptlabError


@contextmanager
def edit_text(text: str, *, name: str) -> Iterator[str]:
    """Open `text` in $VISUAL or $EDITOR and yield what was saved; if the block fails the file is kept and named.

    Raises:
        NotConfigured: no editor is set, or it cannot be started.
        InvalidInput: the editor ended with an error.
    """
    path = Path(tempfile.mkdtemp(prefix="promptlab-")) / name
    path.write_text(text, encoding="utf-8")
    try:
        _open_editor(path)
        yield text_or_file(f"@{path}", flag="The edited text") or ""
    except PromptlabError as error:
        if path.exists() and path.read_bytes() != text.encode():
            error.hint = " ".join(filter(None, (error.hint, f"What you wrote is in {path}.")))
            raise
        shutil.rmtree(path.parent)
        raise
    shutil.rmtree(path.parent)


def _open_editor(path: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise NotConfigured("No editor is set.", hint="Set EDITOR, for example EDITOR=nano.")
    try:
        done = subprocess.run([*shlex.split(editor), str(path)], check=False)  # noqa: S603 - the person's own editor
    except (OSError, ValueError) as error:
        raise NotConfigured(f"The editor {editor!r} cannot be started: {error}.", hint="See EDITOR.") from error
    if done.returncode:
        raise InvalidInput(f"The editor ended with code {done.returncode}; nothing was changed.")
