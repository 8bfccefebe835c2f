"""Times and durations as people write them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.errors import InvalidInput
from promptlab.settings.durations import parse_duration, parse_time


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5min", 300), ("5m", 300), ("12h", 43200), ("7d", 604800), (" 2W ", 1209600)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


def test_a_time_may_be_how_long_ago() -> None:
    assert abs(parse_time("7d") - (datetime.now(UTC) - timedelta(days=7))) < timedelta(minutes=1)


@pytest.mark.parametrize("text", ["2026-05-01T12:30:00Z", "2026-05-01T14:30:00+02:00"])
def test_a_time_may_be_iso_8601_with_its_zone(text: str) -> None:
    assert parse_time(text) == datetime(2026, 5, 1, 12, 30, tzinfo=UTC)


def test_a_time_without_a_zone_is_this_machines() -> None:
    assert parse_time("2026-05-01") == datetime(2026, 5, 1).astimezone(UTC)


@given(st.text())
def test_any_other_text_is_refused_in_a_sentence(text: str) -> None:
    for parse in (parse_duration, parse_time):
        try:
            parse(text)
        except InvalidInput as error:
            assert error.message
