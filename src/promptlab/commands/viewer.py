"""Opening a link in the viewer that the desktop has for it."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence

from promptlab.errors import NotConfigured

_PROGRAM = "open" if sys.platform == "darwin" else "xdg-open"
_NO_VIEWER = 3  # what xdg-open ends with where nothing is installed that could show an image
_PATIENCE_SECONDS = 2


def open_link(link: str, *, told: Sequence[str] = ()) -> None:
    """Open a link in a viewer, which may stay open; what the viewer itself has to say is not shown.

    Raises:
        NotConfigured: there is no viewer (over SSH, in a container), or it failed. The message holds the link, or those
            that are to be `told` instead.
    """
    try:
        code = _start(link)
    except OSError:
        code = _NO_VIEWER
    if code:
        what = (
            "No viewer was found." if code == _NO_VIEWER else f"The viewer failed: {_PROGRAM} ended with code {code}."
        )
        raise NotConfigured(
            f"{what} {'The addresses are' if len(told) > 1 else 'The address is'} {' '.join(told or [link])}",
            hint="`promptlab generation show ID --preview` draws images in a terminal that can show them.",
        )


def _start(link: str) -> int:
    """Return the code that the opener ended with, 0 while it goes on; raises OSError without an opener."""
    if sys.platform == "win32":
        os.startfile(link)  # noqa: S606 - the desktop's own way, which gets one argument
        return 0
    quiet = subprocess.DEVNULL
    opener = subprocess.Popen(  # noqa: S603 - likewise
        [_PROGRAM, link], stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    )
    # An opener that goes on is the viewer itself. Somebody waits for its end all the same, so that it leaves nothing.
    waiting = threading.Thread(target=opener.wait, daemon=True)
    waiting.start()
    waiting.join(_PATIENCE_SECONDS)
    return opener.returncode or 0
