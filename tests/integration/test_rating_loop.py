"""The loop of `promptlab rate`, in a real terminal."""

import os

import pexpect
import pytest
from sqlmodel import col, select
from tests.fixtures.command_line import Promptlab
from tests.fixtures.factories import opening
from tests.fixtures.rating_loop import Loop, ended, scores
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer

from promptlab.db.opinions import Rating


def test_one_key_is_one_rating(promptlab: Promptlab, three: list[int], loop: Loop) -> None:
    """The loop walks the queue and ends with it."""
    child = loop()
    for place, key in enumerate("524", start=1):
        child.expect(f"Item {place} of 3")
        child.expect("q quit")
        child.send(key)
    child.expect("That was the last one")
    child.send("\r")
    child.expect("3 rated")
    assert ended(child) == 0
    assert scores(promptlab) == [5.0, 2.0, 4.0]


def test_two_keys_at_once_are_no_score(promptlab: Promptlab, three: list[int], loop: Loop) -> None:
    """A slow line delivers them together; a rating that nobody meant is worse than none."""
    child = loop()
    child.expect("q quit")
    child.send("45")
    child.expect("Several keys came at once, and none was taken")
    child.send("q")
    assert ended(child) == 0
    assert scores(promptlab) == [None, None, None]


def test_blind_means_blind(three: list[int], loop: Loop) -> None:
    """Nothing on the screen tells the version, the model, the prompt or another's score."""
    child = loop()
    child.expect("Item 1 of 3")
    child.expect("q quit")
    child.send("q")
    child.expect("0 rated")
    shown = str(child.before)
    child.close()
    for word in ("poster", "sketch", "fox", "@1"):
        assert word not in shown


def test_open_shows_where_an_item_comes_from(three: list[int], loop: Loop) -> None:
    child = loop("--open")
    child.expect("poster@1")
    child.expect("a poster of fox")
    child.expect("q quit")
    child.send("q")
    assert ended(child) == 0


def test_undo_takes_the_last_rating_back_and_shows_its_item_again(
    promptlab: Promptlab, three: list[int], loop: Loop
) -> None:
    child = loop()
    child.expect("Item 1 of 3")
    child.expect("q quit")
    child.send("1")
    child.expect("Item 2 of 3")
    child.expect("q quit")
    child.send("u")
    child.expect("Undone")
    child.expect("Item 1 of 3")
    child.expect("q quit")
    child.send("5")
    child.expect("Item 2 of 3")
    child.expect("q quit")
    child.send("q")
    assert ended(child) == 0
    assert scores(promptlab) == [5.0, None, None]


def test_undo_keeps_note_and_tags_for_the_next_score(promptlab: Promptlab, three: list[int], loop: Loop) -> None:
    """Also those of the item that the person undoes from; what is recorded is one rating with them."""
    child = loop()
    for text, key in (("six fingers", "2"), ("too dark", "u")):
        child.expect("q quit")
        child.send("n")
        child.expect("Note .*: ")
        child.sendline(text)
        child.expect(f'note "{text}"')
        child.send("t")
        child.expect("Tags.*: ")
        child.sendline("hands")
        child.expect("tags hands")
        child.send(key)
    child.expect("Undone. Note and tags are kept for your next score.")
    child.expect("Item 1 of 3")
    child.expect('With your score, 1 to 5: note "six fingers"; tags hands')
    child.expect("q quit")
    assert promptlab("generation", "show", three[0], "--json").json["ratings"] == []
    child.send("4")
    child.expect("Item 2 of 3")
    child.expect('note "too dark"; tags hands')
    child.expect("q quit")
    child.send("q")
    assert ended(child) == 0
    [rating] = promptlab("generation", "show", three[0], "--json").json["ratings"]
    assert (rating["score"], rating["note"], rating["tags"]) == (4, "six fingers", ["hands"])
    assert scores(promptlab) == [4.0, None, None]


