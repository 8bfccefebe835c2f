"""Cursors: opaque to people, and only those that a page has printed are taken."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from promptlab.db.columns import MAX_ID
from promptlab.db.pages import decode_cursor, encode_cursor
from promptlab.errors import InvalidInput

IDS = st.integers(min_value=0, max_value=MAX_ID)
PLACES = st.integers(min_value=0, max_value=2**63 - 1)
TIMES = st.datetimes(timezones=st.just(UTC))


@given(IDS)
def test_a_cursor_holds_the_last_id(last_id: int) -> None:
    assert decode_cursor(encode_cursor(last_id)) == (last_id, None)


@given(IDS, TIMES)
@example(1, datetime.min.replace(tzinfo=UTC))
@example(1, datetime.max.replace(tzinfo=UTC))
def test_a_cursor_by_time_holds_the_time_to_the_microsecond(last_id: int, time: datetime) -> None:
    assert decode_cursor(encode_cursor(last_id, time), timed=True) == (last_id, time)


@given(IDS, PLACES)
def test_a_cursor_by_place_holds_the_place(last_id: int, place: int) -> None:
    assert decode_cursor(encode_cursor(last_id, place), placed=True) == (last_id, place)
    assert_refused(encode_cursor(last_id, place))
    assert_refused(encode_cursor(last_id), placed=True)
    assert_refused(encoded(f"after:{last_id}#{2**63 + place}".encode()), placed=True)


def assert_refused(cursor: str, **order: bool) -> None:
    with pytest.raises(InvalidInput, match="is not a cursor of this list"):
        decode_cursor(cursor, **order)


def test_a_cursor_can_stand_in_a_url_and_in_a_shell() -> None:
    assert encode_cursor(7, datetime(2026, 11, 24, tzinfo=UTC)).isalnum()


@given(IDS, TIMES)
def test_a_cursor_of_another_order_is_refused(last_id: int, time: datetime) -> None:
    """With and without --since a list has different orders, so going on in the other one would skip rows."""
    for cursor, timed in ((encode_cursor(last_id), True), (encode_cursor(last_id, time), False)):
        with pytest.raises(InvalidInput, match="is not a cursor of this list"):
            decode_cursor(cursor, timed=timed)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()


TEXTS = st.one_of(
    st.text(),
    st.text(st.characters(categories=["Cs"])),
    st.binary(max_size=40).map(encoded),
    st.from_regex(r"after:-?\d{0,30}(@-?\d{0,30})?").map(lambda text: encoded(text.encode())),
)


@given(text=TEXTS, timed=st.booleans())
@example(text="", timed=False)
@example(text="====", timed=True)
@example(text=encode_cursor(2**31), timed=False)
@example(text=encode_cursor(10**30), timed=False)
@example(text=encoded("after:٣".encode()), timed=False)
@example(text=encoded(b"after:1@999999999999999999"), timed=True)
@example(text=encoded(b"after:1#1"), timed=False)
def test_any_other_text_is_refused_with_a_sentence(text: str, timed: bool) -> None:
    """Nothing that is typed ends in a traceback or in a number that the database cannot hold."""
    try:
        last_id, time = decode_cursor(text, timed=timed)
    except InvalidInput as error:
        assert error.hint is not None
    else:
        assert 0 <= last_id <= MAX_ID
        assert (time is not None) == timed
