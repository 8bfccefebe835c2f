"""What `promptlab vote` asks in a sitting: one pair after another, one key a vote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from promptlab.commands.keyboard import LEFT, RIGHT, Keyboard
from promptlab.commands.rating_walk import command
from promptlab.commands.screen import Question, Screen
from promptlab.commands.use import Action
from promptlab.db.states import VoteAnswer
from promptlab.runtime import Runtime

if TYPE_CHECKING:
    from promptlab.db.opinions import Vote
    from promptlab.services.voting import Ballot

_ANSWERS = {
    **dict.fromkeys([*LEFT, "l", "L"], VoteAnswer.LEFT),
    **dict.fromkeys([*RIGHT, "r", "R"], VoteAnswer.RIGHT),
    **dict.fromkeys("tT", VoteAnswer.TIE),
    **dict.fromkeys("bB", VoteAnswer.BOTH_BAD),
}


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Two versions, as they were named, and who votes on them."""

    first: str
    second: str
    rater: str
    preview: bool


class VotingUse:
    """The pairs of two versions that one rater has not voted on, blind; what becomes of an answer is a vote."""

    noun, deed, nothing = "Pair", "voted on", "Nothing waits for a vote of yours."
    is_single, remedy = False, "Run it in a terminal."
    keys = ("l left", "r right", "t tie", "b both bad")
    help = (
        ("l, left arrow", "the left one is better; kept at once, on to the next"),
        ("r, right arrow", "the right one is better"),
        ("t", "a tie: neither is better"),
        ("b", "both are bad"),
    )

    def __init__(self, runtime: Runtime, contest: Contest) -> None:
        self._runtime, self._contest = runtime, contest
        self._ballot: Ballot | None = None
        self._place = 0

    def seat(self, screen: Screen, keyboard: Keyboard) -> None:  # noqa: ARG002 - it asks for nothing but answers
        self._screen = screen

    def find(self) -> int:
        """Find the pairs; raises what `voting.ballot` raises."""
        from promptlab.services import voting

        contest = self._contest
        self._ballot = voting.ballot(self._runtime.lab, contest.first, contest.second, rater=contest.rater)
        if self._ballot.by_number:
            self._screen.say("There are no cases here: the first image of one stands beside the first of the other.")
        return len(self._ballot.pairs)

    def more(self, count: int) -> Sequence[Question]:
        from promptlab.services import voting

        assert self._ballot is not None  # noqa: S101 - set by `find`
        found: list[Question] = []
        while len(found) < count and (next_ones := self._ballot.pairs[self._place : self._place + count]):
            self._place += len(next_ones)
            for pair, left, right in voting.blind_pairs(self._runtime.lab, next_ones):
                images = [("inputs", left["inputs"]), ("left", left["outputs"]), ("right", right["outputs"])]
                found.append(Question(id=(pair.left, pair.right), images=images, subject=pair))
        return found

    def introduce(self, question: Question) -> None:
        """Show nothing: it is blind."""

    def remind(self, question: Question) -> None:
        """Show nothing: a vote has no remarks."""

    def answer(self, key: str) -> VoteAnswer | None:
        return _ANSWERS.get(key)

    def actions(self, question: Question) -> Mapping[str, Action]:  # noqa: ARG002 - there are no others
        return {}

    def record(self, question: Question, answer: VoteAnswer, duration_ms: int | None) -> tuple["Vote", str]:
        from promptlab.services import voting

        given = voting.vote(
            self._runtime.lab, question.subject, rater=self._contest.rater, answer=answer, duration_ms=duration_ms
        )
        return given, answer.value.replace("_", " ")

    def withdraw(self, question: Question, receipt: "Vote") -> str:  # noqa: ARG002 - a vote names its pair
        from promptlab.services import voting

        voting.undo(self._runtime.lab, receipt)
        return "Undone."

    def done(self, given: int) -> str:
        from promptlab.output.cells import counted

        return f"{counted(given, 'vote')}."

    def again(self) -> str:
        contest, default = self._contest, self._runtime.settings.rater
        return command(
            self._runtime.flags,
            ["vote", contest.first, contest.second],
            {"rater": None if contest.rater == default else contest.rater},
            ["--preview"] if contest.preview else [],
        )
