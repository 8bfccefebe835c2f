"""Showing things: data to stdout, talk to stderr; tables for people, JSON for machines."""

from promptlab.output.sink import Output

__all__ = ["Output"]
