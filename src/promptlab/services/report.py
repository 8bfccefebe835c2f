"""What a report tells: versions, how they compare, and every case with all that was made of it."""

from collections.abc import Sequence

from sqlmodel import Session

from promptlab.db import projects, reported
from promptlab.db.columns import now
from promptlab.db.models import PromptVersion
from promptlab.errors import Conflict
from promptlab.services import comparison, report_cases, reports, views
from promptlab.services.lab import Lab
from promptlab.services.report_blind import blinded
from promptlab.services.views import View

_TROUBLES = ("refused", "failed", "unknown")


def collect(lab: Lab, references: Sequence[str], *, blind: bool) -> View:
    """Return all that a report of these versions tells, the first of them the baseline.

    Without references it tells of the versions that have generations of the prompt that was last put to use, the
    oldest of them the baseline. A blind one holds nothing but cases and images, with letters for versions.

    Raises:
        NotFound: no such version.
        InvalidInput: one is named twice.
        Conflict: nothing was made yet.
    """
    with lab.database.reading() as session:
        versions = _versions(session, lab.project_id, references)
        labels = [comparison.label(version) for version in versions]
        items = list(report_cases.shown_generations(session, versions))
        if not items:
            raise Conflict(
                f"{' and '.join(labels)} {'have' if len(labels) > 1 else 'has'} no images yet.",
                hint=f"`promptlab generate --prompt-version {labels[0]}` makes some.",
            )
        told = report_cases.told(session, lab.project_id, versions[0], versions[1:])
        view = {
            "project": lab.project,
            "created_at": views.time_text(now()),
            "blind": False,
            "generations": len(items),
            "key": [_named(version) for version in versions],
            "versions": _described(session, lab, versions),
            "cases": report_cases.rows(session, items, len(versions), told),
        }
        if blind:
            return blinded(view, projects.order_seed(session, lab.project_id))
        return view | {
            "comparison": comparison.compare(session, lab.project_id, labels[0], labels[1:]) if labels[1:] else None,
            "differences": [views.difference(versions[0], version) for version in versions[1:]],
            "troubles": _troubles(items, labels),
        }


def _versions(session: Session, project_id: int, references: Sequence[str]) -> list[PromptVersion]:
    if references:
        return comparison.distinct_versions(session, project_id, references)
    found = reported.versions_of_newest_prompt(session, project_id)
    if not found:
        raise Conflict("No version has images yet.", hint="`promptlab generate --prompt-version NAME` makes some.")
    return found


def _named(version: PromptVersion) -> View:
    named = {"prompt_version_id": version.id, "name": version.name, "version": version.version}
    return {"label": comparison.label(version)} | named


def _described(session: Session, lab: Lab, versions: Sequence[PromptVersion]) -> list[View]:
    """Return the views of versions, each with its label and its stats."""
    labels = [comparison.label(version) for version in versions]
    filters = reports.StatsFilters(references=labels)
    stats = reports.version_stats(session, lab.project_id, filters, limit=len(labels), cursor=None).items
    return [
        views.prompt_version(version, lab.project) | {"label": label, "stats": row}
        for version, label, row in zip(versions, labels, stats, strict=True)
    ]


def _troubles(items: Sequence[View], labels: Sequence[str]) -> list[View]:
    """Return what did not succeed, grouped by version, state and what was said, the most frequent first."""
    found: dict[tuple[int, str, str | None, str | None], list[int]] = {}
    for item in items:
        if item["state"] in _TROUBLES:
            error = item["error"] or {"kind": None, "message": None}
            found.setdefault((item["version"], item["state"], error["kind"], error["message"]), []).append(item["id"])
    return [
        {"label": labels[version], "state": state, "kind": kind, "message": message, "count": len(ids), "ids": ids}
        for (version, state, kind, message), ids in sorted(
            found.items(), key=lambda group: (_TROUBLES.index(group[0][1]), group[0][0], -len(group[1]))
        )
    ]
