"""Small plots as inline SVG: of numbers only, coloured by the page, and with their numbers as a text for readers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markupsafe import Markup

View = dict[str, Any]

ALL = ("interval_plot", "mean_plot", "history_plot", "distribution_plot")

_WIDTH = 340
_LEFT, _RIGHT = 14, _WIDTH - 14


def interval_plot(view: View) -> "Markup":
    """Return how many of a hundred blocks a candidate wins, and the limits of what that may be, beside a tie."""
    low, high = view["interval"]
    said = f"Wins {100 * view['theta']:.0f} of 100, ties split; between {100 * low:.0f} and {100 * high:.0f}."
    return _on_axis(view["theta"], low, high, ticks=((0, "0"), (0.5, "50"), (1, "100")), middle=0.5, said=said)


def mean_plot(mean: float, interval: Sequence[float]) -> "Markup":
    """Return a mean rating, with the limits of what it may be, over the bars of `distribution_plot`."""
    value, low, high = ((star - 0.5) / 5 for star in (mean, *interval))
    said = f"Mean {mean:.2f}, between {interval[0]:.2f} and {interval[1]:.2f}."
    return _on_axis(value, low, high, ticks=(), middle=None, said=said)


def history_plot(history: Sequence[View], unit: str) -> "Markup":
    """Return the interval as it was at one look after the other."""
    top, bottom, left = 10, 100, 34
    step = (_RIGHT - left) / max(1, len(history))
    parts = [_line(left, _y(share, top, bottom), _RIGHT, kind="middle" if share == 0.5 else "grid")
             for share in (0, 0.5, 1)]  # fmt: skip
    parts += [_text(left - 8, _y(share, top, bottom) + 4, f"{100 * share:.0f}", "end") for share in (0, 0.5, 1)]
    for number, look in enumerate(history):
        x, (low, high) = left + step * (number + 0.5), look["interval"]
        parts.append(
            f'<line class="range" x1="{x:.1f}" x2="{x:.1f}" y1="{_y(low, top, bottom):.1f}"'
            f' y2="{_y(high, top, bottom):.1f}"/>'
        )
        parts.append(_dot(x, _y(look["theta"], top, bottom)))
        parts.append(_text(x, bottom + 18, str(look["blocks"]), "middle"))
    looks = "; ".join(
        f"after {look['blocks']}: {100 * look['theta']:.0f}, {100 * look['interval'][0]:.0f} to"
        f" {100 * look['interval'][1]:.0f}"
        for look in history
    )
    return _svg(parts, height=bottom + 24, said=f"Wins of 100 by number of {unit}s; {looks}.")


def distribution_plot(distribution: Mapping[str, int]) -> "Markup":
    """Return how often each score was given as bars, with the numbers over them."""
    highest = max(1, *distribution.values())
    width, base = (_RIGHT - _LEFT) / len(distribution), 66
    parts: list[str] = []
    for number, (score, count) in enumerate(distribution.items()):
        tall = max(2.0, 44 * count / highest) if count else 1.0
        left = _LEFT + number * width
        kind = "bar" if count else "bar none"
        parts.append(
            f'<rect class="{kind}" x="{left + 3:.1f}" y="{base - tall:.1f}" width="{width - 6:.1f}"'
            f' height="{tall:.1f}" rx="2"/>'
        )
        parts.append(_text(left + width / 2, base - tall - 5, str(count), "middle", kind="value" if count else "tick"))
        parts.append(_text(left + width / 2, base + 16, score, "middle"))
    counts = ", ".join(f"{count} of {score}" for score, count in distribution.items())
    return _svg(parts, height=base + 22, said=f"How often each score was given: {counts}.")


def _on_axis(
    value: float, low: float, high: float, *, ticks: Sequence[tuple[float, str]], middle: float | None, said: str
) -> "Markup":
    y = 18
    parts = [_line(_LEFT, y, _RIGHT, kind="grid")]
    if middle is not None:
        parts.append(f'<line class="middle" x1="{_x(middle)}" x2="{_x(middle)}" y1="4" y2="{y + 14}"/>')
    parts.append(_line(_x(low), y, _x(high), kind="range"))
    parts.append(_dot(_x(value), y))
    parts += _ticks(ticks, y + 28)
    return _svg(parts, height=y + (34 if ticks else 8), said=said)


def _ticks(ticks: Sequence[tuple[float, str]], y: int) -> Iterator[str]:
    for share, label in ticks:
        anchor, out = ("start", -6) if share == 0 else ("end", 6) if share == 1 else ("middle", 0)
        yield _text(_x(share) + out, y, label, anchor)


def _svg(parts: Sequence[str], *, height: int, said: str) -> "Markup":
    from markupsafe import Markup, escape

    head = f'<svg class="plot" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(said)}">'
    return Markup(f"{head}{''.join(parts)}</svg>")  # noqa: S704 - numbers, and words of ours


def _line(left: float, y: float, right: float, *, kind: str) -> str:
    return f'<line class="{kind}" x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _dot(x: float, y: float) -> str:
    return f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'


def _text(x: float, y: float, text: str, anchor: str, *, kind: str = "tick") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _x(share: float) -> float:
    return round(_LEFT + share * (_RIGHT - _LEFT), 1)


def _y(share: float, top: int, bottom: int) -> float:
    return bottom - share * (bottom - top)
