"""The most memory that `batch run` holds: of many generations against few, of large images against a bare loop."""

from bench._load import loaded
from bench._measure import report

SHORT, LONG, SMALL = 100, 10_000, 10_000
IMAGES, LARGE, CONCURRENCY = 400, 1_000_000, 64


def main() -> None:
    with loaded(latency=0.0, size=SMALL) as load:
        short, _nothing = load.batch(SHORT, concurrency=16)
        long, _nothing = load.batch(LONG, concurrency=16)
    print(f"{SHORT} generations: {short.peak_mb:.0f} MB, {LONG:,}: {long.peak_mb:.0f} MB")
    report(f"memory of {LONG:,} generations / of {SHORT}", long.peak_mb / short.peak_mb, 1.3)
    with loaded(latency=0.2, size=LARGE) as load:
        bare = load.bare(IMAGES, concurrency=CONCURRENCY)
        ours, _nothing = load.batch(IMAGES, concurrency=CONCURRENCY)
    print(f"{IMAGES} images of 1 MB, {CONCURRENCY} at once: {ours.peak_mb:.0f} MB, bare {bare.peak_mb:.0f} MB")
    report("memory of promptlab / bare", ours.peak_mb / bare.peak_mb, 1.2)


if __name__ == "__main__":
    main()
