"""`promptlab stats`: how each version does."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promptlab.commands import completion
from promptlab.commands.options import Cursor, Json, Limit, Since, Until, runtime_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from promptlab.output.tables import Fitted


class By(StrEnum):
    """What stats are counted by."""

    VERSION = "version"
    PROVIDER = "provider"
    MODEL = "model"
    RATER = "rater"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    CRITERION = "criterion"
    TAG = "tag"


def stats(
    context: typer.Context,
    prompt_version: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt-version", help="Only these versions; repeat.", metavar="REF", autocompletion=completion.references
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Only versions of this prompt.")] = None,
    since: Since = None,
    until: Until = None,
    by: Annotated[By, typer.Option(help="One line for each of these.")] = By.VERSION,
    limit: Limit = 20,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """Show how versions do: ratings, what waits unrated, refused and failed, cost and seconds.

    Example: promptlab stats --name banner --since 7d
    """
    from promptlab.output.rubric import criterion_table, tag_table
    from promptlab.output.stats import rater_table, stats_table
    from promptlab.services import reports
    from promptlab.settings.durations import parse_time

    runtime = runtime_of(context)
    filters = reports.StatsFilters(
        references=prompt_version or [],
        name=name,
        since=parse_time(since) if since is not None else None,
        until=parse_time(until) if until is not None else None,
    )
    tables: dict[By, Callable[[Console, Sequence[Any]], Table | Fitted]] = {
        By.RATER: rater_table,
        By.CRITERION: criterion_table,
        By.TAG: tag_table,
    }
    lab = runtime.lab
    with lab.database.reading() as session:
        page = reports.stats_page(session, lab.project_id, filters, by=by.value, limit=limit, cursor=cursor)
    runtime.output.show_page(
        page.items,
        page.next_cursor,
        lambda console: tables[by](console, page.items) if by in tables else stats_table(console, page.items, by.value),
        as_json=as_json,
        empty="There is nothing to count yet.",
    )
