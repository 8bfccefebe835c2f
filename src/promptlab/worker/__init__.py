"""`promptlab worker`: a process that takes jobs until it is told to stop. Its tasks only call services."""
