"""How each rater does: how much they rated and how, how severe they are, how fast, and whether others agree."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session

from promptlab.db import stats
from promptlab.db.pages import Page
from promptlab.services.views import View

_ALONE: View = {"deviation": None, "shared": 0, "agreement": None, "seconds": None}


def stats_of_raters(session: Session, where: Sequence[ColumnElement[bool]]) -> Page[View]:
    """Return a row for each rater: how many they rated and how, and how they stand beside the others."""
    beside = _beside_others(stats.opinions(session, where))
    items = [
        {
            "rater": name,
            "rated": row["rated"],
            "mean": round(row["mean"], 4),
            "distribution": stats.spread(row["distribution"]),
            **(beside.get(name) or _ALONE),
        }
        for name, row in sorted(stats.by_rater(session, where).items())
    ]
    return Page(items, None)


def _beside_others(opinions: Sequence[tuple[Any, ...]]) -> dict[str, View]:
    """Return of each rater how many stars they are above the others (`deviation`), and so on."""
    from promptlab.statistics.severity import agreement_with_others, severities

    names = sorted({rater for _unit, rater, _score, _time in opinions})
    code = {name: place for place, name in enumerate(names)}
    units = [unit for unit, _rater, _score, _time in opinions]
    raters = [code[rater] for _unit, rater, _score, _time in opinions]
    scores = [score for _unit, _rater, score, _time in opinions]
    agreed = agreement_with_others(units, raters, scores)
    times: dict[str, list[int]] = {name: [] for name in names}
    for _unit, rater, _score, milliseconds in opinions:
        if milliseconds is not None:
            times[rater].append(milliseconds)
    return {
        names[each.rater]: {
            "deviation": _rounded(each.deviation),
            "shared": each.shared,
            "agreement": _rounded(agreed[each.rater]),
            "seconds": round(median(taken) / 1000, 1) if (taken := times[names[each.rater]]) else None,
        }
        for each in severities(units, raters, scores)
    }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)
