"""Where a block is to have so many raters: whole blocks are shared out, kept while somebody is at them, given back."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col, select
from tests.fixtures.review import of, rate, walked

from promptlab.db import claims, review_queue
from promptlab.db.columns import now
from promptlab.db.opinions import Claim
from promptlab.db.review_queue import QueueFilters
from promptlab.services import review
from promptlab.services.lab import Lab


@pytest.fixture
def lab(five_blocks: Lab) -> Lab:
    return five_blocks


def claimed(lab: Lab) -> dict[tuple[int, str], datetime]:
    """Return until when each claim holds, by its block and rater."""
    with lab.database.reading() as session:
        return {(row.block, row.rater): row.expires_at for row in session.exec(select(Claim))}


def let_run_out(lab: Lab, rater: str, *, left: timedelta = -timedelta(seconds=1)) -> None:
    with lab.database.transaction() as session:
        session.execute(update(Claim).where(col(Claim.rater) == rater).values(expires_at=now() + left))


def mine(lab: Lab, rater: str, wanted: int) -> list[int | None]:
    """Return what `queue --mine` lists."""
    filters = QueueFilters(rater=rater, ratings_wanted=wanted)
    with lab.database.reading() as session:
        return [row.id for row in review_queue.page(session, lab.project_id, filters, limit=100, cursor=None).items]


def test_without_a_limit_nobody_claims_anything(lab: Lab) -> None:
    """Everybody may rate everything, and two at once get the same."""
    assert of(lab, "ana").take(3) == of(lab, "ben").take(3) == [1, 2, 3]
    assert claimed(lab) == {}


def test_two_raters_at_once_share_the_blocks_out(lab: Lab) -> None:
    ana, ben = (of(lab, rater, ratings_wanted=1) for rater in ("ana", "ben"))
    assert ana.take(1) == [1]
    assert ben.take(3) == [3, 4, 5]
    assert ana.take(3) == [2, 7, 8]
    assert set(claimed(lab)) == {(0, "ana"), (1, "ben"), (2, "ben"), (3, "ana")}
    assert (mine(lab, "ana", 1), mine(lab, "ben", 1)) == ([1, 2, 7, 8, 9, 10], [3, 4, 5, 6, 9, 10])


def test_a_third_one_gets_what_is_left(lab: Lab) -> None:
    for rater in ("ana", "ben"):
        of(lab, rater, ratings_wanted=2).take(5)
    assert mine(lab, "chi", 2) == walked(of(lab, "chi", ratings_wanted=2)) == [7, 8, 9, 10]
    assert of(lab, "dora", ratings_wanted=3).length() == 10


def test_who_has_rated_in_a_block_is_one_of_its_raters(lab: Lab) -> None:
    """Also without a claim; and goes on with it, though it has as many as are wanted."""
    rate(lab, 1, "ana")
    rate(lab, 2, "ben")
    assert mine(lab, "chi", 2) == list(range(3, 11))
    assert mine(lab, "ana", 1) == [2, *range(3, 11)]
    assert of(lab, "ana", ratings_wanted=1).take(1) == [2]


def test_a_claim_runs_out(lab: Lab) -> None:
    """What somebody has taken and left lying comes to others after half an hour, and is cleared away then."""
    of(lab, "ana", ratings_wanted=1).take(1)
    for until in claimed(lab).values():
        assert timedelta(minutes=29) < until - now() <= claims.LEASE
    let_run_out(lab, "ana")
    assert of(lab, "ben", ratings_wanted=1).take(1) == [1]
    assert set(claimed(lab)) == {(0, "ben")}


def test_each_rating_keeps_the_claims_of_its_rater(lab: Lab) -> None:
    """Those that hold; one that has run out may be another's by now."""
    of(lab, "ana", ratings_wanted=1).take(3)
    of(lab, "ben", ratings_wanted=1).take(1)
    for rater in ("ana", "ben"):
        let_run_out(lab, rater, left=timedelta(minutes=1))
    review.rate(lab, 1, review.Verdict(rater="ana", score=4))
    left = {claim: until - now() > timedelta(minutes=20) for claim, until in claimed(lab).items()}
    assert left == {(0, "ana"): True, (1, "ana"): True, (2, "ben"): False}
    let_run_out(lab, "ana")
    review.rate(lab, 2, review.Verdict(rater="ana", score=4))
    assert claimed(lab)[0, "ana"] < now()


def test_what_was_not_begun_is_given_back_at_the_end(lab: Lab) -> None:
    """What was begun stays the rater's: only who rates both sides says something about them."""
    queue = of(lab, "ana", ratings_wanted=1)
    queue.take(5)
    rate(lab, 1, "ana")
    queue.leave()
    assert claimed(lab) == {}
    assert walked(of(lab, "ben", ratings_wanted=1)) == list(range(3, 11))
    assert of(lab, "ana", ratings_wanted=1).take(2) == [2]


@pytest.mark.parametrize("wanted", [1, 2, 3])
def test_however_many_take_at_once_each_block_has_as_many_raters_as_wanted(lab: Lab, wanted: int) -> None:
    raters = ["ana", "ben", "chi", "dora"]
    queues = {rater: of(lab, rater, ratings_wanted=wanted) for rater in raters}
    with ThreadPoolExecutor(len(raters)) as pool:
        taken = list(pool.map(lambda rater: walked(queues[rater]), raters))
    assert Counter(generation_id for ids in taken for generation_id in ids) == dict.fromkeys(range(1, 11), wanted)
    for ids in taken:
        assert {generation_id + generation_id % 2 for generation_id in ids} == {each for each in ids if each % 2 == 0}
