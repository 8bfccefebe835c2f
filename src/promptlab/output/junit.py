"""A batch as JUnit XML, which every CI server shows as tests: one test case a generation.

A refused generation is a `<failure>`, a failed or unknown one an `<error>`: in JUnit's own words a failure is a test
whose answer is no, an error one that broke before it had an answer. GitLab, Jenkins and the usual actions for GitHub
count and mark the two apart; viewers that know no difference still show `type`: `refused`, or the kind of error. What
was not made is `<skipped>`, which fails nothing.

Cost and image stand in `<system-out>`: Jenkins' schema (junit-10.xsd) allows `<properties>` in a suite only, and its
xUnit plug-in refuses a file that does not keep to it. GitLab shows the text of an element and not its `message`, so
the text says all. A test's name stays the same from run to run, so that servers can say what has changed.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO
from xml.sax.saxutils import escape, quoteattr

from promptlab.output.cells import one_line, visible
from promptlab.output.files import written_whole

View = dict[str, Any]

_TAGS = {"refused": "failure", "failed": "error", "unknown": "error"}
"""How each outcome without images is told; what is neither here nor succeeded was skipped."""

_SKIPPED = {"planned": "not sent yet", "sending": "in flight", "cancelled": "cancelled"}
_UNKNOWN = "Nobody knows what became of it, and it may have been billed. "
_OF_THE_SUITE = ("id", "state", "cost_usd", "unpriced")
_LONGEST = 2000  # characters of a text from elsewhere: GitLab takes files of up to 30 MB
_LONGEST_LINE = 300


def write_junit(path: Path, batch: View, items: Iterable[View]) -> None:
    """Write a batch's view and the views of its generations, one by one; raises Unreachable if that is impossible."""
    # The totals stand before the cases, and are those of the cases: what is still being made may change meanwhile.
    with written_whole(path) as file, tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n") as cases:
        counts: Counter[str] = Counter()
        for item in items:
            tag = "" if item["state"] == "succeeded" else _TAGS.get(item["state"], "skipped")
            counts[tag] += 1
            cases.write(_case(item, tag) + "\n")
        cases.seek(0)
        _write_suite(file, batch, counts, cases)


def _write_suite(file: TextIO, batch: View, counts: Mapping[str, int], cases: Any) -> None:
    totals = {
        "tests": sum(counts.values()),
        "failures": counts["failure"],
        "errors": counts["error"],
        "time": _seconds((batch["elapsed_s"] or 0) * 1000),
    }
    suite = {"name": f"promptlab batch {batch['id']}", **totals, "skipped": counts["skipped"]}
    facts = {name: batch[name] for name in _OF_THE_SUITE if batch[name] is not None}
    properties = "".join(element("property", {"name": name, "value": fact}) for name, fact in facts.items())
    file.write(f'<?xml version="1.0" encoding="utf-8"?>\n<testsuites{attributes({"name": "promptlab", **totals})}>\n')
    file.write(f"<testsuite{attributes(suite)}>\n<properties>{properties}</properties>\n")
    shutil.copyfileobj(cases, file)
    file.write("</testsuite>\n</testsuites>\n")


def _case(item: View, tag: str) -> str:
    """Return a test case with the element `tag`, if any, that tells why there are no images."""
    about = {
        "classname": f"{item['prompt']}@{item['version']}",
        "name": _name(item),
        "time": _seconds(item["execution_time"] or 0),
    }
    said = element("system-out", {}, "\n".join(_facts(item)))
    return f"<testcase{attributes(about)}>{_outcome(item, tag) if tag else ''}{said}</testcase>"


def _outcome(item: View, tag: str) -> str:
    if tag == "skipped":
        return element(tag, {"message": _SKIPPED[item["state"]]})
    error = item["error"] or {}
    message = (_UNKNOWN if item["state"] == "unknown" else "") + (error.get("message") or "")
    kind = "refused" if tag == "failure" else error.get("kind") or item["state"]
    about = {"type": kind, "message": one_line(message, _LONGEST_LINE)}
    return element(tag, about, "\n".join([item["state"], message[:_LONGEST], *_details(item, error)]))


def _name(item: View) -> str:
    """Return what tells a generation from the others of its version, whatever order they are made in."""
    case = item["case"] or (f"case {item['case_id']}" if item["case_id"] else "")
    return ", ".join(filter(None, (one_line(case, _LONGEST_LINE), f"draw {item['draw']}")))


def _details(item: View, error: View) -> Iterator[str]:
    for name in ("kind", "http_status", "request_id"):
        if error.get(name) is not None:
            yield f"{name}: {error[name]}"
    yield f"prompt: {item['rendered_user_prompt'][:_LONGEST]}"
    yield f"more: promptlab generation show {item['id']}"


def _facts(item: View) -> Iterator[str]:
    yield f"generation: {item['id']}"
    if item["cost_usd"] is not None:
        yield f"cost_usd: {item['cost_usd']}"
    for output in item["outputs"][:1]:
        yield f"image: {output['url']}"
    for warning in item["warnings"]:
        yield f"warning: {warning[:_LONGEST]}"


def element(name: str, about: Mapping[str, Any], text: str = "") -> str:
    """Return an element with attributes and a text, whatever is in them."""
    start = f"<{name}{attributes(about)}"
    return f"{start}>{escape(_clean(text))}</{name}>" if text else f"{start}/>"


def attributes(about: Mapping[str, Any]) -> str:
    """Return attributes as they stand in a tag."""
    return "".join(f" {name}={quoteattr(_clean(str(value)))}" for name, value in about.items())


def _clean(text: str) -> str:
    """Return what XML 1.0 can hold of a text: some characters can stand in no XML, not even as numbers."""
    return visible(text.replace("\r\n", "\n")).replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.3f}"
