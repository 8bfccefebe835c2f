"""What rows look like from outside: plain JSON data with the keys that scripts rely on (PRODUCT section 5)."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlmodel import Session, col, select

from promptlab.adapters.ai.protocol import combined, says_combined
from promptlab.db import attempts, cases, generations
from promptlab.db.models import (
    Attempt,
    CaseImage,
    Generation,
    GenerationImageInput,
    GenerationImageOutput,
    ImageColumns,
    PromptVersion,
)
from promptlab.db.opinions import Rating
from promptlab.db.states import AttemptOutcome, GenerationState, ImageRole

View = dict[str, Any]
Row = TypeVar("Row")

_WITH_ERROR = (GenerationState.REFUSED, GenerationState.FAILED, GenerationState.UNKNOWN)


def time_text(moment: datetime | None) -> str | None:
    """Return a time as ISO 8601 in UTC, to the millisecond."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def prompt_version(version: PromptVersion, project: str) -> View:
    """Return a prompt version's view."""
    return {
        "id": version.id,
        "project": project,
        "name": version.name,
        "version": version.version,
        "system_prompt": version.system_prompt,
        "user_prompt": version.user_prompt,
        "raw": version.raw,
        "provider": version.provider,
        "model": version.model,
        "parameters": version.parameters,
        "description": version.description,
        "content_hash": version.content_hash,
        "created_at": time_text(version.created_at),
        "deleted_at": time_text(version.deleted_at),
    }


def difference(first: PromptVersion, second: PromptVersion) -> View:
    """Return two versions and each part of their content that differs; parameters differ as a whole."""
    parts = ("system_prompt", "user_prompt", "raw", "provider", "model", "parameters")
    return {
        **{
            side: {"id": version.id, "name": version.name, "version": version.version}
            for side, version in (("from", first), ("to", second))
        },
        "changes": [
            {"field": part, "from": getattr(first, part), "to": getattr(second, part)}
            for part in parts
            if getattr(first, part) != getattr(second, part)
        ],
    }


def image(row: ImageColumns) -> View:
    """Return an image's view; inputs say whether they are a mask."""
    view = {
        name: getattr(row, name) for name in ("url", "sha256", "media_type", "width", "height", "bytes", "position")
    }
    if isinstance(row, GenerationImageInput | CaseImage):
        view["role"] = row.role.value
    return view


def attempt(row: Attempt) -> View:
    """Return an attempt's view; `recovered` is one whose answer came after it had ended as unknown.

    The row keeps the error of then; a success shows none.
    """
    succeeded = row.outcome is AttemptOutcome.SUCCEEDED
    return {
        "number": row.number,
        "outcome": row.outcome.value if row.outcome else None,
        "http_status": row.http_status,
        "request_id": row.request_id,
        "error_kind": None if succeeded else row.error_kind,
        "error_message": None if succeeded else row.error_message,
        "error_details": None if succeeded else row.error_details,
        "recovered": succeeded and row.error_kind is not None,
        "started_at": time_text(row.started_at),
        "finished_at": time_text(row.finished_at),
        "duration_ms": row.duration_ms,
    }


def rating(row: Rating) -> View:
    """Return a rating's view; it shows nobody else's score."""
    return {
        "generation_id": row.generation_id,
        "rater": row.rater,
        "score": row.score,
        "note": row.note,
        "tags": row.tags,
        "criteria": row.criteria,
        "created_at": time_text(row.created_at),
    }


def full_generations(session: Session, rows: Sequence[Generation]) -> list[View]:
    """Return the views of generations with everything that belongs to them, in five queries."""
    ids = [row.id or 0 for row in rows]
    versions = _versions(session, {row.prompt_version_id for row in rows})
    case_keys = cases.keys(session, [row.case_id for row in rows if row.case_id is not None])
    inputs = _grouped(generations.inputs(session, ids), lambda row: row.generation_id)
    outputs = _grouped(generations.outputs(session, ids), lambda row: row.generation_id)
    tries = _grouped(attempts.of_generations(session, ids), lambda row: row.generation_id)
    return [
        _generation(
            row,
            versions[row.prompt_version_id],
            case_key=case_keys.get(row.case_id or 0),
            inputs=inputs.get(row.id or 0, []),
            outputs=outputs.get(row.id or 0, []),
            tries=tries.get(row.id or 0, []),
        )
        for row in rows
    ]


def blind_generations(session: Session, rows: Sequence[Generation]) -> list[View]:
    """Return what a rater in blind mode may see: ids, age and images. No version, prompt, model or score."""
    ids = [row.id or 0 for row in rows]
    inputs = _grouped(generations.inputs(session, ids, ImageRole.INPUT), lambda row: row.generation_id)
    outputs = _grouped(generations.outputs(session, ids), lambda row: row.generation_id)
    return [
        {
            "id": row.id,
            "created_at": time_text(row.created_at),
            "inputs": [image(each) for each in inputs.get(row.id or 0, [])],
            "outputs": [image(each) for each in outputs.get(row.id or 0, [])],
        }
        for row in rows
    ]


def _generation(
    row: Generation,
    version: PromptVersion,
    *,
    case_key: str | None,
    inputs: list[GenerationImageInput],
    outputs: list[GenerationImageOutput],
    tries: list[Attempt],
) -> View:
    return {
        "id": row.id,
        "prompt_version_id": row.prompt_version_id,
        "prompt": version.name,
        "version": version.version,
        "state": row.state.value,
        "draw": row.draw,
        "case": case_key,
        "case_id": row.case_id,
        "batch_id": row.batch_id,
        "provider": version.provider,
        "model": version.model,
        "count": row.image_count,
        "parameters": row.parameters,
        "effective_parameters": row.effective_parameters,
        "base_seed": row.base_seed,
        "seed": row.seed,
        "rendered_system_prompt": row.rendered_system_prompt,
        "rendered_user_prompt": row.rendered_user_prompt,
        "combined_prompt": _combined_prompt(row),
        "inputs": [image(each) for each in inputs],
        "outputs": [image(each) for each in outputs],
        "result_rating": row.result_rating,
        "notes": row.notes,
        "warnings": row.warnings,
        "execution_time": row.execution_time,
        "cost_usd": row.cost_usd,
        "max_cost_usd": None if row.max_price_usd is None else round(sum(each.reserved_usd for each in tries), 6),
        "usage": row.usage,
        "error": _error(tries) if row.state in _WITH_ERROR else None,
        "attempts": [attempt(each) for each in tries],
        "not_before": time_text(row.not_before),
        "created_at": time_text(row.created_at),
        "finished_at": time_text(row.finished_at),
    }


def _combined_prompt(row: Generation) -> str | None:
    """Return both prompts as they were sent in one text, None where they were not."""
    if not says_combined(row.effective_parameters or {}):
        return None
    return combined(row.rendered_system_prompt, row.rendered_user_prompt)


def _error(tries: Sequence[Attempt]) -> View | None:
    ended = [row for row in tries if row.outcome not in {None, AttemptOutcome.SUCCEEDED}]
    if not ended:
        return None
    last = ended[-1]
    return {
        "kind": last.error_kind,
        "message": last.error_message,
        "http_status": last.http_status,
        "request_id": last.request_id,
        "details": last.error_details,
    }


def _versions(session: Session, ids: set[int]) -> dict[int, PromptVersion]:
    rows = session.exec(select(PromptVersion).where(col(PromptVersion.id).in_(ids))).all()
    return {row.id or 0: row for row in rows}


def _grouped(rows: Iterable[Row], key: Callable[[Row], int]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found
