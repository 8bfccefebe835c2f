"""Completion in bash, which breaks words where ours have none: at every `@` and `=`."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from io import StringIO


@contextmanager
def whole_words() -> Iterator[None]:
    """While bash asks what to complete, make whole words of what it has broken, and answer with the last piece alone.

    Of `banner@1` it makes the words `banner`, `@` and `1`, and an answer takes the place of `@1`.
    """
    if os.environ.get("_PROMPTLAB_COMPLETE") != "complete_bash":
        yield
        return
    pieces = os.environ["COMP_WORDS"].split("\n")[: int(os.environ["COMP_CWORD"]) + 1]
    words, kept = _put_together(pieces)
    os.environ.update(COMP_WORDS="\n".join(words), COMP_CWORD=str(len(words) - 1))
    answer = StringIO()
    try:
        with redirect_stdout(answer):
            yield
    finally:
        sys.stdout.write("\n".join(_last_pieces(answer.getvalue().splitlines(), kept)))


def _put_together(pieces: Sequence[str]) -> tuple[list[str], str]:
    """Return the words, and how much of the last one's value bash keeps when it completes it."""
    words, kept, goes_on = [""], "", True
    for piece in pieces:
        is_break = bool(piece) and not piece.strip("@=")
        after_option = words[-1].startswith("-") and "=" not in words[-1]
        starts_file = piece.startswith("@") and after_option  # --user @FILE
        if goes_on or (is_break and not starts_file):
            words[-1] += piece
        else:
            words.append(piece)
            kept = ""
        if is_break:
            kept = words[-1].removesuffix("@")
        goes_on = is_break
    return words, kept.partition("=")[2] if kept.startswith("-") else kept


def _last_pieces(answers: Sequence[str], kept: str) -> list[str]:
    pieces = [answer.removeprefix(kept) for answer in answers]
    if len(pieces) == 1 and pieces[0].endswith("="):
        # Behind a single answer bash puts a blank, which would part KEY= from its value.
        pieces.append(f"{pieces[0]}...")
    return pieces
