"""`promptlab stats`: how far a mean is known, how raters stand beside each other, and what changed over time."""

from datetime import UTC, datetime

import pytest
from sqlmodel import col, select
from tests import planted
from tests.fixtures import factories
from tests.fixtures.command_line import Promptlab
from tests.planted import RATERS

from promptlab.db.engine import Database
from promptlab.db.models import Generation


@pytest.fixture
def bench(database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database that the command line works with too."""
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", database_url)
    return database


def plant(database: Database, *, cases: int = 20) -> None:
    with database.transaction() as session:
        [version] = planted.versions(session, [3.0], cases=cases)
        mine = select(Generation).where(col(Generation.prompt_version_id) == version)
        rows = list(session.exec(mine.order_by(col(Generation.id))))
        planted.rated(session, rows, {version: 3.0}, noise=0.3)


def test_a_version_has_the_interval_of_its_mean(bench: Database, promptlab: Promptlab) -> None:
    """Around the mean, narrower with more generations; none where nothing is rated."""
    plant(bench)
    with bench.transaction() as session:
        factories.generation(session, prompt_version_id=factories.version(session).id)
    unrated, rated = promptlab("stats", "--json").json["items"]
    assert unrated["mean_interval"] is None
    low, high = rated["mean_interval"]
    assert 1 < low < rated["mean"] < high < 5
    assert f"{low:.1f} to {high:.1f}" in promptlab("stats").out
    plant(bench, cases=60)
    wider = high - low
    low, high = promptlab("stats", "--json").json["items"][0]["mean_interval"]
    assert high - low < wider


def test_raters_are_shown_beside_the_others(bench: Database, promptlab: Promptlab) -> None:
    """By how many stars they differ on the same images, how far they agree, and how long they look."""
    plant(bench)
    with bench.transaction() as session:
        alone = factories.generation(session)
        factories.rating(session, alone, 5, rater="dora", duration_ms=2500)
        for duration in (1000, 3000, 90_000):
            factories.rating(session, factories.generation(session), 5, rater="ana", duration_ms=duration)
    items = {item["rater"]: item for item in promptlab("stats", "--by", "rater", "--json").json["items"]}
    for rater, severity in RATERS.items():
        others = [other for name, other in RATERS.items() if name != rater]
        assert items[rater]["deviation"] == pytest.approx(severity - sum(others) / 2, abs=0.4)
        assert items[rater]["shared"] == 20
        assert -1 <= items[rater]["agreement"] <= 1
    assert items["dora"] == items["dora"] | {"deviation": None, "shared": 0, "agreement": None, "seconds": 2.5}
    assert (items["ana"]["seconds"], items["ben"]["seconds"]) == (3.0, None)
    shown = promptlab("stats", "--by", "rater").out.splitlines()
    assert shown[0].split() == ["RATER", "RATED", "MEAN", "1-5", "THAN", "OTHERS", "AGREES", "SECONDS"]


def test_without_others_there_is_nothing_beside_a_rater(bench: Database, promptlab: Promptlab) -> None:
    with bench.transaction() as session:
        factories.rating(session, factories.generation(session), 5)
    assert promptlab("stats", "--by", "rater").out.splitlines()[0].split() == ["RATER", "RATED", "MEAN", "1-5"]


def test_what_changed_from_day_to_day_is_marked(bench: Database, promptlab: Promptlab) -> None:
    """By how much the mean went up or down since the row before that has one."""
    with bench.transaction() as session:
        for day, score in ((1, 2), (2, 4), (3, None), (4, 3)):
            row = factories.generation(session, created_at=datetime(2026, 11, day, tzinfo=UTC))
            if score is not None:
                factories.rating(session, row, score)
    items = promptlab("stats", "--by", "day", "--json").json["items"]
    assert [item["change"] for item in items] == [None, 2.0, None, -1.0]
    lines = promptlab("stats", "--by", "day").out.splitlines()
    assert "CHANGE" in lines[0]
    assert ["▲ +2.00" in lines[2], "▼ -1.00" in lines[4]] == [True, True]
    assert "change" not in promptlab("stats", "--json").json["items"][0]
