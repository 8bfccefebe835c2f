"""What comparisons and gates have found, in words: a sentence first, then the numbers behind it."""

from collections.abc import Iterator, Sequence
from typing import Any

from promptlab.output.cells import counted

View = dict[str, Any]
Fact = tuple[str, str]

_AGREE = ((0.8, "they agree"), (0.667, "they agree roughly"), (-1.0, "they agree little"))
"""Krippendorff's own limits of what may be relied on."""


def sentence(view: View, baseline: str, candidate: str) -> str:
    """Return what may be said of a candidate now."""
    if view["paired_by"] is None:
        return f"{candidate} and {baseline} have no case in common, so they are not compared."
    if not view["blocks"]:
        return f"Not known yet: nobody has {_did(view)} both {candidate} and {baseline} on the same case."
    if view["verdict"] == "undecided":
        return f"Not known yet whether {candidate} is better than {baseline}: {more(view)}."
    return f"{candidate} is {view['verdict']} than {baseline}: it wins {of_100(view)}."


def gate_sentence(view: View, baseline: str, candidate: str) -> str:
    """Return what a gate has found."""
    least = f"at least {100 * (0.5 - view['margin']):.3g} of 100 against {baseline}, ties split"
    if view["verdict"] == "pass":
        return f"Pass: {candidate} wins {least}."
    if view["verdict"] == "worse":
        return f"Worse: {candidate} does not win {least}."
    if view["paired_by"] is None or not view["blocks"]:
        return f"Undecided. {sentence(view, baseline, candidate)}"
    if view["blocks"] < view["min_blocks"]:
        asked = (
            f"{view['blocks']} of the {counted(view['min_blocks'], unit(view))} that --min-blocks asks for are rated"
        )
        return f"Undecided: {asked}."
    return f"Undecided: it is not known yet whether {candidate} wins {least}; {more(view)}."


def deleted(view: View) -> list[str]:
    """Return what must be said of versions that are deleted, and count all the same."""
    return [f"{name} is deleted; `promptlab prompt restore {name}` brings it back." for name in view["deleted"]]


def changed_terms(view: View) -> list[str]:
    """Return what must be said of a gate whose terms are not those of the first look."""
    first = view["first_look"]
    changed = [
        f"--{name.replace('_', '-')} was {_term(first[name])} and is {_term(view[name])}" for name in view["changed"]
    ]
    if not changed:
        return []
    since = f"Since the first look at these two, {' and '.join(changed)}."
    return [f"{since} Terms that are chosen after a look make a gate wrong more often than it promises."]


def facts(view: View, baseline: str, candidate: str) -> Iterator[Fact]:
    """Yield the numbers behind a sentence, each with its name."""
    if view["blocks"]:
        yield from _outcomes(view)
    if view["paired_by"] is not None:
        yield from _coverage(view, baseline, candidate)
    if view.get("agreement") and view["paired_by"] is not None:
        yield "raters", agreement(view["agreement"], _did(view))
    if view.get("votes"):
        yield "votes say", _votes(view["votes"])
    if view["next"] is not None:
        yield "next", view["next"]
        yield from _of_new_blocks(view)


def of_100(view: View) -> str:
    """Return how many of a hundred blocks the candidate wins, with the limits of what that may be."""
    low, high = (_end(limit, 0.5 - view.get("margin", 0)) for limit in view["interval"])
    return f"{100 * view['theta']:.0f} of 100, ties split ({low} to {high})"


def more(view: View) -> str:
    """Return how many more blocks would tell."""
    if view["more_blocks"] is None:
        return "they are too close to say how many more would tell"
    low, high = (_roughly(number) for number in view["more_blocks"])
    return f"about {low} to {high} more {unit(view)}s would tell" if low < high else f"about {high} more would tell"


def unit(view: View) -> str:
    """Return what a block is called."""
    return "pair" if view["paired_by"] == "number" else "case"


