"""How near a batch with 256 requests at once comes to the ideal: images times their latency, shared by 256."""

from bench._load import loaded
from bench._measure import report_least

COUNT, SIZE, LATENCY, CONCURRENCY = 2_000, 100_000, 2.0, 256
LEAST = 0.95


def main() -> None:
    ideal = COUNT * LATENCY / CONCURRENCY
    with loaded(latency=LATENCY, size=SIZE) as load:
        done, nothing = load.batch(COUNT, concurrency=CONCURRENCY)
        took, busy = done.seconds - nothing.seconds, load.server.busy_seconds
    print(f"{COUNT:,} images of 100 kB, {LATENCY:g} s each, {CONCURRENCY} at once: {took:.2f} s, ideal {ideal:.2f} s")
    print(f"a run with nothing to do: {nothing.seconds:.2f} s; the server's processor time: {busy:.2f} s")
    report_least("ideal / promptlab", ideal / took, LEAST)


if __name__ == "__main__":
    main()