def test_undo_goes_back_over_the_whole_session_skips_too(promptlab: Promptlab, three: list[int], loop: Loop) -> None:
    """One thing at a time, and forward again from there; what was said beside a score need not be said twice."""
    child = loop()
    noted(child, "too dark")
    steps = ((None, "2"), (2, "s"), (3, "4"), (0, "u"), (3, "u"), (2, "u"), (1, "3"), (2, "5"), (3, "s"), (0, "q"))
    for place, key in steps:
        if place is not None:
            child.expect(f"Item {place} of 3" if place else "That was the last one. u undo, q or Enter quit")
        child.expect("q quit|q or Enter quit" if place else "")
        child.send(key)
    child.expect("2 rated")
    assert ended(child) == 0
    assert scores(promptlab) == [3.0, 5.0, None]
    [rating] = promptlab("generation", "show", three[0], "--json").json["ratings"]
    assert (rating["score"], rating["note"]) == (3, "too dark")


def noted(child: "pexpect.spawn[str]", text: str) -> None:
    child.expect("q quit")
    child.send("n")
    child.expect("Note .*: ")
    child.sendline(text)
    child.expect(f'note "{text}"')


def test_time_is_kept_with_each_rating(promptlab: Promptlab, three: list[int], loop: Loop) -> None:
    """From when an item is there to its score; what came from elsewhere has none."""
    child = loop()
    child.expect("q quit")
    child.send("4")
    child.expect("Item 2 of 3")
    child.close(force=True)
    promptlab("rate", three[1], "--score", 3)
    with opening(f"sqlite:///{os.environ['PROMPTLAB_HOME']}/promptlab.db") as database, database.reading() as session:
        [first, second] = session.exec(select(Rating.duration_ms).order_by(col(Rating.id)))
    assert first is not None
    assert first > 0
    assert second is None


def test_undo_says_that_an_earlier_score_stands_again(promptlab: Promptlab, three: list[int], loop: Loop) -> None:
    """Somebody may have rated the item elsewhere while it was on this screen."""
    child = loop()
    child.expect("q quit")
    promptlab("rate", three[0], "--score", 3, "--rater", "ana")
    for key, said in (("5", "Item 2 of 3"), ("u", "Undone. Your earlier score stands again: 3"), ("q", "0 rated")):
        child.send(key)
        child.expect(said)
        child.expect("q quit|$")
    assert ended(child) == 0
    assert scores(promptlab) == [3.0, None, None]


def test_notes_and_tags_belong_to_the_score_that_follows(promptlab: Promptlab, three: list[int], loop: Loop) -> None:
    child = loop()
    child.expect("q quit")
    child.send("n")
    child.expect("Note .*: ")
    child.sendline("six fingers, so no")
    child.expect('With your score, 1 to 5: note "six fingers, so no"; no tags')
    child.send("t")
    child.expect("Tags.*: ")
    child.sendline("hands, text")
    child.expect("tags hands, text")
    child.send("2")
    child.expect("Item 2 of 3")
    child.expect("q quit")
    child.send("3")
    child.expect("Item 3 of 3")
    child.expect("q quit")
    child.send("q")
    assert ended(child) == 0
    [first, second] = (promptlab("generation", "show", each, "--json").json["ratings"] for each in three[:2])
    assert [(each["note"], each["tags"]) for each in (*first, *second)] == [
        ("six fingers, so no", ["hands", "text"]),
        (None, []),
    ]


def test_skipped_items_come_back_the_next_time(promptlab: Promptlab, three: list[int], loop: Loop) -> None:
    child = loop()
    for key in "s3s":
        child.expect("q quit")
        child.send(key)
    child.expect("That was the last one")
    child.send("q")
    child.expect("1 rated")
    assert ended(child) == 0
    assert scores(promptlab) == [None, 3.0, None]
    child = loop()
    child.expect("Item 1 of 2")
    child.close(force=True)


def test_an_interrupted_session_names_the_command_that_goes_on(three: list[int], loop: Loop) -> None:
    child = loop("--prompt-version", "poster@1", "--batch", "1", "--rater", "ben b", "--open", columns=160)
    child.expect("q quit")
    child.sendintr()
    child.expect("promptlab rate --prompt-version poster@1 --batch 1 --rater 'ben b' --open\r\n")
    assert ended(child) == 130


