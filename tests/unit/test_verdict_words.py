"""What is said of comparisons and gates agrees with what was found."""

import pytest

from promptlab.output import verdicts


@pytest.mark.parametrize(
    ("interval", "margin", "shown"),
    [
        ((0.2, 0.38), 0.1, "20 to 38"),
        ((0.2, 0.3961), 0.1, "20 to 39.6"),
        ((0.2, 0.3996), 0.1, "20 to 39.96"),
        ((0.4041, 0.6), 0.1, "40.4 to 60"),
        ((0.5019, 0.7), 0, "50.2 to 70"),
        ((0.4, 0.7), 0.1, "40 to 70"),
    ],
)
def test_no_rounding_moves_an_end_to_where_the_verdict_turns(
    interval: tuple[float, float], margin: float, shown: str
) -> None:
    """So "does not win 40 of 100" never stands beside an interval that seems to reach 40."""
    view = {"theta": 0.3, "interval": interval, "margin": margin}
    assert verdicts.of_100(view) == f"30 of 100, ties split ({shown})"
