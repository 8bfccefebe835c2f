"""`promptlab generate` and what can be done with what it made."""

import json
import re
import sqlite3
from pathlib import Path

import pytest
from tests.fixtures.command_line import Promptlab, png

BUY = ("generate", "--prompt-version", "poster", "--var", "subject=fox", "--json")


def test_it_always_buys_and_appends_draws(promptlab: Promptlab, sketch_version: int) -> None:
    """The same request again makes the next draws, in a batch of its own."""
    first = promptlab(*BUY, "--draws", 2).json
    second = promptlab(*BUY).json
    assert [item["draw"] for item in first["items"] + second["items"]] == [1, 2, 3]
    assert first["batch_id"] != second["batch_id"]


def test_draw_k_uses_the_seed_plus_k_minus_one(promptlab: Promptlab, sketch_version: int) -> None:
    """So a draw can be made again elsewhere, and its bytes are the same."""
    three = promptlab(*BUY, "--seed", 7, "--draws", 2).json["items"] + promptlab(*BUY, "--seed", 7).json["items"]
    assert [item["seed"] for item in three] == [7, 8, 9]
    again = promptlab(*BUY, "--seed", 8).json["items"][0]
    assert again["draw"] == 1
    assert again["outputs"][0]["sha256"] == three[1]["outputs"][0]["sha256"]


def test_the_same_bytes_are_kept_once(promptlab: Promptlab, sketch_version: int, tmp_path: Path) -> None:
    """Under their content, below the lab and the project."""
    one = promptlab(*BUY, "--seed", 7, "--draws", 2).json["items"][1]["outputs"][0]
    two = promptlab(*BUY, "--seed", 8).json["items"][0]["outputs"][0]
    assert one["url"] == two["url"]
    assert one["url"].endswith(f"/default/{one['sha256'][:2]}/{one['sha256'][2:4]}/{one['sha256']}.png")
    assert len(list((tmp_path / "promptlab" / "images").rglob("*.png"))) == 2


def test_count_is_one_generation_with_several_images(promptlab: Promptlab, sketch_version: int) -> None:
    made = promptlab(*BUY, "--count", 2).json["items"]
    assert len(made) == 1
    assert [image["position"] for image in made[0]["outputs"]] == [0, 1]
    assert re.search(r"^images asked for +2$", promptlab("generation", "show", made[0]["id"]).out, re.MULTILINE)


def test_a_dry_run_sends_and_writes_nothing(promptlab: Promptlab, sketch_version: int, tmp_path: Path) -> None:
    shown = promptlab(*BUY, "--dry-run", "--draws", 3, "--seed", 1).json
    assert (shown["dry_run"], shown["generations"], shown["seeds"]) == (True, 3, [1, 2, 3])
    assert shown["rendered_user_prompt"] == "a poster of fox"
    with sqlite3.connect(tmp_path / "promptlab" / "promptlab.db") as connection:
        assert connection.execute("SELECT count(*) FROM generation").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM batch").fetchone() == (0,)
    connection.close()


def test_saved_images_lie_beside_what_makes_them_again(
    promptlab: Promptlab, sketch_version: int, picture: Path, tmp_path: Path
) -> None:
    """The sidecar holds the prompt as sent, parameters, seed, inputs and the names of the files."""
    made = promptlab(*BUY, "--count", 2, "--seed", 3, "--input", picture, "--save", tmp_path / "out").json["items"][0]
    sidecar = json.loads((tmp_path / "out" / f"poster-1-{made['id']}.json").read_text())
    assert sidecar["rendered_user_prompt"] == "a poster of fox"
    assert (sidecar["seed"], sidecar["inputs"][0]["sha256"]) == (3, made["inputs"][0]["sha256"])
    assert [(tmp_path / "out" / name).is_file() for name in sidecar["files"]] == [True, True]


def test_a_folder_that_cannot_be_saved_to_is_said_before_anything_is_bought(
    promptlab: Promptlab, sketch_version: int
) -> None:
    assert "Nothing was bought" in promptlab(*BUY, "--save", "/proc/none", code=4).error["hint"]
    assert promptlab("generation", "list", "--json").json["items"] == []


def test_what_raters_said_is_shown(promptlab: Promptlab, sketch_version: int) -> None:
    """Each with score, criteria, tags and note: what was said last."""
    made = promptlab(*BUY).json["items"][0]
    promptlab("rate", made["id"], "--score", "2", "--rater", "ana")
    promptlab(
        *("rate", made["id"], "--score", "4", "--rater", "ana", "--note", "fine", "--tag", "hands"),
        *("--criterion", "colour=5"),
    )
    shown = promptlab("generation", "show", made["id"], "--json").json["ratings"]
    assert [(each["rater"], each["score"], each["note"], each["tags"], each["criteria"]) for each in shown] == [
        ("ana", 4, "fine", ["hands"], {"colour": 5})
    ]
    assert "ana: 4, colour 5, #hands, fine" in promptlab("generation", "show", made["id"]).out


def test_the_same_inputs_are_the_same_case(promptlab: Promptlab, sketch_version: int, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "b.png").write_bytes(png())
    promptlab(*BUY, "--input", "a.png")
    assert promptlab(*BUY, "--input", "b.png").json["items"][0]["draw"] == 2


