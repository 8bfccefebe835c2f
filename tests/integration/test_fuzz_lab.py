"""A lab that is worked in at random agrees with a model of it in plain Python, step after step."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from tests.fixtures.command_line import Ran
from tests.fuzzed_bench import FACTOR, Bench, examples

pytestmark = pytest.mark.timeout(0 if FACTOR > 1 else 120)

_RATERS = ("ana", "ben", "cid")
_WORDS = ("failed", "poor", "acceptable", "good", "excellent")
_place = st.integers(0, 30)
_names = st.sampled_from(["poster", "banner"])
_prompts = st.sampled_from(["a {{ subject }}", "two of {{ subject }}", "a {{ subject }} and {{ subject }}"])
_subjects = st.sampled_from(["fox", "owl"])
_raters = st.sampled_from(_RATERS)
_scores = st.integers(1, 5)


@dataclass
class _Version:
    id: int
    name: str
    number: int
    prompt: str
    deleted: bool = False


@dataclass
class _Generation:
    id: int
    version: _Version
    key: tuple[object, ...]
    draw: int
    history: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """What each rater has said, the current score last."""

    @property
    def scores(self) -> dict[str, int]:
        return {rater: said[-1] for rater, said in self.history.items() if said}

    @property
    def mean(self) -> float | None:
        return round(sum(self.scores.values()) / len(self.scores), 4) if self.scores else None

    def say(self, rater: str, score: int) -> bool:
        if self.history[rater][-1:] == [score]:
            return False
        self.history[rater].append(score)
        return True


class LabAndModel(RuleBasedStateMachine):
    """Does the same to a lab, over the command line, and to the model."""

    bench: ClassVar[Bench]

    def __init__(self) -> None:
        super().__init__()
        self.bench.restore()
        self.versions: list[_Version] = []
        self.generations: list[_Generation] = []
        self.highest = 0

    def run(self, *words: str | int, code: int = 0, stdin: str = "") -> Ran:
        ran = self.bench.checked([str(word) for word in words], stdin=stdin)
        assert ran.code == code, (words, ran)
        return ran

    @rule(name=_names, prompt=_prompts, flag=st.sampled_from(["", "", "--force", "--if-changed"]))
    def create(self, name: str, prompt: str, flag: str) -> None:
        same = [found for found in self.versions if (found.name, found.prompt, found.deleted) == (name, prompt, False)]
        words = ["prompt", "create", name, "--user", prompt, "--provider", "sketch", "--param", "size=64x64", "--json"]
        if same and not flag:
            self.run(*words, code=3)
            return
        made = self.run(*words, *([flag] if flag else [])).json
        if same and flag == "--if-changed":
            assert made["id"] == same[-1].id
            return
        number = 1 + max((found.number for found in self.versions if found.name == name), default=0)
        assert made["version"] == number, "numbers are never reused"
        self.versions.append(_Version(made["id"], name, number, prompt))

    @rule(place=_place, deleted=st.booleans())
    def delete_or_restore(self, place: int, deleted: bool) -> None:
        if self.versions:
            version = self.versions[place % len(self.versions)]
            words = ("delete", f"{version.name}@{version.number}", "--yes") if deleted else ("restore", version.id)
            self.run("prompt", *words, code=3 if version.deleted == deleted else 0)
            version.deleted = deleted

    @rule(place=_place, subject=_subjects, draws=st.integers(1, 2), seed=st.sampled_from([None, 7]))
    def generate(self, place: int, subject: str, draws: int, seed: int | None) -> None:
        if not self.versions:
            return
        version = self.versions[place % len(self.versions)]
        seeded = [] if seed is None else ["--seed", str(seed)]
        words = ["--var", f"subject={subject}", "--draws", str(draws), *seeded, "--json"]
        ran = self.run("generate", "--prompt-version", version.id, *words, code=3 if version.deleted else 0)
        if version.deleted:
            return
        key = (version.id, subject, seed)
        first = 1 + max((made.draw for made in self.generations if made.key == key), default=0)
        items = ran.json["items"]
        assert [item["draw"] for item in items] == list(range(first, first + draws)), "draws ascend"
        assert [item["seed"] for item in items] == [seed if seed is None else seed + item["draw"] - 1 for item in items]
        assert all(item["id"] > self.highest for item in items), "ids are never reused"
        self.highest = max(item["id"] for item in items)
        self.generations += [_Generation(item["id"], version, key, item["draw"]) for item in items]
        self.bench.review_in_order_of_ids()

    @rule(place=_place, rater=_raters, score=_scores, as_word=st.booleans())
    def rate(self, place: int, rater: str, score: int, as_word: bool) -> None:
        if self.generations:
            made = self.generations[place % len(self.generations)]
            given = _WORDS[score - 1] if as_word else score
            self.run("rate", made.id, "--score", given, "--rater", rater, "--json")
            made.say(rater, score)

    @rule(rows=st.lists(st.tuples(_place, _scores, _raters), min_size=1, max_size=4), broken=st.booleans())
    def rate_from_a_file(self, rows: list[tuple[int, int, str]], broken: bool) -> None:
        if not self.generations:
            return
        # Rows are taken in the order of their ids, as the lab does it.
        chosen = sorted(
            ((self.generations[row[0] % len(self.generations)], *row[1:]) for row in rows), key=_id_of_first
        )
        lines = ["generation,score,rater", *(f"{made.id},{score},{rater}" for made, score, rater in chosen)]
        file = self.bench.work / "ratings.csv"
        file.write_text("\n".join([*lines, *(["1,6,ana"] if broken else [])]) + "\n")
        twice = len({(made.id, rater) for made, _score, rater in chosen}) < len(chosen)
        ran = self.run("rate", "--from", "ratings.csv", "--json", code=2 if broken or twice else 0)
        if not (broken or twice):
            assert ran.json["rated"] == sum([made.say(rater, score) for made, score, rater in chosen])

    @rule(rater=_raters, keys=st.text("12345su", max_size=5))
    def walk_the_queue(self, rater: str, keys: str) -> None:
        """The loop is a walk over what this rater has not rated; undo goes back by one, be it a score or a skip."""
        waiting = [made for made in self.generations if rater not in made.scores and not made.version.deleted]
        self.run("rate", "--rater", rater, stdin=f"{keys}q")
        scored: list[bool] = []
        for key in keys:
            if len(scored) == len(waiting):
                break
            if key != "u":
                scored.append(key != "s")
                if key != "s":
                    waiting[len(scored) - 1].say(rater, int(key))
            elif scored and scored.pop():
                waiting[len(scored)].history[rater].pop()

    @rule(places=st.lists(_place, min_size=1, max_size=2))
    def delete_generations(self, places: list[int]) -> None:
        if self.generations:
            gone = {self.generations[place % len(self.generations)].id for place in places}
            self.run("generation", "delete", *sorted(gone), "--yes", "--json")
            self.generations = [made for made in self.generations if made.id not in gone]

    @rule(identity=st.integers(50, 99))
    def ask_for_what_is_not_there(self, identity: int) -> None:
        for words in (("rate", identity * 1_000, "--score", 3), ("generation", "delete", identity * 1_000, "--yes")):
            self.run(*words, "--json", code=3)

    @rule(limit=st.integers(1, 7))
    def look(self, limit: int) -> None:
        """Everything that is listed and counted is what the model says, whatever the size of a page."""
        shown = self.pages("generation", "list", limit=limit)
        assert [item["id"] for item in shown] == [made.id for made in reversed(self.generations)]
        assert [item["result_rating"] for item in reversed(shown)] == [made.mean for made in self.generations]
        waiting = [made.id for made in self.generations if made.mean is None and not made.version.deleted]
        assert [item["id"] for item in self.pages("queue", limit=limit)] == waiting
        for deleted in (False, True):
            flags = ["--deleted"] if deleted else []
            listed = [item["id"] for item in self.pages("prompt", "list", *flags, limit=limit)]
            assert listed == [found.id for found in reversed(self.versions) if found.deleted is deleted]
        for row in self.pages("stats", limit=limit):
            self.check_stats(row)
        for row in self.run("stats", "--by", "rater", "--json").json["items"]:
            live = [made for made in self.generations if not made.version.deleted]
            said = [made.scores[row["rater"]] for made in live if row["rater"] in made.scores]
            assert (row["rated"], row["mean"]) == (len(said), round(sum(said) / len(said), 4))

    def check_stats(self, row: dict[str, Any]) -> None:
        mine = [made for made in self.generations if made.version.id == row["prompt_version_id"]]
        means = [made.mean for made in mine if made.mean is not None]
        assert row["generations"] == row["succeeded"] == len(mine)
        assert (row["rated"], row["unrated"]) == (len(means), len(mine) - len(means))
        assert (row["mean"] is None) == (not means)
        if means:
            assert row["mean"] == pytest.approx(sum(means) / len(means), abs=1e-3)
        said = [score for made in mine for score in made.scores.values()]
        assert row["distribution"] == {str(score): said.count(score) for score in range(1, 6)}

    def pages(self, *words: str, limit: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor: list[str] = []
        while True:
            page = self.run(*words, "--limit", limit, *cursor, "--json").json
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = ["--cursor", page["next_cursor"]]

    def teardown(self) -> None:
        self.look(3)


def _id_of_first(row: tuple[_Generation, int, str]) -> int:
    return row[0].id


def test_the_lab_agrees_with_a_model_of_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    LabAndModel.bench = bench = Bench(tmp_path_factory.mktemp("bench"))
    assert bench.run(["db", "upgrade"]).code == 0
    bench.keep()
    run_state_machine_as_test(LabAndModel, settings=settings(examples(5), stateful_step_count=20))
