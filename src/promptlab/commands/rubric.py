"""`promptlab rubric`: what raters are asked beside the overall score."""

import typer

from promptlab.commands.options import Json, runtime_of


def rubric(context: typer.Context, as_json: Json = False) -> None:
    """Show the project's rubric: its criteria, what each means, and its issue tags.

    Without one it prints an example: append it to promptlab.toml, which is where a rubric is written.

    Example: promptlab rubric
    """
    from promptlab.output.rubric import rubric_table, whole_lines
    from promptlab.services import rubric as rubrics

    runtime = runtime_of(context)
    found = runtime.settings.rubric
    view = rubrics.view(found)
    if found is None and not as_json:
        runtime.output.note("This project has no rubric: a score is overall, and any criterion and tag goes.")
        runtime.output.note("These lines at the end of promptlab.toml make one:\n")
    runtime.output.show(
        view, lambda _: whole_lines(rubrics.EXAMPLE) if found is None else rubric_table(view), as_json=as_json
    )
