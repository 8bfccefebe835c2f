"""How the benchmarks measure: alternately, so that a busy moment hits both sides, and by the median."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

Action = Callable[[], object]


def medians(actions: Mapping[str, Action], *, rounds: int) -> dict[str, float]:
    """Return the median seconds of each action over `rounds` alternating rounds, after one that warms up."""
    taken: dict[str, list[float]] = {name: [] for name in actions}
    for round_ in range(rounds + 1):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            if round_:
                taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in taken.items()}


def python(*arguments: str, environment: Mapping[str, str] | None = None) -> Action:
    """Return an action that runs a fresh Python process."""

    def run() -> None:
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)

    return run


def report(what: str, ratio: float, limit: float) -> None:
    """Print one line with the ratio and what it is allowed to be."""
    verdict = "ok" if ratio <= limit else "TOO SLOW"
    print(f"{what}: {ratio:.2f} (allowed {limit:.2f}) {verdict}")


def report_least(what: str, share: float, least: float) -> None:
    """Print one line with a share that must not be smaller."""
    verdict = "ok" if share >= least else "TOO LOW"
    print(f"{what}: {share:.2f} (at least {least:.2f}) {verdict}", flush=True)


def report_most(what: str, share: float, most: float) -> None:
    """Print one line with a share that must not be larger."""
    verdict = "ok" if share <= most else "TOO HIGH"
    print(f"{what}: {share:.3f} (at most {most:.3f}) {verdict}", flush=True)
