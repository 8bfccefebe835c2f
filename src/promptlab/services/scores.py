"""Scores, and the words that they have."""

from promptlab.errors import InvalidInput, nearest

SCORE_WORDS = {"failed": 1, "poor": 2, "acceptable": 3, "good": 4, "excellent": 5}
SCORE_NAMES = {score: word for word, score in SCORE_WORDS.items()}


def parse_score(text: str) -> int:
    """Return the score 1..5 that a digit or a word names; raises InvalidInput for anything else."""
    word = text.strip().lower()
    if word in SCORE_WORDS:
        return SCORE_WORDS[word]
    if word in {"1", "2", "3", "4", "5"}:
        return int(word)
    words = ", ".join(f"{score} {name}" for name, score in SCORE_WORDS.items())
    raise InvalidInput(f"{text!r} is no score.{nearest(word, list(SCORE_WORDS))}", hint=f"Scores are {words}.")
