"""What a gate leaves for a CI server: one test in JUnit XML, and Markdown for a pull request's comment.

Worse is a `<failure>`: a test whose answer is no. Undecided is `<skipped>`: a test without an answer, which fails
nothing by itself; whoever wants it to stop a job has the exit code.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from promptlab.output import verdicts
from promptlab.output.case_choice import CaseChoice
from promptlab.output.comparison import name_of
from promptlab.output.files import written_whole
from promptlab.output.junit import attributes, element
from promptlab.output.markdown import code, table
from promptlab.output.summary import MAX_CASES, ROOM, LinkOf, images

View = dict[str, Any]

_SIGNS = {"pass": "✅", "worse": "❌", "undecided": "⏸️"}
_ROOM_OF_FACTS = 12_000


def write_gate_junit(path: Path, view: View) -> None:
    """Write a gate's view as one test case; raises Unreachable if that is impossible."""
    baseline, candidate = _names(view)
    said, worse, undecided = _said(view), view["verdict"] == "worse", view["verdict"] == "undecided"
    changed = verdicts.changed_terms(view)
    facts = (f"{name}: {value}" for name, value in verdicts.facts(view, baseline, candidate))
    numbers = "\n".join([said, *changed, *facts])
    outcome = element("failure", {"type": "worse", "message": said}, numbers) if worse else ""
    outcome += element("skipped", {"message": said}, "\n".join(changed)) if undecided else ""
    case = attributes({"classname": candidate, "name": f"gate against {baseline}", "time": "0.000"})
    totals = {"tests": 1, "failures": int(worse), "errors": 0, "time": "0.000"}
    suite = {"name": "promptlab gate", **totals, "skipped": int(undecided)}
    with written_whole(path) as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n')
        file.write(f"<testsuites{attributes({'name': 'promptlab', **totals})}>\n<testsuite{attributes(suite)}>\n")
        file.write(f"<testcase{case}>{outcome}{element('system-out', {}, numbers)}</testcase>\n")
        file.write("</testsuite>\n</testsuites>\n")


def write_gate_summary(path: Path, view: View, items: Iterable[View], link: LinkOf) -> None:
    """Write a gate's view, and pictures of the cases `items` side by side by what `link` makes of their URLs.

    Raises:
        Unreachable: it cannot be written.
    """
    choice = CaseChoice(MAX_CASES)
    for item in items:
        choice.add(item)
    facts = [(name, code(value, 300)) for name, value in verdicts.facts(view, *_names(view))]
    text = f"### {_SIGNS[view['verdict']]} {_marked(view)}\n\n"
    text += "".join(f"**{sentence}**\n\n" for sentence in verdicts.changed_terms(view))
    text += table(["what", "how much"], facts, room=_ROOM_OF_FACTS, left_out="… and {} more.")
    if choice.has_images:
        shown = [view[side] | {"prompt": view[side]["name"]} for side in ("baseline", "candidate")]
        room = ROOM - len(text.encode()) - 500
        text += f"\n#### Where they differ most\n\n{images(shown, choice, link, room)}"
    with written_whole(path) as file:
        file.write(text)


def _names(view: View) -> tuple[str, str]:
    return name_of(view["baseline"]), name_of(view["candidate"])


def _said(view: View) -> str:
    return verdicts.gate_sentence(view, *_names(view))


def _marked(view: View) -> str:
    baseline, candidate = (code(name, 100) for name in _names(view))
    return verdicts.gate_sentence(view, baseline, candidate)
