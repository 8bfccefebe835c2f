"""What the ratings say: numbers in, numbers out, by numpy alone; no database, no files, no terminal."""
