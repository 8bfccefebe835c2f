"""The product's main job, end to end: a version, images, the queue, ratings, stats."""

from pathlib import Path
from urllib.request import urlopen

import pytest
from PIL import Image
from tests.fixtures.command_line import Promptlab

GENERATION_KEYS = {
    *("id", "prompt_version_id", "prompt", "version", "state", "draw", "case", "batch_id", "provider", "model"),
    *("parameters", "effective_parameters", "seed", "rendered_system_prompt", "rendered_user_prompt", "inputs"),
    *("outputs", "result_rating", "notes", "execution_time", "cost_usd", "usage", "error", "attempts", "created_at"),
    "finished_at",
}
STATS_KEYS = {
    *("prompt_version_id", "name", "version", "generations", "succeeded", "refused", "failed", "unknown", "rated"),
    *("unrated", "mean", "distribution", "cost_usd", "execution_time_p50", "execution_time_p95"),
}
VERSION_KEYS = {
    *("id", "project", "name", "version", "system_prompt", "user_prompt", "provider", "model", "parameters"),
    *("description", "content_hash", "created_at", "deleted_at"),
}
IMAGE_KEYS = {"url", "sha256", "media_type", "width", "height", "bytes", "position"}


@pytest.fixture(autouse=True)
def migrated(place: str, promptlab: Promptlab) -> None:
    if place != "sqlite and a folder":
        promptlab("db", "upgrade")


@pytest.mark.parametrize("provider", ["sketch", "openai"])
@pytest.mark.usefixtures("openai_environment")
def test_from_a_prompt_to_its_stats(promptlab: Promptlab, picture: Path, provider: str) -> None:
    """Every command of the walk does its part, with the keys that scripts rely on."""
    made = promptlab(
        *("prompt", "create", "banner", "--user", "a poster of {{ subject }}", "--provider", provider, "--json")
    ).json
    assert set(made) >= VERSION_KEYS
    assert (made["name"], made["version"], made["provider"]) == ("banner", 1, provider)

    bought = promptlab(
        "generate", "--prompt-version", made["id"], "--input", picture, "--var", "subject=fox", "--draws", 2, "--json"
    ).json
    [first, second] = bought["items"]
    assert set(first) >= GENERATION_KEYS
    assert (first["state"], first["draw"], second["draw"]) == ("succeeded", 1, 2)
    assert first["rendered_user_prompt"] == "a poster of fox"
    assert first["batch_id"] == bought["batch_id"]
    assert set(first["outputs"][0]) >= IMAGE_KEYS
    assert (first["inputs"][0]["width"], first["inputs"][0]["height"]) == (64, 48)
    assert first["cost_usd"] is not None

    waiting = promptlab("queue", "--json").json
    assert {item["id"] for item in waiting["items"]} == {first["id"], second["id"]}

    rated = promptlab("rate", first["id"], "--score", "good", "--note", "fine", "--rater", "ana", "--json").json
    assert (rated["score"], rated["rater"], rated["note"]) == (4, "ana", "fine")
    assert [item["id"] for item in promptlab("queue", "--json").json["items"]] == [second["id"]]

    [row] = promptlab("stats", "--json").json["items"]
    assert set(row) >= STATS_KEYS
    assert (row["generations"], row["succeeded"], row["rated"], row["unrated"], row["mean"]) == (2, 2, 1, 1, 4.0)
    assert row["distribution"] == {"1": 0, "2": 0, "3": 0, "4": 1, "5": 0}


def test_links_open_the_images(promptlab: Promptlab, sketch_version: int, tmp_path: Path, place: str) -> None:
    """A link leads to the very bytes that `--save` wrote: by itself in a folder, signed on S3."""
    target = tmp_path / "saved"
    made = promptlab(
        *("generate", "--prompt-version", sketch_version, "--var", "subject=fox", "--save", target, "--json")
    ).json["items"][0]
    [link] = promptlab("storage", "url", made["id"], "--expires", "5min", "--json").json["items"]
    assert link["url"].startswith("file:///" if place == "sqlite and a folder" else "s3://")
    [saved] = target.glob("*.png")
    with urlopen(link["link"]) as answer:
        assert answer.read() == saved.read_bytes()
    with Image.open(saved) as image:
        assert image.size == (made["outputs"][0]["width"], made["outputs"][0]["height"])


def test_people_see_tables_and_scripts_see_data_on_stdout(promptlab: Promptlab, sketch_version: int) -> None:
    """What is said around them goes to stderr."""
    ran = promptlab("generate", "--prompt-version", sketch_version, "--var", "subject=fox")
    assert "succeeded" in ran.out
    assert "poster@1" in ran.out
    listed = promptlab("queue")
    assert "promptlab rate" in listed.err
    assert "promptlab rate" not in listed.out
    assert "poster" not in listed.out


def test_the_rating_is_the_mean_of_its_raters(promptlab: Promptlab, sketch_version: int) -> None:
    """Each rater counts once, with what they said last."""
    made = promptlab("generate", "--prompt-version", sketch_version, "--var", "subject=fox", "--json").json["items"][0]
    for rater, score in (("ana", 1), ("ben", 4), ("ana", 5)):
        promptlab("rate", made["id"], "--score", score, "--rater", rater)
    assert promptlab("generation", "show", made["id"], "--json").json["result_rating"] == 4.5
    [row] = promptlab("stats", "--json").json["items"]
    assert row["distribution"] == {"1": 0, "2": 0, "3": 0, "4": 1, "5": 1}
    assert [
        item["id"] for item in promptlab("generation", "list", "--rating", "excellent", "--json").json["items"]
    ] == [made["id"]]
