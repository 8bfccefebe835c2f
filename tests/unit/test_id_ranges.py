"""Ids as a person reads and types them."""

import pytest

from promptlab.errors import InvalidInput
from promptlab.services.id_ranges import as_ranges, from_ranges


@pytest.mark.parametrize(
    ("ids", "text"),
    [([5], "5"), ([5, 4], "4 5"), ([4, 5, 6], "4-6"), ([9, 1, 2, 3, 7, 8, 9], "1-3 7-9"), ([1, 3, 5], "1 3 5")],
)
def test_what_is_written_is_read_back(ids: list[int], text: str) -> None:
    assert as_ranges(ids) == text
    assert from_ranges(text.split()) == sorted(set(ids))


@pytest.mark.parametrize("text", ["", "x", "-3", "3-", "3-x", "5-4", "1-20000", "1.5", "٣", "1-2-3", "9" * 30])
def test_what_is_no_range_is_a_sentence(text: str) -> None:
    with pytest.raises(InvalidInput, match="is no "):
        from_ranges([text])
