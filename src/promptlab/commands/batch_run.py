"""`promptlab batch run` and `batch resume`: make what is missing, within limits that hold."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promptlab.commands import completion
from promptlab.commands.batch_outcome import exit_code, show_batch
from promptlab.commands.options import Json, Parameters, parse_parameters, runtime_of
from promptlab.commands.outcome import INTERRUPTED
from promptlab.commands.reports import Junit, Reports, Summary
from promptlab.errors import LimitReached, PromptlabError
from promptlab.runtime import Runtime

if TYPE_CHECKING:
    from promptlab.db.batch_items import Left
    from promptlab.services.batch_requests import Prepared
    from promptlab.services.batches import Run

app = typer.Typer(name="batch", help="Batches: many generations at once, with limits that hold.", no_args_is_help=True)

LIMITS: Any = {"rich_help_panel": "Limits"}
AGAIN: Any = {"rich_help_panel": "What is sent again"}

_MOST_WARNINGS = 5

Id = Annotated[int, typer.Argument(help="A batch's id.", metavar="ID", autocompletion=completion.batches)]
MaxCost = Annotated[
    float | None, typer.Option(help="Never spend more than this, all runs together.", metavar="USD", **LIMITS)
]
AllowUnpriced = Annotated[
    bool, typer.Option("--allow-unpriced", help="With --max-cost: go on where no price is known.", **LIMITS)
]
AssumeCost = Annotated[
    float | None,
    typer.Option(help="What one generation costs at most where no price is known.", metavar="USD", **LIMITS),
]
MaxImages = Annotated[
    int | None, typer.Option(help="Never make more images, all runs together.", metavar="N", **LIMITS)
]
MaxRetries = Annotated[
    int | None, typer.Option(help="How often a request that bought nothing is sent again.", metavar="N", **LIMITS)
]
Deadline = Annotated[
    float | None, typer.Option(help="Send nothing more after so many seconds.", metavar="SECONDS", **LIMITS)
]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Stop at the first that fails or is unknown.", **LIMITS)]
Concurrency = Annotated[
    int | None, typer.Option(help="Requests at once to each provider.", metavar="N", min=1, max=1024, **LIMITS)
]
Detach = Annotated[bool, typer.Option("--detach", help="Leave it to workers (`promptlab worker`) and return.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Send again what failed.", **AGAIN)]
RetryRefused = Annotated[
    int, typer.Option(help="Send again what was refused, up to N times each.", metavar="N", min=0, max=100, **AGAIN)
]
RetryUnknown = Annotated[
    bool, typer.Option("--retry-unknown", help="Send again what is unknown; it may be bought twice.", **AGAIN)
]


@app.command()
def run(
    context: typer.Context,
    prompt_version: Annotated[
        list[str],
        typer.Option(
            "--prompt-version",
            help="A version: id, NAME@N, or NAME for its newest; repeat for more.",
            metavar="REF",
            autocompletion=completion.references,
        ),
    ],
    cases: Annotated[
        str | None,
        typer.Option(
            help="A case set, or a CSV or JSONL file of cases.",
            metavar="NAME|FILE",
            autocompletion=completion.case_sets,
        ),
    ] = None,
    draws: Annotated[int, typer.Option(help="Generations of each version and case.")] = 1,
    param: Parameters = None,
    seed: Annotated[int | None, typer.Option(help="The first draw's seed, where the model takes one.")] = None,
    concurrency: Concurrency = None,
    max_cost: MaxCost = None,
    allow_unpriced: AllowUnpriced = False,
    assume_cost: AssumeCost = None,
    max_images: MaxImages = None,
    max_retries: MaxRetries = None,
    deadline: Deadline = None,
    fail_fast: FailFast = False,
    retry_failed: RetryFailed = False,
    retry_refused: RetryRefused = 0,
    retry_unknown: RetryUnknown = False,
    junit: Junit = None,
    summary: Summary = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show how much there is, what would be sent and may cost.", **LIMITS)
    ] = False,
    detach: Detach = False,
    as_json: Json = False,
) -> int:
    """Make images for versions x cases x draws. Running it again makes only what is missing.

    Example: promptlab batch run --prompt-version banner --cases faces --draws 2
    """
    from promptlab.services import batch_again, batch_requests, batches
    from promptlab.services.drafting import Terms

    runtime = runtime_of(context)
    runtime.concurrency = concurrency
    reports = Reports(junit=None, summary=None) if dry_run else Reports(junit=junit, summary=summary)
    reports = reports.checked(detached=detach)
    limits = batches.Limits(
        max_cost_usd=max_cost,
        allow_unpriced=allow_unpriced,
        assume_cost_usd=assume_cost,
        max_images=max_images,
        max_retries=max_retries,
        deadline_s=deadline,
        fail_fast=fail_fast,
    ).checked()
    terms = Terms(
        parameters=parse_parameters(param),
        draws=draws,
        seed=seed,
        max_cost_usd=max_cost,
        allow_unpriced=allow_unpriced,
        assume_cost_usd=assume_cost,
    )
    request = batch_requests.Request(references=prompt_version, cases=cases, terms=terms)
    prepared = batch_requests.prepare(runtime.lab, request, for_sending=not dry_run)
    _warn(runtime, prepared)
    if dry_run:
        return _show_draft(runtime, prepared, as_json=as_json)
    batch_id = batches.plan(runtime.lab, prepared, limits, detached=detach)
    del prepared  # a large one takes megabytes, which the run can use
    again = batch_again.Again(failed=retry_failed, refused=retry_refused, unknown=retry_unknown)
    send = _detach if detach else partial(_run, reports=reports)
    return send(runtime, batch_id, limits, again, as_json=as_json)


@app.command()
def resume(
    context: typer.Context,
    batch_id: Id,
    concurrency: Concurrency = None,
    max_cost: MaxCost = None,
    allow_unpriced: AllowUnpriced = False,
    assume_cost: AssumeCost = None,
    max_images: MaxImages = None,
    max_retries: MaxRetries = None,
    deadline: Deadline = None,
    fail_fast: FailFast = False,
    retry_failed: RetryFailed = False,
    retry_refused: RetryRefused = 0,
    retry_unknown: RetryUnknown = False,
    junit: Junit = None,
    summary: Summary = None,
    detach: Detach = False,
    as_json: Json = False,
) -> int:
    """Go on with a batch, within the limits that it has or is given now; what it has cost so far counts.

    Example: promptlab batch resume 1 --max-cost 10
    """
    from promptlab.services import batch_again, batches

    runtime = runtime_of(context)
    runtime.concurrency = concurrency
    reports = Reports(junit=junit, summary=summary).checked(detached=detach)
    limits = batches.Limits(
        max_cost_usd=max_cost,
        allow_unpriced=allow_unpriced,
        assume_cost_usd=assume_cost,
        max_images=max_images,
        max_retries=max_retries,
        deadline_s=deadline,
        fail_fast=fail_fast,
    ).checked()
    again = batch_again.Again(failed=retry_failed, refused=retry_refused, unknown=retry_unknown)
    send = _detach if detach else partial(_run, reports=reports)
    return send(runtime, batch_id, limits, again, as_json=as_json)


def _detach(runtime: Runtime, batch_id: int, limits: Any, again: Any, *, as_json: bool) -> int:
    """Leave a batch to workers, and show it as it is then."""
    from promptlab.services import batch_views, batches

    says = partial(_say_what_is_left, runtime, batch_id)
    done = batches.detach(runtime.lab, batch_id, limits=limits, again=again, begins=says)
    for note in done.notes:
        runtime.output.note(note)
    show_batch(runtime, batch_views.detail(runtime.lab, batch_id), as_json=as_json)
    runtime.output.note(f"Workers take it from here. How far they are: promptlab batch show {batch_id}")
    return 0


def _run(runtime: Runtime, batch_id: int, limits: Any, again: Any, *, reports: Reports, as_json: bool) -> int:
    """Run a batch, show it, write its files and return the exit code; raises what stopped it after all of that."""
    from promptlab.services import batch_views, batches
    from promptlab.services.dispatch import FailedFast, Progress

    lab, output = runtime.lab, runtime.output
    says = partial(_say_what_is_left, runtime, batch_id)
    progress = Progress(finished=lambda _id: None, stopping=output.warn)
    with output.live(lambda: batch_views.batch(lab, batch_id)):
        done = batches.run(lab, batch_id, progress, limits=limits, again=again, begins=says)
    for note in done.notes:
        output.note(note)
    view = batch_views.detail(lab, batch_id)
    show_batch(runtime, view, as_json=as_json, has_ended=True)
    try:
        reports.write(runtime, view)
    except PromptlabError as error:
        if done.stopped_by is None or isinstance(done.stopped_by, LimitReached | FailedFast):
            raise
        output.warn(error.message)  # what stopped the run is said as the error
    return _exit_code(done, view)


def _say_what_is_left(runtime: Runtime, batch_id: int, left: "Left") -> None:
    from promptlab.output.batch_draft import words_of_what_is_left

    runtime.output.note(f"Batch {batch_id}: {words_of_what_is_left(left)}.")


def _exit_code(done: "Run", view: dict[str, Any]) -> int:
    if isinstance(done.stopped_by, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(done.stopped_by, PromptlabError):
        raise done.stopped_by
    return exit_code(view)


def _warn(runtime: Runtime, prepared: "Prepared") -> None:
    warnings = prepared.warnings
    for warning in warnings[:_MOST_WARNINGS]:
        runtime.output.warn(warning)
    if (more := len(warnings) - _MOST_WARNINGS) > 0:
        runtime.output.warn(f"… and {more} more like these; `promptlab generation show` has those of each.")


def _show_draft(runtime: Runtime, prepared: "Prepared", *, as_json: bool) -> int:
    from promptlab.output.batch_draft import batch_draft
    from promptlab.services import batch_requests

    view = batch_requests.look(runtime.lab, prepared)
    runtime.output.show(view, lambda _: batch_draft(view), as_json=as_json)
    runtime.output.note("Nothing was sent: this was a dry run.")
    return 0