def test_undo_leaves_what_the_same_rater_has_said_elsewhere_since(
    promptlab: Promptlab, three: list[int], loop: Loop
) -> None:
    """It takes back what this session has given, and nothing else."""
    child = loop()
    child.expect("q quit")
    child.send("5")
    child.expect("Item 2 of 3")
    child.expect("q quit")
    promptlab("rate", three[0], "--score", 2, "--rater", "ana")
    child.send("u")
    child.expect("You have rated it elsewhere since, and that rating stands.")
    child.expect("Item 1 of 3")
    child.expect("q quit")
    child.send("q")
    assert ended(child) == 0
    assert scores(promptlab) == [2.0, None, None]


@pytest.mark.parametrize("how", ["interrupt", "kill", "hang up"])
def test_a_rating_that_was_given_survives(promptlab: Promptlab, three: list[int], loop: Loop, how: str) -> None:
    """It is committed when the key goes down, whatever ends the session."""
    child = loop()
    child.expect("q quit")
    child.send("4")
    child.expect("Item 2 of 3")
    child.expect("q quit")
    if how == "interrupt":
        child.sendintr()
        child.expect("1 rated")
        child.expect("What was rated is kept. Go on with: promptlab rate\r\n")
        assert ended(child) == 130
    else:
        child.close(force=how == "kill")
    assert scores(promptlab) == [4.0, None, None]


def test_each_rater_walks_what_they_have_not_rated(promptlab: Promptlab, three: list[int], loop: Loop) -> None:
    promptlab("rate", three[0], "--score", 3, "--rater", "ben")
    promptlab("rate", three[1], "--score", 3, "--rater", "ana")
    child = loop()
    child.expect("Item 1 of 2")
    child.close(force=True)
    waiting = promptlab("queue", "--rater", "ana", "--json").json["items"]
    assert [item["id"] for item in waiting] == [three[0], three[2]]


def test_keys_may_come_through_a_pipe(promptlab: Promptlab, three: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """One character is one key, and the end of the input ends the loop."""
    from io import StringIO

    monkeypatch.setattr("sys.stdin", StringIO("5\n1\n"))
    promptlab("rate", "--rater", "ana")
    assert scores(promptlab) == [5.0, 1.0, None]


@pytest.mark.parametrize(("arguments", "way"), [((), "--from FILE"), (("1",), "Give --score, or")])
def test_without_a_terminal_and_without_a_key_nothing_can_be_rated(
    promptlab: Promptlab, three: list[int], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], way: str
) -> None:
    """`promptlab rate 1 </dev/null` in a script is a mistake, and is told so."""
    from io import StringIO

    monkeypatch.setattr("sys.stdin", StringIO(""))
    ran = promptlab("rate", *arguments, code=2)
    assert "Error: Nothing was rated. Nobody can be asked here.\n" in ran.err
    assert way in ran.err
    assert "q quit" not in ran.err, "an item was shown to nobody"
    assert scores(promptlab) == [None, None, None]


@pytest.mark.parametrize("command", [("rate",), ("vote", "poster@1", "poster@1")])
def test_a_rater_without_a_name_is_told_before_anything_is_shown(
    promptlab: Promptlab, three: list[int], command: tuple[str, ...]
) -> None:
    assert "A rater needs a name" in promptlab(*command, "--rater", " ", code=2).err


def test_what_has_no_images_is_said_before_a_key_is_asked_for(
    promptlab: Promptlab, openai_environment: OpenAIServer, loop: Loop
) -> None:
    openai_environment.behave(Behaviour.failing(400))
    promptlab("prompt", "create", "card", "--user", "a card", "--provider", "openai")
    promptlab("generate", "--prompt-version", "card", code=5)
    child = loop("1")
    child.expect("Error: Generation 1 is failed and has no images to rate.")
    assert ended(child) == 3
    assert "q quit" not in str(child.before)


def test_one_generation_can_be_rated_by_key(promptlab: Promptlab, three: list[int], loop: Loop) -> None:
    child = loop(str(three[1]))
    child.expect("q quit")
    assert not str(child.before).startswith("\r\n"), "it begins with the item, not with blank lines"
    child.send("4")
    child.expect("1 rated")
    assert ended(child) == 0
    assert scores(promptlab) == [None, 4.0, None]
