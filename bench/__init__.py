"""Benchmarks that anyone can run: `make bench`, or one with `python -m bench.<name>`. They print ratios of one run."""
