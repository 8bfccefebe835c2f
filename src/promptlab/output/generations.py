"""How generations, the queue and links look."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from promptlab.output.cells import age, image_link, local_time, money, plain, seconds, state
from promptlab.output.prompts import parameters
from promptlab.output.tables import Fitted, details, fitting_table
from promptlab.services.draws import in_short

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

View = dict[str, Any]
LinkOf = Callable[[str], str]
"""Makes the link that opens an image from the URL that is kept of it."""


def generation_table(console: "Console", items: Sequence[View], link_of: LinkOf) -> Fitted:
    """Return one line a generation, with links to its images or the reason why there are none."""
    columns: dict[str, Callable[[View], str | Text]] = {
        ">ID": lambda item: str(item["id"]),
        "VERSION": lambda item: f"{item['prompt']}@{item['version']}",
        "STATE": lambda item: state(item["state"]),
        ">RATING": _rating,
        ">COST": lambda item: money(item["cost_usd"]) if item["finished_at"] else "",
        ">TIME": lambda item: seconds(item["execution_time"]) if item["finished_at"] else "",
        "IMAGES": lambda item: images(console, item["outputs"], link_of) if item["outputs"] else plain(_reason(item)),
    }
    return fitting_table(console, columns, items, flowing=("IMAGES",), dispensable=(">TIME", ">COST"))


def generation_details(console: "Console", item: View, link_of: LinkOf) -> "Table":
    """Return everything about one generation."""
    error = item["error"] or {}
    return details([
        ("generation", str(item["id"])),
        ("state", state(item["state"])),
        ("version", f"{item['prompt']}@{item['version']} (id {item['prompt_version_id']})"),
        ("provider", plain(f"{item['provider']}, {item['model']}")),
        ("draw", str(item["draw"])),
        ("batch", str(item["batch_id"])),
        ("case", plain(item["case"] or "")),
        ("seed", _seed(item)),
        ("images asked for", str(item["count"]) if item["count"] > 1 else ""),
        ("asked for", parameters(item["parameters"])),
        ("used", parameters(_used(item))),
        ("system prompt", plain(item["rendered_system_prompt"] or "")),
        ("user prompt", plain(item["rendered_user_prompt"])),
        ("sent as one", plain(item["combined_prompt"] or "")),
        ("inputs", whole_links(console, item["inputs"], link_of)),
        ("images", whole_links(console, item["outputs"], link_of)),
        ("size", " ".join(dict.fromkeys(f"{each['width']}x{each['height']}" for each in item["outputs"]))),
        ("rating", _rating(item)),
        ("ratings", plain("\n".join(_rating_line(each) for each in item["ratings"]))),
        ("notes", plain(item["notes"] or "")),
        ("cost", _cost(item) if item["finished_at"] else ""),
        ("time", seconds(item["execution_time"]) if item["finished_at"] else ""),
        ("error", plain(f"{error['kind']}: {error['message']}") if error else ""),
        ("refused for", plain(_categories(error) if item["state"] == "refused" else "")),
        ("warnings", plain("\n".join(item["warnings"]))),
        ("attempts", plain("\n".join(_attempt(each) for each in item["attempts"]))),
        ("created", local_time(item["created_at"])),
        ("finished", local_time(item["finished_at"])),
    ])  # fmt: skip


def draft_details(view: View) -> "Table":
    """Return what a dry run found out."""
    return details([
        ("provider", plain(f"{view['provider']}, {view['model']}")),
        ("generations", f"{view['generations']}: {_numbered('draw', view['draws'])}"),
        ("images in each", str(view["count"]) if view["count"] > 1 else ""),
        ("inputs", f"{view['inputs']}{' and a mask' if view['mask'] else ''}" if view["inputs"] else ""),
        ("price", f"at most {money(view['max_cost_usd'])}" if view["max_cost_usd"] is not None else "not known"),
        ("parameters", parameters(view["parameters"])),
        ("sent with", _numbered("seed", [seed for seed in view["seeds"] if seed is not None])),
        ("system prompt", plain(view["rendered_system_prompt"] or "")),
        ("user prompt", plain(view["rendered_user_prompt"])),
        ("sent as one", plain(view["combined_prompt"] or "")),
    ])  # fmt: skip


def link_list(items: Sequence[View]) -> "Text":
    """Return whole links, one a line: they are for copying."""
    return plain("\n".join(item["link"] for item in items))


def deleted_list(items: Sequence[View]) -> "Text":
    """Return which generations are gone."""
    return plain("\n".join(f"Deleted generation {item['id']}. Its stored images stay." for item in items))


def queue_table(console: "Console", items: Sequence[View], link_of: LinkOf) -> Fitted:
    """Return what waits for a rating: id, age and links, and nothing that could sway a rater."""
    columns: dict[str, Callable[[View], str | Text]] = {
        ">ID": lambda item: str(item["id"]),
        ">AGE": lambda item: age(item["created_at"]),
        "INPUTS": lambda item: images(console, item["inputs"], link_of),
        "IMAGES": lambda item: images(console, item["outputs"], link_of),
    }
    if not any(item["inputs"] for item in items):
        del columns["INPUTS"]
    return fitting_table(console, columns, items, flowing=("INPUTS", "IMAGES"))


def images(console: "Console", each: Sequence[View], link_of: LinkOf) -> "Text":
    """Return links to images, one a line on a terminal, where most show no more than a name."""
    from rich.text import Text

    links = [image_link(console, image, link_of(image["url"])) for image in each]
    return Text("\n" if console.is_terminal else " ").join(links)


def whole_links(console: "Console", each: Sequence[View], link_of: LinkOf) -> "Text":
    """Return links whose whole address can be read: also on a terminal where they cannot be clicked."""
    from rich.style import Style
    from rich.text import Text

    addresses = [link_of(image["url"]) for image in each]
    clickable = console.is_terminal and console.color_system
    return Text("\n").join(Text(address, Style(link=address) if clickable else "") for address in addresses)


def _numbered(what: str, numbers: Sequence[int]) -> str:
    """Return `draw 2` or `draws 2 to 4`: which they are, where a mere number could be how many; nothing for none."""
    if not numbers:
        return ""
    return f"{what if len(numbers) == 1 else f'{what}s'} {in_short(numbers)}"


def _seed(item: View) -> str:
    """Return the seed that was sent, and how it came from the one asked for where they differ."""
    asked, sent = item["base_seed"], item["seed"]
    if sent is None:
        return "" if asked is None else f"none sent: the model takes none (asked for {asked})"
    return str(sent) if sent == asked else f"{sent} (asked for {asked}; this is draw {item['draw']})"


def _used(item: View) -> View:
    """Return what an image was made with, as the service or its adapter told; a prompt sent as one has its own line."""
    noted = {"system_prompt"} if item["combined_prompt"] else set()
    return {name: value for name, value in (item["effective_parameters"] or {}).items() if name not in noted}


def _cost(item: View) -> str:
    if item["cost_usd"] is not None:
        return money(item["cost_usd"])
    return "not known" + ("" if item["max_cost_usd"] is None else f", at most {money(item['max_cost_usd'])}")


def _rating(item: View) -> str:
    return "" if item["result_rating"] is None else f"{item['result_rating']:.1f}"


def _rating_line(rating: View) -> str:
    parts = [
        f"{rating['rater']}: {rating['score']}",
        *(f"{name} {score}" for name, score in rating["criteria"].items()),
        " ".join(f"#{tag}" for tag in rating["tags"]),
        rating["note"] or "",
    ]
    return ", ".join(part for part in parts if part)


def _reason(item: View) -> str:
    return f"{item['error']['kind']}: {item['error']['message']}" if item["error"] else ""


def _categories(error: View) -> str:
    """Return what the service names as its reason for a refusal, as it calls it; nothing where it names none."""
    found = (error.get("details") or {}).get("categories") or []
    return ", ".join(map(str, found)) if isinstance(found, list) else str(found)


def _attempt(attempt: View) -> str:
    parts = [
        f"{attempt['number']}. {attempt['outcome'] or 'in flight'}",
        f"HTTP {attempt['http_status']}" if attempt["http_status"] else "",
        seconds(attempt["duration_ms"]),
        attempt["error_kind"] or "",
        "recovered" if attempt["recovered"] else "",
        f"request {attempt['request_id']}" if attempt["request_id"] else "",
    ]
    return ", ".join(part for part in parts if part)
