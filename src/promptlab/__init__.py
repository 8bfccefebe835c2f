"""promptlab: a lab bench for people who write prompts for image generators."""

__version__ = "0.1.0"
