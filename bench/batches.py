"""Images a second of `batch run`, against the least that anybody would write, at 16 and at 64 requests at once."""

import statistics

from bench._load import Load, loaded
from bench._measure import report_least

COUNT, SIZE, LATENCY, ROUNDS = 400, 1_000_000, 0.2, 3
LEAST = 0.9


def main() -> None:
    with loaded(latency=LATENCY, size=SIZE) as load:
        for concurrency in (16, 64):
            compare(load, concurrency)


def compare(load: Load, concurrency: int) -> None:
    bare, ours, busy = [], [], load.server.busy_seconds
    for _ in range(ROUNDS):
        bare.append(load.bare(COUNT, concurrency=concurrency))
        ours.append(load.batch(COUNT, concurrency=concurrency))
    served = (load.server.busy_seconds - busy) / (2 * ROUNDS * COUNT)
    bare_rate = statistics.median(COUNT / float(child.out) for child in bare)
    rate = statistics.median(COUNT / (done.seconds - nothing.seconds) for done, nothing in ours)
    work = statistics.median((done.busy - nothing.busy) / COUNT for done, nothing in ours)
    bare_work = statistics.median(child.busy / COUNT for child in bare)
    print(f"{COUNT} images of 1 MB, {LATENCY} s each, {concurrency} at once: {rate:.1f} a second, bare {bare_rate:.1f}")
    print(f"processor time an image: {work * 1000:.1f} ms, bare {bare_work * 1000:.1f}, server {served * 1000:.1f}")
    report_least(f"promptlab / bare, {concurrency} at once", rate / bare_rate, LEAST)


if __name__ == "__main__":
    main()
