"""`promptlab generate`: buy images for one version."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promptlab.commands import completion
from promptlab.commands.options import SHOWN, Json, Parameters, Preview, parse_pairs, parse_parameters, runtime_of
from promptlab.commands.outcome import show_generations, watched
from promptlab.runtime import Runtime

if TYPE_CHECKING:
    from promptlab.services.drafting import Draft
    from promptlab.services.draws import Draws

MANY: Any = {"rich_help_panel": "How many"}
MONEY: Any = {"rich_help_panel": "What it may cost"}


def generate(
    context: typer.Context,
    prompt_version: Annotated[
        str,
        typer.Option(
            "--prompt-version",
            help="A version: id, NAME@N, or NAME for its newest.",
            metavar="REF",
            autocompletion=completion.references,
        ),
    ],
    var: Annotated[
        list[str] | None,
        typer.Option(
            "--var",
            help="A template variable; repeat for more.",
            metavar="KEY=VALUE",
            autocompletion=completion.variables,
        ),
    ] = None,
    input_: Annotated[
        list[str] | None, typer.Option("--input", help="An input image; repeat for more.", metavar="FILE|URL")
    ] = None,
    mask: Annotated[
        str | None, typer.Option(help="A PNG whose transparent part of the first input is redone.", metavar="FILE|URL")
    ] = None,
    param: Parameters = None,
    seed: Annotated[int | None, typer.Option(help="The first draw's seed, where the model takes one.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="An error if the model cannot do all of it.")] = False,
    count: Annotated[int, typer.Option(help="Images in one request, rated as one set.", **MANY)] = 1,
    draws: Annotated[int, typer.Option(help="Separate generations of the same request.", **MANY)] = 1,
    max_cost: Annotated[float | None, typer.Option(help="Never spend more than this.", metavar="USD", **MONEY)] = None,
    allow_unpriced: Annotated[
        bool, typer.Option("--allow-unpriced", help="With --max-cost: go on where no price is known.", **MONEY)
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent; spend nothing.", **MONEY)
    ] = False,
    save: Annotated[
        Path | None, typer.Option(help="Also write the images and a JSON sidecar here.", metavar="DIR", **SHOWN)
    ] = None,
    preview: Preview = False,
    as_json: Json = False,
) -> int:
    """Generate images with a version of a prompt. It always buys: each call adds draws.

    Example: promptlab generate --prompt-version banner --var subject=fox
    """
    from promptlab.services import orders, saving
    from promptlab.services.drafting import Terms

    runtime = runtime_of(context)
    terms = Terms(
        parameters=parse_parameters(param),
        count=count,
        draws=draws,
        seed=seed,
        strict=strict,
        max_cost_usd=max_cost,
        allow_unpriced=allow_unpriced,
    )
    variables = parse_pairs(var, flag="--var")
    request = orders.Request(reference=prompt_version, inputs=input_ or [], mask=mask, variables=variables, terms=terms)
    prepared = orders.prepare(runtime.lab, request, for_sending=not dry_run)
    draft = prepared.draft
    for warning in draft.warnings:
        runtime.output.warn(warning)
    if dry_run:
        _show_draft(runtime, draft, as_json=as_json)
        return 0
    if save is not None:
        saving.require_writable(save)
    with watched(runtime, f"Generating with {draft.order.version.provider}", draws) as progress:
        placed = orders.place(runtime.lab, prepared, progress)
    _say_which_seeds(runtime, placed.draws)
    return show_generations(runtime, placed, as_json=as_json, save=save, preview=preview)


def _show_draft(runtime: Runtime, draft: "Draft", *, as_json: bool) -> None:
    from promptlab.output.generations import draft_details

    runtime.output.show(draft.view, lambda _: draft_details(draft.view), as_json=as_json)
    _say_which_seeds(runtime, draft.draws)
    runtime.output.note("Nothing was sent: this was a dry run.")


def _say_which_seeds(runtime: Runtime, draws: "Draws | None") -> None:
    if draws and draws.said_of_seeds:
        runtime.output.note(draws.said_of_seeds)
