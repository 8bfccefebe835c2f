"""`promptlab report`: everything about some versions as one page."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promptlab.commands import completion
from promptlab.commands.options import Json, runtime_of
from promptlab.errors import InvalidInput

if TYPE_CHECKING:
    from promptlab.output.report.fitting import Fitted

_MEGABYTE = 1_000_000
_DEFAULT_MEGABYTES = 15
_LONGEST_LINK = 7 * 24 * 60 * 60  # seconds; S3 signs none for longer


def report(
    context: typer.Context,
    output: Annotated[Path, typer.Option("--output", "-o", help="The HTML file to write.", metavar="FILE")],
    prompt_version: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt-version",
            help="A version, the first one named is the baseline; repeat. Else: the versions with images of the prompt "
            "that was last used, against the oldest.",
            metavar="REF",
            autocompletion=completion.references,
        ),
    ] = None,
    title: Annotated[str | None, typer.Option(help="What the page is called.")] = None,
    blind: Annotated[
        bool, typer.Option("--blind", help="For reviewers: versions are letters; no prompts, scores or models.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Embed full images instead of small ones, of any size.")] = False,
    max_size: Annotated[
        float | None,
        typer.Option(
            min=1, max=100_000, help="Most megabytes of the file; without --full it is 15.", show_default=False
        ),
    ] = None,
    expires: Annotated[str, typer.Option(help="How long links to images on S3 work, at most 7d.")] = "7d",
    as_json: Json = False,
) -> None:
    """Write all about some versions into one HTML file, fit to be sent: verdict, numbers, prompts, every case.

    Example: promptlab report -o report.html
    """
    from promptlab.output.files import require_writable
    from promptlab.output.report.fitting import Wanted
    from promptlab.output.report.writing import number_of_images, write_report
    from promptlab.services.report import collect

    runtime, seconds = runtime_of(context), _checked(expires)
    require_writable(output, flag="--output", so_far="Nothing was written.")
    most = max_size if full else max_size or _DEFAULT_MEGABYTES
    view = collect(runtime.lab, prompt_version or [], blind=blind)
    with runtime.output.progress("Reading images", number_of_images(view)) as advance:
        fitted = write_report(
            output,
            view,
            Wanted(most=None if most is None else int(most * _MEGABYTE), full=full, blind=blind),
            title=title,
            read=runtime.storage.read,
            sign=runtime.storage.signed_url,
            expires=seconds,
            advance=advance,
        )
    shown = _view(output, view, fitted)
    runtime.output.show(shown, lambda _: _sentence(output, shown), as_json=as_json)
    for sentence in _remarks(shown, most):
        runtime.output.warn(sentence)


def _checked(expires: str) -> int:
    from promptlab.settings.durations import parse_duration

    seconds = parse_duration(expires)
    if seconds > _LONGEST_LINK:
        raise InvalidInput(f"--expires {expires} is too long: links to S3 work for at most 7d.")
    return seconds


def _view(path: Path, view: dict[str, Any], fitted: "Fitted") -> dict[str, Any]:
    return {
        "path": str(path.absolute()),
        "bytes": path.stat().st_size,
        "blind": view["blind"],
        "generations": view["generations"],
        "cases": len(fitted.cases),
        "images": fitted.images,
        "images_missing": fitted.missing,
        "images_left_out": fitted.images_left_out,
        "cases_left_out": fitted.cases_left_out,
        "versions": view["key"],
    }


def _sentence(path: Path, shown: dict[str, Any]) -> str:
    from promptlab.output.cells import counted
    from promptlab.output.report.words import listed, size

    named = [
        f"{each['label']} is {each['name']}@{each['version']}" if shown["blind"] else str(each["label"])
        for each in shown["versions"]
    ]
    counts = ", ".join(counted(shown[what], what[:-1]) for what in ("generations", "cases", "images"))
    return f"{path}: {size(shown['bytes'])}, {counts}. {listed(named)}."


def _remarks(shown: dict[str, Any], most: float | None) -> Iterator[str]:
    """Yield what is not in the file as it might be expected."""
    from promptlab.output.cells import counted
    from promptlab.output.report.words import listed

    left = [(shown["images_left_out"], "image"), (shown["cases_left_out"], "case")]
    if named := [counted(number, what) for number, what in left if number]:
        yield f"{listed(named)} had to stay out for want of room; a larger --max-size makes room."
    if most is not None and shown["bytes"] > most * _MEGABYTE:
        yield "Its texts alone are larger than --max-size: prompts are not cut."
    if shown["images_missing"]:
        yield f"{counted(shown['images_missing'], 'image')} could not be read; their places say why."
