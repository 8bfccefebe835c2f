"""Where a long-lived process works: known as alive until it leaves, and as dead if what it used there broke."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.fixtures import factories

from promptlab.adapters.storage.local import LocalStorage
from promptlab.services.desk import Desk
from promptlab.services.lab import Lab, Providers
from promptlab.services.lane import Lane
from promptlab.services.ownership import Owner
from promptlab.services.spool import Spool
from promptlab.settings import load

FUTURE = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def lab(sqlite_url: str, tmp_path: Path) -> Iterator[Lab]:
    with factories.opening(sqlite_url) as database:
        yield Lab(
            database=database,
            storage=LocalStorage(tmp_path / "images"),
            spool=Spool(tmp_path / "spool"),
            owner=Owner(tmp_path / "owners"),
            uid="lab",
            project_id=1,
            project="default",
            providers=Providers(load()),
        )


def is_dead(lab: Lab, tmp_path: Path) -> bool:
    with Owner(tmp_path / "owners").take_over(lab.owner.id, FUTURE) as dead:
        return dead


def test_a_desk_that_is_closed_waits_for_its_users_and_leaves_nothing(lab: Lab, tmp_path: Path) -> None:
    desk = Desk(lab)
    assert desk.enter()
    assert not is_dead(lab, tmp_path)
    desk.leave()
    assert not is_dead(lab, tmp_path)
    desk.close()
    assert not desk.enter()
    assert list((tmp_path / "owners").iterdir()) == []


def test_a_desk_that_broke_is_left_like_that_of_a_dead_process_by_its_last_user(lab: Lab, tmp_path: Path) -> None:
    """Others settle what is on it then, at once on this machine; nobody sits down at it any more."""
    desk = Desk(lab)
    assert desk.enter()
    assert desk.enter()
    desk.leave(broken=True)
    assert not desk.enter()
    assert not is_dead(lab, tmp_path)
    desk.leave()
    desk.close()
    assert is_dead(lab, tmp_path)


def test_a_folder_that_cannot_be_written_is_told(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "owners").write_text("in the way")
    with pytest.raises(FileExistsError):
        Desk(lab)


def test_a_lane_that_is_closed_stops_also_what_began_at_a_desk_that_broke_since(lab: Lab) -> None:
    """Whoever waits there to send something again sends nothing more; nor does who comes later."""
    lane = Lane("sketch", lab.providers.limits("sketch"))
    with lane.place(lab) as at_the_old_desk, lane.place(replace(lab)) as at_the_new_desk:
        assert at_the_old_desk is not at_the_new_desk
        lane.close()
        assert at_the_old_desk.stopping.is_set()
        assert at_the_new_desk.stopping.is_set()
    with lane.place(replace(lab)) as later:
        assert later.stopping.is_set()
