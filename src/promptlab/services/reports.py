"""How each version does: counts, ratings, cost and time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session

from promptlab.db import prompts, stats
from promptlab.db.models import PromptVersion
from promptlab.db.pages import Page
from promptlab.errors import InvalidInput
from promptlab.services import rater_reports, rubric_reports
from promptlab.services.views import View

_COUNTS = ("generations", *(state.value for state in stats.COUNTED_STATES), "rated", "unrated")
_EMPTY = dict.fromkeys((*_COUNTS, "unpriced"), 0)


@dataclass(frozen=True, kw_only=True)
class StatsFilters:
    """What stats are narrowed to. `references` name versions one by one, deleted ones too."""

    references: Sequence[str] = ()
    name: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def stats_page(
    session: Session, project_id: int, filters: StatsFilters, *, by: str, limit: int, cursor: str | None
) -> Page[View]:
    """Return stats rows by version (a page of them), or by anything else that `stats --by` offers (all)."""
    if by == "version":
        return version_stats(session, project_id, filters, limit=limit, cursor=cursor)
    if cursor is not None:
        raise InvalidInput("--cursor goes with --by version: everything else is on one page.")
    if by == "rater":
        return rater_reports.stats_of_raters(session, _conditions(session, project_id, filters))
    if by in rubric_reports.GROUPS:
        return rubric_reports.stats(session, by, _conditions(session, project_id, filters))
    return grouped_stats(session, project_id, by, filters)


def version_stats(
    session: Session, project_id: int, filters: StatsFilters, *, limit: int, cursor: str | None
) -> Page[View]:
    """Return a page of stats rows, one a version, newest version first; a version without generations has zeros."""
    if filters.references:
        found = [prompts.get(session, project_id, reference) for reference in filters.references]
        page = Page(list({version.id: version for version in found}.values()), None)
    else:
        page = prompts.list_versions(session, project_id, name=filters.name, deleted=False, limit=limit, cursor=cursor)
    rows = _rows(session, project_id, "version", filters, [version.id or 0 for version in page.items])
    for version_id, rated in _rated(session, project_id, filters, list(rows)).items():
        rows[version_id]["mean_interval"] = _mean_interval(rated)
    items = [_named(version) | _filled(rows.get(version.id), interval=True) for version in page.items]
    return Page(items, page.next_cursor)


def grouped_stats(session: Session, project_id: int, by: str, filters: StatsFilters) -> Page[View]:
    """Return stats rows over the versions asked for, one a provider, model, day, week or month."""
    rows = _rows(session, project_id, by, filters, _versions_of(session, project_id, filters))
    items = [{by: group} | _filled(rows[group]) for group in sorted(rows)]
    return Page(_with_change(items) if by in stats.TIMES else items, None)


def _with_change(items: list[View]) -> list[View]:
    """Put beside each row by how much its mean is above that of the row before that has one."""
    before: float | None = None
    for item in items:
        mean = item["mean"]
        item["change"] = None if mean is None or before is None else round(mean - before, 4)
        before = before if mean is None else mean
    return items


def _mean_interval(rated: Sequence[tuple[float, int]]) -> list[float] | None:
    """Return the interval of a version's mean, from how many of its generations have each rating."""
    import numpy as np

    from promptlab.statistics.betting import mean_interval

    if not rated:
        return None
    values, counts = zip(*rated, strict=True)
    return [round(limit, 4) for limit in mean_interval(np.repeat(values, counts))]


def _conditions(session: Session, project_id: int, filters: StatsFilters) -> list[ColumnElement[bool]]:
    version_ids = _versions_of(session, project_id, filters)
    return stats.conditions(project_id, version_ids=version_ids, since=filters.since, until=filters.until)


def _versions_of(session: Session, project_id: int, filters: StatsFilters) -> list[int] | None:
    """Return the ids of the versions asked for, None for all live ones."""
    if filters.references:
        return [prompts.get(session, project_id, reference).id or 0 for reference in filters.references]
    if filters.name is None:
        return None
    prompts.require_name(session, project_id, filters.name)
    return prompts.ids_of_name(session, project_id, filters.name)


def _rows(
    session: Session, project_id: int, by: str, filters: StatsFilters, version_ids: Sequence[int] | None
) -> dict[Any, View]:
    where = stats.conditions(project_id, version_ids=version_ids, since=filters.since, until=filters.until)
    spread = stats.distribution(session, by, where)
    times = stats.percentiles(session, by, where, (50, 95))
    found: dict[Any, View] = {}
    for group, total in stats.totals(session, by, where).items():
        p50, p95 = times.get(group, (None, None))
        found[group] = total | {
            "distribution": stats.spread(spread.get(group, {})),
            "execution_time_p50": p50,
            "execution_time_p95": p95,
        }
    return found


def _named(version: PromptVersion) -> View:
    return {"prompt_version_id": version.id, "name": version.name, "version": version.version}


def _rated(
    session: Session, project_id: int, filters: StatsFilters, version_ids: Sequence[int]
) -> dict[int, list[tuple[float, int]]]:
    where = stats.conditions(project_id, version_ids=version_ids, since=filters.since, until=filters.until)
    return stats.means(session, "version", where)


def _filled(row: View | None, *, interval: bool = False) -> View:
    """Return a stats row in the order of the contract, with rounded numbers; with the interval of the mean if asked."""
    row = row or _EMPTY | {"distribution": stats.spread({})}
    mean, cost = row.get("mean"), row.get("cost_usd")
    return {
        **{name: row[name] for name in _COUNTS},
        "mean": None if mean is None else round(float(mean), 4),
        **({"mean_interval": row.get("mean_interval")} if interval else {}),
        "distribution": row["distribution"],
        "cost_usd": None if cost is None else round(float(cost), 6),
        "unpriced": row["unpriced"],
        "execution_time_p50": row.get("execution_time_p50"),
        "execution_time_p95": row.get("execution_time_p95"),
    }
