"""Several raters at once, each in a real terminal: nothing is lost, undo takes back one's own, shares are right."""

from collections import Counter
from collections.abc import Sequence

import pexpect
import pytest
from sqlmodel import col, select
from tests.fixtures.batches import make_cases
from tests.fixtures.command_line import Promptlab
from tests.fixtures.factories import opening
from tests.fixtures.rating_loop import Loop

from promptlab.db.models import Generation
from promptlab.db.opinions import Rating
from promptlab.db.review_order import block_of

CASES, VERSIONS = 4, 2


@pytest.fixture(autouse=True)
def url(promptlab: Promptlab, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Two versions with an image of each of four cases; every test runs once on SQLite and once on PostgreSQL."""
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", database_url)
    for text in ("a {{ subject }}", "one {{ subject }}"):
        promptlab("prompt", "create", "poster", "--provider", "sketch", "--user", text)
    versions = [word for number in (1, 2) for word in ("--prompt-version", f"poster@{number}")]
    promptlab("batch", "run", *versions, "--cases", make_cases(CASES))
    return database_url


def ratings(url: str) -> Sequence[tuple[str, int, int]]:
    """Return who has rated what how, the oldest first: rater, generation and score of each current rating."""
    with opening(url) as database, database.reading() as session:
        statement = select(Rating).where(col(Rating.superseded_at).is_(None)).order_by(col(Rating.id))
        return [(row.rater, row.generation_id, row.score) for row in session.exec(statement)]


def blocks(url: str) -> dict[int, int]:
    """Return the block of each generation."""
    with opening(url) as database, database.reading() as session:
        return {row.id or 0: block_of(row.review_position) for row in session.exec(select(Generation))}


def answer(terminal: "pexpect.spawn[str]", key: str) -> None:
    """Press a key once there is something to rate, and wait until the terminal says what was recorded."""
    terminal.expect("q quit")
    terminal.send(key)
    terminal.expect(rf"\n{key} (failed|poor|acceptable|good|excellent)")


def test_two_raters_at_once_rate_everything_each(url: str, loop: Loop) -> None:
    """Turn by turn, in the same order; the mean of each generation is that of both."""
    terminals = {rater: loop("--rater", rater) for rater in ("ana", "ben")}
    for _place in range(CASES * VERSIONS):
        for rater, terminal in terminals.items():
            answer(terminal, "5" if rater == "ana" else "2")
    for terminal in terminals.values():
        terminal.expect("That was the last one")
    found = ratings(url)
    assert Counter(rater for rater, _id, _score in found) == {"ana": 8, "ben": 8}
    assert [id_ for rater, id_, _score in found if rater == "ana"] == [id_ for who, id_, _ in found if who == "ben"]
    with opening(url) as database, database.reading() as session:
        assert set(session.exec(select(Generation.result_rating))) == {3.5}


def test_where_one_rater_is_enough_two_share_whole_blocks_out(
    url: str, loop: Loop, promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has one side of a case gets the other; at the end every case was rated once, by one person."""
    limit = {"PROMPTLAB_RATINGS_PER_GENERATION": "1"}
    terminals = {rater: loop("--rater", rater, **limit) for rater in ("ana", "ben")}
    for terminal in terminals.values():
        terminal.expect("q quit")
    for key in "4514":
        for terminal in terminals.values():
            terminal.send(key)
            terminal.expect("q quit|That was the last one")
    for terminal in terminals.values():
        terminal.send("q")
        terminal.expect(pexpect.EOF)
    waiting = promptlab("queue", "--mine", "--rater", "chi", "--json").json["items"]
    assert len(waiting) == CASES * VERSIONS, "without the limit it would be everything"
    monkeypatch.setenv("PROMPTLAB_RATINGS_PER_GENERATION", "1")
    assert promptlab("queue", "--mine", "--rater", "chi", "--json").json["items"] == []
    of_block: dict[int, list[str]] = {}
    for rater, generation_id, _score in ratings(url):
        of_block.setdefault(blocks(url)[generation_id], []).append(rater)
    assert sorted(map(len, of_block.values())) == [2] * CASES
    assert all(len(set(raters)) == 1 for raters in of_block.values())
    assert len({raters[0] for raters in of_block.values()}) == 2


def test_no_rating_is_lost_when_a_terminal_dies_right_after_its_answer(url: str, loop: Loop) -> None:
    """While another rater goes on; and the block that was begun comes first the next time."""
    other = loop("--rater", "ben")
    for place in range(1, 5):
        terminal = loop("--rater", "ana")
        answer(terminal, "4")
        terminal.close(force=True)
        answer(other, "1")
        mine = [id_ for rater, id_, _score in ratings(url) if rater == "ana"]
        assert len(mine) == place
        assert len({blocks(url)[id_] for id_ in mine}) == (place + 1) // 2
    assert Counter(rater for rater, _id, _score in ratings(url)) == {"ana": 4, "ben": 4}


def test_undo_takes_back_what_its_rater_has_said_and_nothing_else(url: str, loop: Loop) -> None:
    """Back over the whole session, while another rates the same."""
    ana, ben = loop("--rater", "ana"), loop("--rater", "ben")
    for key in "543":
        answer(ana, key)
        answer(ben, "1")
    for _step in range(2):
        ana.expect("q quit")
        ana.send("u")
        ana.expect("Undone")
    answer(ben, "2")
    answer(ana, "2")
    ana.expect("q quit")
    found = ratings(url)
    assert [score for rater, _id, score in found if rater == "ana"] == [5, 2]
    assert [score for rater, _id, score in found if rater == "ben"] == [1, 1, 1, 2]
    assert [id_ for rater, id_, _ in found if rater == "ana"] == [id_ for rater, id_, _ in found if rater == "ben"][:2]