def test_a_seed_that_a_model_does_not_take_is_a_warning_and_with_strict_an_error(
    promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    promptlab("prompt", "create", "banner", "--user", "a fox", "--provider", "openai", "--system", "ink")
    buy = ("generate", "--prompt-version", "banner", "--seed", "7", "--dry-run", "--json")
    warnings = promptlab(*buy).json["warnings"]
    assert any("takes no seed" in warning for warning in warnings)
    assert any("takes no system prompt" in warning for warning in warnings)
    assert "takes no seed" in promptlab(*buy, "--strict", code=2).error["message"]


def test_lists_are_narrowed(promptlab: Promptlab, sketch_version: int) -> None:
    first = promptlab(*BUY, "--draws", 2).json["items"]
    promptlab("rate", first[0]["id"], "--score", "4", "--rater", "ana")
    promptlab("rate", first[0]["id"], "--score", "3", "--rater", "ben")

    def ids(*arguments: str) -> list[int]:
        return [item["id"] for item in promptlab("generation", "list", *arguments, "--json").json["items"]]

    one, two = first[0]["id"], first[1]["id"]
    assert ids() == [two, one]
    assert ids("--rating", "4") == [one]
    assert ids("--rating", "3") == []
    assert ids("--unrated") == [two]
    assert ids("--state", "succeeded", "--since", "1h", "--prompt-version", "poster") == [two, one]
    assert ids("--until", "1h") == []
    assert ids("--state", "refused") == []


def test_a_deleted_generation_takes_its_rows_along(promptlab: Promptlab, sketch_version: int, tmp_path: Path) -> None:
    """All or none; the images stay until they are pruned."""
    made = promptlab(*BUY, "--draws", 2).json["items"]
    promptlab("rate", made[0]["id"], "--score", "4")
    promptlab("generation", "delete", made[0]["id"], 999, "--yes", code=3)
    ran = promptlab("generation", "delete", made[0]["id"], "--yes")
    assert ran.out == f"Deleted generation {made[0]['id']}. Its stored images stay.\n"
    assert "Stored images stay." in promptlab("generation", "delete", made[1]["id"], code=2).err
    promptlab("generation", "show", made[0]["id"], code=3)
    with sqlite3.connect(tmp_path / "promptlab" / "promptlab.db") as connection:
        for table in ("rating", "attempt", "generation_image_output", "batch_item"):
            rows = connection.execute(f"SELECT count(*) FROM {table} WHERE generation_id = ?", [made[0]["id"]])
            assert rows.fetchone() == (0,)
    connection.close()
    assert len(list((tmp_path / "promptlab" / "images").rglob("*.png"))) == 2


def test_retrying_what_has_its_images_is_a_conflict(promptlab: Promptlab, sketch_version: int) -> None:
    made = promptlab(*BUY).json["items"][0]
    promptlab("generation", "retry", made["id"], code=3)
    promptlab("generation", "retry", 999, code=3)


def test_the_queue_leaves_deleted_versions_out_unless_they_are_named(promptlab: Promptlab, sketch_version: int) -> None:
    """Nobody is to spend their time on what was thrown away."""
    promptlab(*BUY)
    promptlab("prompt", "delete", sketch_version, "--yes")
    assert promptlab("queue", "--json").json["items"] == []
    assert promptlab("queue", "--mine", "--json").json["items"] == []
    assert len(promptlab("queue", "--prompt-version", "poster@1", "--json").json["items"]) == 1


def test_stats_leave_deleted_versions_out_unless_they_are_named(promptlab: Promptlab, sketch_version: int) -> None:
    promptlab(*BUY)
    promptlab("prompt", "delete", sketch_version, "--yes")
    assert promptlab("stats", "--json").json["items"] == []
    [row] = promptlab("stats", "--prompt-version", "poster@1", "--json").json["items"]
    assert row["generations"] == 1


@pytest.mark.parametrize("by", ["version", "provider", "model", "rater", "day", "week", "month"])
def test_stats_are_counted_by_what_one_likes(promptlab: Promptlab, sketch_version: int, by: str) -> None:
    made = promptlab(*BUY).json["items"][0]
    promptlab("rate", made["id"], "--score", "4", "--rater", "ana")
    [row] = promptlab("stats", "--by", by, "--json").json["items"]
    assert (row["mean"], row["distribution"]["4"]) == (4.0, 1)
    assert "4.00" in promptlab("stats", "--by", by).out


def test_what_a_model_reads_as_an_instruction_is_warned_of(
    promptlab: Promptlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the words that are meant, and on the generation too; a prompt without them is not warned of."""
    file = tmp_path / "models.toml"
    file.write_text('[sketch.models."sketch-1".interpreted]\n"a weight" = \'\\(.+:[\\d.]+\\)\'\n')
    monkeypatch.setenv("PROMPTLAB_MODELS_FILE", str(file))
    promptlab("prompt", "create", "p", "--user", "a {{ subject }}", "--provider", "sketch", code=0)
    weighted = promptlab("generate", "--prompt-version", "p", "--var", "subject=(fox:1.2)", "--json")
    warning = "sketch-1 reads a weight in the prompt as an instruction, not as text: (fox:1.2)"
    assert warning in weighted.err
    assert weighted.json["items"][0]["warnings"] == [warning]
    assert promptlab("generate", "--prompt-version", "p", "--var", "subject=fox (red)").err.count("weight") == 0
