"""`promptlab rate`: one rating, a spreadsheet of them, or the queue with one key a rating."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from promptlab.commands import completion, completion_rubric
from promptlab.commands.options import Json, Preview, Rater, VersionOption, parse_pairs, runtime_of
from promptlab.errors import InvalidInput
from promptlab.runtime import Runtime

if TYPE_CHECKING:
    from promptlab.services.review import Verdict


def rate(
    context: typer.Context,
    generation_id: Annotated[
        int | None,
        typer.Argument(
            help="A generation's id; without it the queue is walked.",
            metavar="[ID]",
            autocompletion=completion.generations,
        ),
    ] = None,
    score: Annotated[
        str | None,
        typer.Option(help="1..5, or failed, poor, acceptable, good, excellent.", autocompletion=completion.scores),
    ] = None,
    note: Annotated[str | None, typer.Option(help="A remark of the rater's.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="A tag; repeat for more.", autocompletion=completion_rubric.tags)
    ] = None,
    criterion: Annotated[
        list[str] | None,
        typer.Option(
            help="A score for one criterion; repeat for more.",
            metavar="NAME=SCORE",
            autocompletion=completion_rubric.criteria,
        ),
    ] = None,
    rater: Rater = None,
    from_: Annotated[
        Path | None,
        typer.Option("--from", help="A CSV: generation, score, rater, note, tags, criteria. All or nothing."),
    ] = None,
    prompt_version: VersionOption = None,
    batch: Annotated[
        int | None,
        typer.Option(help="Walk only generations of this batch.", metavar="ID", autocompletion=completion.batches),
    ] = None,
    blind: Annotated[bool, typer.Option("--blind/--open", help="Tell nothing about the version.")] = True,
    preview: Preview = False,
    as_json: Json = False,
) -> int:
    """Rate generations, blind unless --open. A rating is kept at once, and your next one for it replaces it.

    Only the session that gave a rating can withdraw it, with the key u; ? shows all keys.

    Example: promptlab rate 12 --score good --note "fine, but cropped"
    """
    from promptlab.services.review import Verdict, recording
    from promptlab.services.rubric import check
    from promptlab.services.scores import parse_score

    runtime = runtime_of(context)
    who = runtime.settings.rater if rater is None else rater
    if from_ is not None:
        if generation_id is not None or score is not None:
            raise InvalidInput("--from brings its own generations and scores.")
        _rate_file(runtime, from_, who, as_json=as_json)
        return 0
    if generation_id is None or score is None:
        _refuse_in_loop(as_json=as_json, given=score is not None, remarks=bool(note or tag or criterion))
        from promptlab.commands.rating_loop import RatingUse
        from promptlab.commands.rating_walk import Walk
        from promptlab.commands.sitting import Sitting

        walk = Walk(
            generation_id=generation_id,
            reference=prompt_version,
            batch_id=batch,
            rater=who,
            blind=blind,
            preview=preview,
        )
        with closing(RatingUse(runtime, walk)) as use:
            return Sitting(runtime, use, preview=preview).run()
    with recording():
        scores = {name: parse_score(value) for name, value in parse_pairs(criterion, flag="--criterion").items()}
        check(runtime.settings.rubric, criteria=scores, tags=tag or [])
        verdict = Verdict(rater=who, score=parse_score(score), note=note, tags=tag or [], criteria=scores)
        _rate_one(runtime, generation_id, verdict, as_json=as_json)
    return 0


def _rate_one(runtime: Runtime, generation_id: int, verdict: "Verdict", *, as_json: bool) -> None:
    from promptlab.output.ratings import rating_line
    from promptlab.services import review, views

    view = views.rating(review.rate(runtime.lab, generation_id, verdict))
    runtime.output.show(view, lambda _: rating_line(view), as_json=as_json)


def _rate_file(runtime: Runtime, path: Path, rater: str, *, as_json: bool) -> None:
    from promptlab.output.ratings import import_line
    from promptlab.services import rating_file

    view = rating_file.rate_from(runtime.lab, path, rater=rater, rubric=runtime.settings.rubric)
    runtime.output.show(view, lambda _: import_line(view), as_json=as_json)


def _refuse_in_loop(*, as_json: bool, given: bool, remarks: bool) -> None:
    if given:
        raise InvalidInput("--score needs the id of a generation.", hint="`promptlab queue` shows what waits.")
    if remarks:
        raise InvalidInput("--note, --tag and --criterion belong to a score.", hint="Add --score.")
    if as_json:
        raise InvalidInput("The loop is for people and has no --json.", hint="Give an id and --score, or --from FILE.")
