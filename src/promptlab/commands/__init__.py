"""One file a noun: each command parses, calls one thing and shows one thing."""
