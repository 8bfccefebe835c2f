"""`promptlab compare`: says what was planted, whoever rated it in whatever order, and what would tell more."""

from typing import Any

import pytest
from sqlmodel import Session, col, select
from tests import planted
from tests.fixtures import factories
from tests.fixtures.command_line import Promptlab
from tests.planted import RATERS

from promptlab.db.columns import now
from promptlab.db.engine import Database
from promptlab.db.models import Generation, PromptVersion
from promptlab.db.states import GenerationState, VoteAnswer
from promptlab.services import comparison

CANDIDATE = {
    "prompt_version_id", "blocks", "raters", "wins", "ties", "losses", "theta", "interval", "star_difference",
    "verdict", "log_e_better", "log_e_worse", "more_blocks", "completion", "bounds",
}  # fmt: skip
"""The keys that scripts may rely on."""


@pytest.fixture
def bench(database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database that the command line works with too."""
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", database_url)
    return database


def made(session: Session) -> list[Generation]:
    return list(session.exec(select(Generation).order_by(col(Generation.id))))


def plant(
    database: Database, *stars: float, cases: int | None = 30, draws: int = 1, rated: int | None = None, **how: Any
) -> None:
    """Make versions 1, 2, … that are worth so many stars, and let everybody rate the first `rated` generations."""
    with database.transaction() as session:
        ids = planted.versions(session, stars, cases=cases, draws=draws)
        planted.rated(session, made(session)[:rated], dict(zip(ids, stars, strict=True)), **how)


def compared(database: Database, *names: str, by_votes: bool = False) -> Any:
    with database.reading() as session:
        return comparison.compare(session, 1, names[0], names[1:], by_votes=by_votes)


@pytest.mark.parametrize(
    ("stars", "verdict"), [((2.5, 3.5), "better"), ((3.5, 2.5), "worse"), ((3.0, 3.0), "undecided")]
)
def test_what_was_planted_is_what_is_said(
    bench: Database, promptlab: Promptlab, stars: tuple[float, ...], verdict: str
) -> None:
    """By raters of very different severity, of whom one rates nothing twice the same way."""
    plant(bench, *stars)
    found = promptlab("compare", "banner@1", "banner@2", "--json").json
    [candidate] = found["candidates"]
    assert (found["baseline"], found["alpha"], found["source"]) == (1, 0.05, "ratings")
    assert set(candidate) >= CANDIDATE
    assert (candidate["verdict"], candidate["blocks"], candidate["raters"]) == (verdict, 30, 3)
    assert candidate["wins"] + candidate["ties"] + candidate["losses"] == 30
    assert candidate["interval"][0] < candidate["theta"] < candidate["interval"][1]
    assert abs(candidate["star_difference"] - (stars[1] - stars[0])) < 0.4
    assert candidate["completion"] == {"baseline": 1.0, "candidate": 1.0}
    assert candidate["bounds"] == candidate["interval"]
    assert candidate["paired_by"] == "case"


def test_who_is_severe_does_not_matter(bench: Database) -> None:
    """A severe rater who saw more of the better version takes nothing from it: raters are not compared."""
    plant(bench, 2.5, 3.5, raters={"ana": 0.0})
    before = compared(bench, "banner@1", "banner@2")
    with bench.transaction() as session:
        for row in made(session):
            if row.prompt_version_id == 2:
                factories.rating(session, row, 1, rater="ben")
    after = compared(bench, "banner@1", "banner@2")
    for name in ("theta", "interval", "blocks", "star_difference", "raters"):
        assert after["candidates"][0][name] == before["candidates"][0][name]


def test_the_order_of_arrival_does_not_matter(bench: Database) -> None:
    """Nor does what was said before and taken back by rating again."""
    plant(bench, 3.0, 3.4, cases=12, raters={"ana": 0.0, "ben": 0.0})
    before = compared(bench, "banner@1", "banner@2")
    with bench.transaction() as session:
        for row in reversed(made(session)):
            for rater in ("ben", "ana"):
                score = _score(session, row, rater)
                factories.rating(session, row, 6 - score, rater=rater)
                factories.rating(session, row, score, rater=rater)
    after = compared(bench, "banner@1", "banner@2")
    assert [view | {"history": None} for view in before["candidates"]] == [
        view | {"history": None} for view in after["candidates"]
    ]


def _score(session: Session, row: Generation, rater: str) -> int:
    from promptlab.db import ratings

    found = ratings.current(session, row.id or 0, rater)
    assert found is not None
    return found.score


def test_draws_of_a_case_count_by_their_mean(bench: Database) -> None:
    """A rater's mean of the candidate's draws against that of the baseline's, one block a case."""
    with bench.transaction() as session:
        planted.versions(session, (1, 1), cases=1, draws=2)
        for row, score in zip(made(session), (5, 1, 3, 4), strict=True):
            factories.rating(session, row, score)
    [candidate] = compared(bench, "1", "2")["candidates"]
    assert (candidate["blocks"], candidate["wins"], candidate["star_difference"]) == (1, 1, 0.5)


def test_open_cases_are_counted_and_bound_what_can_come(bench: Database, promptlab: Promptlab) -> None:
    plant(bench, 2.0, 4.0, cases=20, rated=20, raters={"ana": 0.0})
    with bench.transaction() as session:
        factories.rating(session, made(session)[-1], 5)  # one side only: no block
        factories.generation(session, prompt_version_id=2, state=GenerationState.FAILED)
    [candidate] = promptlab("compare", "1", "2", "--json").json["candidates"]
    assert (candidate["blocks"], candidate["shared_blocks"]) == (10, 20)
    assert candidate["completion"] == {"baseline": 0.5, "candidate": 0.55}
    assert candidate["bounds"][0] < candidate["interval"][0]
    assert "were 10 open cases all lost or all won" in promptlab("compare", "1", "2").out


def test_versions_without_any_case_are_paired_by_number(bench: Database, promptlab: Promptlab) -> None:
    """The first image of one with the first of the other, and the output says so."""
    plant(bench, 2.0, 4.0, cases=None, draws=15, raters={"ana": 0.0}, noise=0.2)
    [candidate] = promptlab("compare", "1", "2", "--json").json["candidates"]
    assert (candidate["paired_by"], candidate["blocks"], candidate["verdict"]) == ("number", 15, "better")
    shown = promptlab("compare", "1", "2").out
    assert "paired by number" in shown
    assert "15 of 15 pairs in common" in shown


def test_versions_that_share_no_case_are_not_compared(bench: Database, promptlab: Promptlab) -> None:
    """That is said with what to run, and is no error."""
    with bench.transaction() as session:
        planted.versions(session, (1,), cases=3)
        planted.versions(session, (1,), cases=3)
        planted.versions(session, (1,), cases=None, draws=2)
    for other in ("banner@2", "banner@3"):
        found = promptlab("compare", "banner@1", other, "--json").json["candidates"][0]
        assert (found["paired_by"], found["blocks"], found["verdict"], found["theta"]) == (None, 0, "undecided", None)
        shown = promptlab("compare", "banner@1", other).out
        assert "agree" not in shown
        assert f"{other} and banner@1 have no case in common, so they are not compared." in shown
        command = f"promptlab batch run --prompt-version banner@1 --prompt-version {other} --cases FILE"
        assert found["next"] == command
        assert command in shown


def test_without_ratings_it_says_what_to_do(bench: Database, promptlab: Promptlab) -> None:
    with bench.transaction() as session:
        planted.versions(session, (1, 1), cases=3)
    shown = promptlab("compare", "1", "2").out
    assert "Not known yet: nobody has rated both banner@2 and banner@1 on the same case." in shown
    assert "promptlab rate" in shown
    assert "none of 3 cases in common yet" in shown
    assert "too few rated the same" in shown
    assert "too few voted on the same" in promptlab("compare", "1", "2", "--votes").out


def test_where_too_few_cases_are_open_it_says_that_new_ones_are_needed(bench: Database, promptlab: Promptlab) -> None:
    """Not as long as those that are open may tell; a file with more cases is what brings them."""
    with bench.transaction() as session:
        planted.versions(session, (1, 1), cases=20)
        for place, row in enumerate(made(session)[:36]):  # 10 wins, 8 losses
            won = place // 2 < 10
            factories.rating(session, row, 4 if (row.prompt_version_id == 2) == won else 2)
    found = promptlab("compare", "1", "2", "--json").json["candidates"][0]
    assert found["more_blocks"][0] > found["shared_blocks"] - found["blocks"] == 2
    assert found["next"] == "promptlab batch run --prompt-version banner@1 --prompt-version banner@2 --cases FILE"
    said = "needed: the 2 open cases will likely not do; give a file with more cases"
    for command, code in ((("compare",), 0), (("gate", "--min-blocks", "40"), 11)):
        assert said in " ".join(promptlab(*command, "1", "2", code=code).out.split())


def test_several_candidates_share_the_risk_of_a_false_verdict(bench: Database, promptlab: Promptlab) -> None:
    """Each interval is wider than it would be alone, in any order of the references, and the output says so."""
    plant(bench, 2.5, 3.5, 2.6, cases=15)
    alone = compared(bench, "1", "2")["candidates"][0]
    third, second = compared(bench, "1", "3", "2")["candidates"]
    assert (third["prompt_version_id"], second["prompt_version_id"]) == (3, 2)
    assert second["alpha"] == 0.025
    assert second["theta"] == alone["theta"]
    assert second["interval"][0] < alone["interval"][0] < alone["interval"][1] <= second["interval"][1]
    shown = promptlab("compare", "1", "3", "2").out
    assert "Each interval holds at 97.5%, so all 2 verdicts together hold at 95%" in " ".join(shown.split())


def test_a_version_is_named_once(bench: Database, promptlab: Promptlab) -> None:
    with bench.transaction() as session:
        planted.versions(session, (1, 1), cases=1)
    for names in (("1", "banner@1"), ("banner", "1", "2"), ("1", "1")):
        assert "is named twice" in promptlab("compare", *names, "--json", code=2).error["message"]
    promptlab("compare", "1", "banner@9", code=3)
    promptlab("compare", "1", code=2)


def test_a_deleted_version_can_be_compared_and_that_is_told(bench: Database, promptlab: Promptlab) -> None:
    """On stderr, with the command that brings it back; a gate tells it too, and the exit codes stay what they are."""
    plant(bench, 2.5, 3.5, cases=10)
    with bench.transaction() as session:
        deleted = session.get_one(PromptVersion, 1)
        deleted.deleted_at = now()
    for names in (("1", "2"), ("banner@2", "banner@1")):
        ran = promptlab("compare", *names, "--json")
        assert (ran.json["candidates"][0]["blocks"], ran.json["deleted"]) == (10, ["banner@1"])
        assert ran.err == "Warning: banner@1 is deleted; `promptlab prompt restore banner@1` brings it back.\n"
    gate = promptlab("gate", "1", "2", code=None)
    assert gate.code in {0, 10, 11}
    assert "banner@1 is deleted; `promptlab prompt restore banner@1` brings it back." in gate.err
    promptlab("prompt", "restore", "banner@1")
    assert promptlab("compare", "1", "2").err == ""


def vote_all(session: Session, answers: dict[str, list[VoteAnswer]]) -> None:
    """Let raters vote on case after case of versions 1 and 2; in every second one 2 is on the left."""
    rows = made(session)
    for rater, given in answers.items():
        for place, answer in enumerate(given):
            first, second = rows[2 * place], rows[2 * place + 1]
            if place % 2:
                first, second = second, first
                turned = {VoteAnswer.LEFT: VoteAnswer.RIGHT, VoteAnswer.RIGHT: VoteAnswer.LEFT}
                answer = turned.get(answer, answer)  # noqa: PLW2901 - the same answer from the other side
            planted.voted(session, first, second, answer, rater)


def test_votes_are_resolved_to_baseline_and_candidate(bench: Database, promptlab: Promptlab) -> None:
    """Whichever side each was on; both bad counts as a tie, and is counted."""
    with bench.transaction() as session:
        planted.versions(session, (1, 1), cases=20)
        right = [VoteAnswer.RIGHT] * 14
        vote_all(
            session,
            {"ana": [*right, VoteAnswer.LEFT, VoteAnswer.TIE, VoteAnswer.BOTH_BAD], "ben": [*right, VoteAnswer.LEFT]},
        )
    found = promptlab("compare", "1", "2", "--votes", "--json").json
    [candidate] = found["candidates"]
    assert found["source"] == "votes"
    assert (candidate["wins"], candidate["ties"], candidate["losses"]) == (14, 2, 1)
    assert (candidate["both_bad"], candidate["raters"], candidate["verdict"]) == (1, 2, "better")
    assert (candidate["star_difference"], candidate["agreement"]["alpha"]) == (None, 1.0)
    assert candidate["completion"] == {"baseline": 0.85, "candidate": 0.85}  # of the cases in common
    [turned] = promptlab("compare", "2", "1", "--votes", "--json").json["candidates"]
    assert (turned["wins"], turned["losses"], turned["verdict"]) == (1, 14, "worse")
    assert "promptlab vote banner@1 banner@2" not in promptlab("compare", "1", "2", "--votes").out


def test_ratings_and_votes_stand_side_by_side(bench: Database, promptlab: Promptlab) -> None:
    plant(bench, 2.5, 3.5, cases=20)
    assert compared(bench, "1", "2")["candidates"][0]["votes"] is None
    with bench.transaction() as session:
        vote_all(session, {"ana": [VoteAnswer.RIGHT] * 16})
    found = promptlab("compare", "1", "2", "--json").json["candidates"][0]
    assert (found["verdict"], found["votes"]["verdict"], found["votes"]["wins"]) == ("better", "better", 16)
    assert "votes say" in promptlab("compare", "1", "2").out


def test_votes_between_several_versions_make_a_ladder(bench: Database, promptlab: Promptlab) -> None:
    with bench.transaction() as session:
        planted.versions(session, (1, 1, 1), cases=12)
        rows = made(session)
        for place in range(12):
            first, second, third = rows[3 * place : 3 * place + 3]
            for left, right in ((first, second), (second, third), (third, first)):
                better = left if left.prompt_version_id > right.prompt_version_id else right
                answer = VoteAnswer.LEFT if (better is left) == (place > 2) else VoteAnswer.RIGHT
                planted.voted(session, left, right, answer, rater="ana" if place % 2 else "ben")
    found = promptlab("compare", "1", "2", "3", "--votes", "--json").json["ladder"]
    assert [step["version"] for step in found["versions"]] == [3, 2, 1]
    assert found["connected"]
    assert found["without_votes"] == []
    shown = promptlab("compare", "1", "2", "3", "--votes").out
    assert "BY ALL VOTES" in shown
    assert "STANDARD ERROR" in shown
    assert "An order, no verdict" in shown
    assert "Without votes" not in shown


def test_a_ladder_names_the_versions_that_have_no_votes(bench: Database, promptlab: Promptlab) -> None:
    """Where the baseline is one of them nothing stands beside it, and that is said instead."""
    with bench.transaction() as session:
        planted.versions(session, (1, 1, 1), cases=4)
        for place in range(4):
            left, right, _ = made(session)[3 * place : 3 * place + 3]
            planted.voted(session, left, right, VoteAnswer.RIGHT, rater="ana")
    asked = ("compare", "1", "2", "3", "--votes")
    found = promptlab(*asked, "--json").json["ladder"]
    assert ([step["version"] for step in found["versions"]], found["without_votes"]) == ([2, 1], ["banner@3"])
    assert "Without votes among these, banner@3 stands in no order." in promptlab(*asked).out
    asked = ("compare", "3", "1", "2", "--votes")
    assert promptlab(*asked, "--json").json["ladder"]["without_votes"] == ["banner@3"]
    assert "No ladder beside banner@3: nobody has voted on it and another of these." in promptlab(*asked).out


def test_a_plot_shows_how_it_became_known(
    bench: Database, promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At twice as many cases each time; the last interval is the one that holds."""
    plant(bench, 2.5, 3.5, cases=20, raters={"ana": RATERS["ana"]})
    [candidate] = promptlab("compare", "1", "2", "--json").json["candidates"]
    assert [look["blocks"] for look in candidate["history"]] == [1, 2, 5, 10, 20]
    assert candidate["history"][-1]["interval"] == candidate["interval"]
    assert promptlab("compare", "1", "2").out.count("├") == 5
