"""Aggregates: the database counts what plain Python counts over the same rows."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from math import ceil
from statistics import fmean
from typing import Any

import pytest
from sqlmodel import Session, col, select
from tests.fixtures import factories
from tests.fixtures.factories import DEFAULT_PROJECT

from promptlab.db import stats
from promptlab.db.columns import now
from promptlab.db.engine import Database
from promptlab.db.models import Generation, PromptVersion
from promptlab.db.opinions import Rating
from promptlab.db.states import GenerationState

START = datetime(2024, 12, 20, tzinfo=UTC)  # the turn of a year, and of the ISO year, lies in the data
DAYS = 60
MAY_COST = (GenerationState.SUCCEEDED, GenerationState.FAILED, GenerationState.UNKNOWN)
RATERS = ("ana", "ben", "eva")


@pytest.fixture
def filled(database: Database) -> Database:
    """A database with generations of five versions over two months; the seed makes it the same every time."""
    dice = random.Random(7)
    with database.transaction() as session:
        batch_id = factories.batch(session).id
        versions = [
            factories.version(session, name=dice.choice("ab"), provider=dice.choice("pq"), model=dice.choice("mno"))
            for _number in range(5)
        ]
        for _number in range(70):
            row = factories.generation(
                session,
                prompt_version_id=dice.choice(versions).id,
                batch_id=batch_id,
                state=dice.choice([*GenerationState, *[GenerationState.SUCCEEDED] * 5]),
                execution_time=dice.choice([None, dice.randrange(20)]),
                cost_usd=dice.choice([None, 0, 0.04, 0.000001]),
                created_at=START + timedelta(seconds=dice.randrange(DAYS * 86_400)),
            )
            if row.state is GenerationState.SUCCEEDED:
                for rater in RATERS[: dice.randrange(4)]:
                    for _time in range(dice.randrange(1, 3)):
                        factories.rating(session, row, dice.randrange(1, 6), rater=rater)
        versions[0].deleted_at = now()
        session.add(versions[0])
        theirs = factories.generation(session, project_id=factories.project(session))
        factories.rating(session, theirs, 1)
    return database


def _monday(moment: datetime) -> str:
    year, week, _day = moment.isocalendar()
    return date.fromisocalendar(year, week, 1).isoformat()


KEYS: dict[str, Callable[[Generation, PromptVersion], Any]] = {
    "version": lambda row, version: version.id,
    "provider": lambda row, version: version.provider,
    "model": lambda row, version: version.model,
    "day": lambda row, version: row.created_at.date().isoformat(),
    "week": lambda row, version: _monday(row.created_at),
    "month": lambda row, version: row.created_at.strftime("%Y-%m"),
}


def rows_of(session: Session, *, live: bool = True) -> list[tuple[Generation, PromptVersion]]:
    found = session.exec(select(Generation, PromptVersion).join(PromptVersion)).all()
    return [
        (row, version)
        for row, version in found
        if row.project_id == DEFAULT_PROJECT and not (live and version.deleted_at)
    ]


def grouped(session: Session, by: str) -> dict[Any, list[Generation]]:
    groups: dict[Any, list[Generation]] = defaultdict(list)
    for row, version in rows_of(session):
        groups[KEYS[by](row, version)].append(row)
    return groups


def everything() -> list[Any]:
    return stats.conditions(DEFAULT_PROJECT, version_ids=None, since=None, until=None)


def _total(values: Iterable[float | None]) -> Any:
    known = [value for value in values if value is not None]
    return pytest.approx(sum(known)) if known else None


def _totals(rows: list[Generation]) -> dict[str, Any]:
    succeeded = [row for row in rows if row.state is GenerationState.SUCCEEDED]
    means = [row.result_rating for row in rows if row.result_rating is not None]
    return {
        "generations": len(rows),
        **{state.value: sum(row.state is state for row in rows) for state in stats.COUNTED_STATES},
        "rated": sum(row.result_rating is not None for row in succeeded),
        "unrated": sum(row.result_rating is None for row in succeeded),
        "mean": pytest.approx(fmean(means)) if means else None,
        "cost_usd": _total(row.cost_usd for row in rows),
        "unpriced": sum(row.cost_usd is None and row.state in MAY_COST for row in rows),
    }


def _nearest_rank(values: list[int], percent: int) -> int:
    return sorted(values)[max(ceil(percent / 100 * len(values)), 1) - 1]


def _plain(number: Any) -> Any:
    return float(number) if number is not None and not isinstance(number, int) else number


def test_counts_means_and_costs_are_those_of_the_rows(filled: Database) -> None:
    """By every group, with the same keys in both databases: `2024-12-30` is a day, or the week's Monday."""
    with filled.reading() as session:
        for by in stats.GROUPS:
            found = stats.totals(session, by, everything())
            plain = {group: {name: _plain(value) for name, value in row.items()} for group, row in found.items()}
            assert plain == {group: _totals(rows) for group, rows in grouped(session, by).items()}, by