def agreement(found: View, did: str = "rated") -> str:
    """Return how far raters agree, in a word and as Krippendorff's alpha; `did` says what they did."""
    if found["alpha"] is None:
        return f"not known whether they agree: too few {did} the same"
    word = next(word for limit, word in _AGREE if found["alpha"] >= limit)
    low, high = found["interval"] or (None, None)
    return f"{word}: alpha {found['alpha']:.2f}" + ("" if low is None else f" ({low:.2f} to {high:.2f})")


def remarks(view: View) -> Iterator[str]:
    """Yield what must be known to read a whole comparison."""
    candidates: Sequence[View] = view["candidates"]
    if any(each["paired_by"] == "number" for each in candidates):
        yield "Without cases they are paired by number: the first image of one with the first of the other, and so on."
    if (number := len(candidates)) > 1:
        each, together = 1 - view["alpha"] / number, 1 - view["alpha"]
        yield (
            f"Each interval holds at {100 * each:.4g}%, so all {number} verdicts together hold at {together:.0%}, "
            "however often one looks."
        )


def _outcomes(view: View) -> Iterator[Fact]:
    if "margin" in view or view["verdict"] == "undecided":  # else the sentence has it
        yield "wins of 100", of_100(view)
    yield "wins/ties/losses", _counts(view)
    if view["star_difference"] is not None:
        low, high = view["star_interval"]
        yield "stars", f"{view['star_difference']:+.2f} ({low:+.2f} to {high:+.2f})"


def _coverage(view: View, baseline: str, candidate: str) -> Iterator[Fact]:
    yield "known from", _known_from(view)
    if view.get("both_bad") is None:
        yield "rated", f"{_rated(view, 'baseline', baseline)}, {_rated(view, 'candidate', candidate)}"
    if left := view["shared_blocks"] - view["blocks"]:
        low, high = view["bounds"]
        rest = f"were {counted(left, f'open {unit(view)}')} all lost or all won"
        yield "at worst, best", f"{100 * low:.0f} to {100 * high:.0f} of 100, {rest}"


def _of_new_blocks(view: View) -> Iterator[Fact]:
    """Yield why the next command makes new blocks while some are open."""
    left = view["shared_blocks"] - view["blocks"]
    if left and view["next"].startswith("promptlab batch run"):
        file = f"; give a file with more {unit(view)}s" if view["paired_by"] == "case" else ""
        yield f"new {unit(view)}s", f"needed: the {counted(left, f'open {unit(view)}')} will likely not do{file}"


def _did(view: View) -> str:
    return "rated" if view.get("both_bad") is None else "voted on"


def _counts(view: View) -> str:
    bad = f", of the votes {view['both_bad']} both bad" if view.get("both_bad") else ""
    return f"{view['wins']}/{view['ties']}/{view['losses']}{bad}"


def _known_from(view: View) -> str:
    common = f"of {counted(view['shared_blocks'], unit(view))} in common"
    if not view["blocks"]:
        return f"none {common} yet"
    people = counted(view["raters"], "person").replace("persons", "people")
    return f"{view['blocks']} {common}, by {people}"


def _rated(view: View, side: str, name: str) -> str:
    number = view["generations"][side]
    return f"{name} {number['rated']} of {number['succeeded']}"


def _votes(votes: View) -> str:
    word = {"undecided": "not known yet"}.get(votes["verdict"], votes["verdict"])
    return f"{word}: wins {of_100(votes)}, {_counts(votes)}"


def _end(limit: float, boundary: float) -> str:
    """Return an end of an interval in wins of 100, in as many digits as show on which side of the boundary it lies."""
    told = [f"{100 * limit:.{digits}f}" for digits in (0, 1, 2)]
    apart = (text for text in told if (float(text) > round(100 * boundary, 9)) == (limit > boundary))
    return next((text for text in apart if float(text) != round(100 * boundary, 9)), told[0])


def _term(value: float) -> str:
    """Return the value of a term; a number of blocks that is 0 asks for nothing."""
    return f"{value:.10g}" if value else "not set"


def _roughly(number: int) -> int:
    """Return a number of which only the first two digits are told, upward."""
    size = int(10 ** max(0, len(str(number)) - 2))
    return -(-number // size) * size