def test_distributions_count_current_ratings(filled: Database) -> None:
    with filled.reading() as session:
        for by in stats.GROUPS:
            scores = {group: _scores(session, [row.id for row in rows]) for group, rows in grouped(session, by).items()}
            wanted = {group: Counter(given) for group, given in scores.items() if given}
            assert stats.distribution(session, by, everything()) == wanted, by


def _scores(session: Session, ids: list[int | None], rater: str | None = None) -> list[int]:
    rows = session.exec(select(Rating).where(col(Rating.generation_id).in_(ids), col(Rating.superseded_at).is_(None)))
    return [row.score for row in rows if rater in {None, row.rater}]


def test_percentiles_are_nearest_ranks_of_successes(filled: Database) -> None:
    asked = (1, 50, 95, 100)
    with filled.reading() as session:
        for by in stats.GROUPS:
            times = {group: _times(rows) for group, rows in grouped(session, by).items()}
            wanted = {
                group: tuple(_nearest_rank(taken, percent) for percent in asked)
                for group, taken in times.items()
                if taken
            }
            assert stats.percentiles(session, by, everything(), asked) == wanted, by


def _times(rows: list[Generation]) -> list[int]:
    succeeded = [row.execution_time for row in rows if row.state is GenerationState.SUCCEEDED]
    return [time for time in succeeded if time is not None]


def test_raters_are_counted_by_what_they_say_now(filled: Database) -> None:
    """Each with the number of generations rated, the mean of these scores, and how often each was given."""
    with filled.reading() as session:
        ids = [row.id for row, _version in rows_of(session)]
        wanted = {}
        for rater in RATERS:
            scores = _scores(session, ids, rater)
            wanted[rater] = {
                "rated": len(scores),
                "mean": pytest.approx(fmean(scores)),
                "distribution": Counter(scores),
            }
        assert stats.by_rater(session, everything()) == wanted


def test_aggregates_are_narrowed_to_versions_and_times(filled: Database) -> None:
    """Versions that are named count though they are deleted; `since` is included, `until` is not."""
    with filled.reading() as session:
        rows = rows_of(session, live=False)
        moments = sorted(row.created_at for row, _version in rows)
        since, until = moments[15], moments[55]
        ids = sorted({row.prompt_version_id for row, _version in rows})[:2]
        narrowed = stats.conditions(DEFAULT_PROJECT, version_ids=ids, since=since, until=until)
        wanted = [row for row, _version in rows if row.prompt_version_id in ids and since <= row.created_at < until]
        found = stats.totals(session, "version", narrowed)
        assert wanted
        assert sum(row["generations"] for row in found.values()) == len(wanted)
        none = stats.conditions(DEFAULT_PROJECT, version_ids=[], since=None, until=None)
        assert stats.totals(session, "version", none) == {}
        assert stats.by_rater(session, none) == {}


@pytest.mark.parametrize(
    ("moment", "day", "week", "month"),
    [
        ("2026-11-24T00:00:00+00:00", "2026-11-24", "2026-11-23", "2026-11"),
        ("2026-11-23T00:00:00+00:00", "2026-11-23", "2026-11-23", "2026-11"),
        ("2026-11-29T23:59:59.999999+00:00", "2026-11-29", "2026-11-23", "2026-11"),
        ("2027-01-01T00:30:00+02:00", "2026-12-31", "2026-12-28", "2026-12"),
        ("2026-12-31T22:30:00-02:00", "2027-01-01", "2026-12-28", "2027-01"),
        ("2024-02-29T12:00:00+00:00", "2024-02-29", "2024-02-26", "2024-02"),
    ],
)
def test_days_weeks_and_months_are_those_of_utc(
    database_url: str, monkeypatch: pytest.MonkeyPatch, moment: str, day: str, week: str, month: str
) -> None:
    """Whatever zone the server is in; a week is named by its Monday."""
    monkeypatch.setenv("PGTZ", "Pacific/Auckland")
    with factories.opening(database_url) as database, database.transaction() as session:
        factories.generation(session, created_at=datetime.fromisoformat(moment))
        for by, key in {"day": day, "week": week, "month": month}.items():
            assert list(stats.totals(session, by, everything())) == [key]
