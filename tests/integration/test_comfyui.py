"""ComfyUI: what is special to its service, beside what every vendor promises."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.processes import wait_until
from tests.loopback import serving_service
from tests.openai_behaviour import Behaviour
from tests.pictures import picture
from tests.vendors.comfyui import TEXT_TO_IMAGE, VENDOR, ComfyuiService, with_inputs

from promptlab.adapters.ai.protocol import (
    ImageProvider,
    ImageRequest,
    ImageResult,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    ProviderUnavailable,
)
from promptlab.adapters.ai.registry import open_provider, ready_providers
from promptlab.settings import load

CREATE = ("prompt", "create", "p", "--user", "a harbour", "--provider", "comfyui")
SIZE = ("--param", "width=128", "--param", "height=96")
GENERATE = ("generate", "--prompt-version", "p", "--json", *SIZE)
FOR_EVER = 10**9


@pytest.fixture
def comfyui(monkeypatch: pytest.MonkeyPatch) -> Iterator[ComfyuiService]:
    with serving_service(ComfyuiService) as service:
        for name, value in VENDOR.environment(service.base_url).items():
            monkeypatch.setenv(name, value)
        yield service


@pytest.fixture
def adapter(comfyui: ComfyuiService) -> Iterator[ImageProvider]:
    with closing(open_provider("comfyui", load())) as provider:
        yield provider


@pytest.fixture
def version(promptlab: Promptlab, comfyui: ComfyuiService, tmp_path: Path) -> Promptlab:
    """A version with the workflow that makes an image of a text."""
    write(tmp_path / "workflow.json", TEXT_TO_IMAGE)
    promptlab(*CREATE, "--param", "workflow=@workflow.json")
    return promptlab


def write(path: Path, workflow: object) -> None:
    path.write_text(json.dumps(workflow), encoding="utf-8")


def changed(*, node: str = "3", **inputs: Any) -> dict[str, Any]:
    """Return the workflow with other inputs at one of its nodes."""
    found = TEXT_TO_IMAGE[node]
    return {**TEXT_TO_IMAGE, node: {**found, "inputs": {**found["inputs"], **inputs}}}


def draw(provider: ImageProvider, workflow: object = TEXT_TO_IMAGE, **about: Any) -> ImageResult:
    parameters = {"workflow": workflow, "width": 64, "height": 64}
    asked = {"model": "workflow", "user_prompt": "a harbour", "parameters": parameters, **about}
    return provider.generate(ImageRequest(**asked), accepted=lambda _handle: None)


def failure(provider: ImageProvider, workflow: object = TEXT_TO_IMAGE, **about: Any) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        draw(provider, workflow, **about)
    return raised.value


def history(status: dict[str, Any], outputs: dict[str, Any], name: str = "job") -> dict[str, Any]:
    return {name: {"outputs": outputs, "status": status}}


def test_without_a_seed_a_random_one_is_drawn_and_reported(comfyui: ComfyuiService, adapter: ImageProvider) -> None:
    seeds = [draw(adapter).effective_parameters["seed"] for _ in range(2)]
    assert seeds == [request.fields["prompt"]["3"]["inputs"]["seed"] for request in comfyui.asked()]
    assert seeds[0] != seeds[1]
    assert draw(adapter, seed=seeds[0]).effective_parameters == {"seed": seeds[0]}


def test_the_same_workflow_again_is_the_same_image_and_a_warning(version: Promptlab) -> None:
    """On the generation, since what was asked for, one more sample, is not what came."""
    first, second = (version(*GENERATE, "--seed", seed).json["items"][0] for seed in (7, 7))
    assert "warnings" not in first or first["warnings"] == []
    assert second["seed"] == 8, "each generation of the same request is one more draw"
    write(Path("fixed.json"), changed(seed=5))
    fixed = ("--param", "workflow=@fixed.json")
    one, two = (version(*GENERATE, *fixed).json["items"][0] for _ in range(2))
    assert one["outputs"][0]["sha256"] == two["outputs"][0]["sha256"]
    assert one["warnings"] == []
    assert "from its cache" in two["warnings"][0]


def test_the_system_prompt_has_a_place_or_goes_before_the_prompt(
    comfyui: ComfyuiService, adapter: ImageProvider
) -> None:
    together = draw(adapter, system_prompt="Woodcut.")
    apart = draw(adapter, changed(node="7", text="%system_prompt%"), system_prompt="Woodcut.")
    texts = [[request.fields["prompt"][node]["inputs"]["text"] for node in "67"] for request in comfyui.asked()]
    assert texts == [["Woodcut.\n\na harbour, best quality", "blurry"], ["a harbour, best quality", "Woodcut."]]
    assert together.effective_parameters["system_prompt"] == "rendered into the prompt"
    assert "system_prompt" not in apart.effective_parameters


def test_inputs_are_uploaded_and_called_what_the_server_calls_them(
    comfyui: ComfyuiService, adapter: ImageProvider
) -> None:
    """The same image is uploaded under the same name; a name that is taken by another gets the server's number."""
    for _ in range(2):
        draw(adapter, with_inputs(2), inputs=(picture("red"), picture("blue")))
    assert len(comfyui.folders.uploads) == 2
    [red, blue] = comfyui.folders.uploads
    graph = comfyui.asked()[-1].fields["prompt"]
    assert [graph[node]["inputs"]["image"] for node in ("load1", "load2")] == [red, blue]
    comfyui.folders.uploads[red] = b"another"
    draw(adapter, with_inputs(1), inputs=(picture("red"),))
    assert comfyui.asked()[-1].fields["prompt"]["load1"]["inputs"]["image"] == red.replace(".png", " (1).png")


@pytest.mark.parametrize(
    "behaviour", [Behaviour(reset=True), Behaviour(status=502, body=b""), Behaviour(status=503, body=b"")]
)
def test_an_upload_that_was_lost_has_bought_nothing(
    comfyui: ComfyuiService, adapter: ImageProvider, behaviour: Behaviour
) -> None:
    """So the whole request may be sent again."""
    comfyui.behave(behaviour, at="upload")
    assert isinstance(failure(adapter, with_inputs(1), inputs=(picture(),)), ProviderUnavailable)
    assert comfyui.asked() == []


def test_a_graph_that_the_server_refuses_is_a_sentence_with_node_and_input(adapter: ImageProvider) -> None:
    error = failure(adapter, changed(node="4", ckpt_name="gone.safetensors"))
    assert error.message == (
        "Node 4 (CheckpointLoaderSimple), input ckpt_name: Value not in list "
        "(ckpt_name: 'gone.safetensors' not in ['sd15.safetensors', 'flux1-schnell.safetensors'])"
    )
    assert (error.kind, error.http_status, error.may_be_billed) == ("bad_workflow", 400, False)
    assert error.details["node_errors"] == {"4": ["value_not_in_list"]}


def test_a_workflow_that_runs_in_part_is_a_failure_and_is_cancelled(
    comfyui: ComfyuiService, adapter: ImageProvider
) -> None:
    """Though the server takes it with a status of success."""
    comfyui.pending = FOR_EVER
    broken = {"class_type": "EmptyImage", "inputs": {"width": 0, "height": 64, "batch_size": 1, "color": 0}}
    saved = {"class_type": "SaveImage", "inputs": {"images": ["20", 0], "filename_prefix": "bad"}}
    error = failure(adapter, {**TEXT_TO_IMAGE, "20": broken, "21": saved})
    assert isinstance(error, ProviderFailed)
    assert "Only a part of the workflow can run: Node 20 (EmptyImage), input width: Value 0" in error.message
    assert len(comfyui.cancelled) == 1


def test_a_workflow_that_is_rejected_leads_to_another_version_with_a_mended_one(version: Promptlab) -> None:
    """Or with another model, since it may be that which the server does not have."""
    write(Path("bad.json"), changed(sampler_name="nobody"))
    said = version(*GENERATE, "--param", "workflow=@bad.json", code=5).err
    assert "--param workflow=@FILE" in said
    assert "--model MODEL" in said


def test_a_node_that_fails_is_named(adapter: ImageProvider) -> None:
    broken = picture().__class__(data=b"no image", media_type="image/png")
    error = failure(adapter, with_inputs(1), inputs=(broken,))
    assert error.message.startswith("Node load1 (LoadImage) failed with PIL.UnidentifiedImageError: cannot identify")
    assert (error.kind, error.details["node_id"]) == ("job_failed", "load1")
    assert (error.may_be_billed, error.cost_usd) == (True, 0.0)


def test_all_saved_images_come_back_and_no_previews_beside_them(adapter: ImageProvider) -> None:
    preview = {"class_type": "PreviewImage", "inputs": {"images": ["8", 0]}}
    again = {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "sub/again"}}
    assert len(draw(adapter, {**TEXT_TO_IMAGE, "10": preview, "11": again}, count=2).images) == 4
    assert len(draw(adapter, {**TEXT_TO_IMAGE, "9": preview}, count=3).images) == 3


def test_a_workflow_without_an_image_at_its_end_is_a_failure(comfyui: ComfyuiService, adapter: ImageProvider) -> None:
    [name] = names_of_jobs(comfyui, adapter, 1)
    comfyui.behave(Behaviour.json_body(history({"status_str": "success"}, {"9": {"text": ["words"]}}, name)), at="look")
    with pytest.raises(ProviderFailed, match="without an image") as failed:
        adapter.resume(handle_of(comfyui, name))
    assert failed.value.may_be_billed


def test_a_server_that_forgot_the_job_is_an_unknown_outcome(comfyui: ComfyuiService, adapter: ImageProvider) -> None:
    """Restarted, or its history cleared: an image may have been made."""
    comfyui.pending = FOR_EVER
    ended: list[ProviderError] = []
    thread = threading.Thread(target=lambda: ended.append(failure(adapter)))
    thread.start()
    wait_until(lambda: comfyui.asked("look"), "the first look")
    comfyui.restart()
    thread.join(20)
    assert isinstance(ended[0], OutcomeUnknown)
    assert "does not know the job: it was restarted" in ended[0].message
    assert ended[0].kind == "no_handle"


def test_a_job_that_ends_between_two_looks_is_found(comfyui: ComfyuiService, adapter: ImageProvider) -> None:
    """Its history was empty, and then the queue was."""
    comfyui.behave(Behaviour.json_body({}), at="look")
    assert draw(adapter).images


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"null", b'{"other": 1}'])
def test_what_is_no_history_is_waited_out(comfyui: ComfyuiService, adapter: ImageProvider, body: bytes) -> None:
    comfyui.behave(Behaviour(body=body), at="look")
    assert draw(adapter).images


def test_a_job_that_waits_is_taken_out_of_the_queue_and_others_go_on(
    comfyui: ComfyuiService, adapter: ImageProvider
) -> None:
    """The server keeps no trace of it; that is told from a job that it forgot. What runs is not interrupted."""
    comfyui.pending = FOR_EVER
    running, waiting = names_of_jobs(comfyui, adapter, 2)
    adapter.cancel(handle_of(comfyui, waiting))
    assert comfyui.cancelled == [waiting]
    with pytest.raises(ProviderFailed, match="taken out of the queue") as failed:
        adapter.resume(handle_of(comfyui, waiting), seconds=0)
    assert failed.value.kind == "cancelled"
    assert "/interrupt" not in [request.path for request in comfyui.asked("cancel")]
    comfyui.pending = 0
    assert adapter.resume(handle_of(comfyui, running)).images


def names_of_jobs(service: ComfyuiService, adapter: ImageProvider, count: int) -> list[str]:
    """Start so many jobs and return their names."""
    handles: list[str] = []
    for _ in range(count):
        parameters = {"workflow": TEXT_TO_IMAGE, "width": 64, "height": 64}
        request = ImageRequest(model="workflow", user_prompt="a harbour", parameters=parameters)

        def stop(handle: str) -> None:
            handles.append(handle)
            raise InterruptedError

        with pytest.raises(InterruptedError):
            adapter.generate(request, accepted=stop)
    return [json.loads(handle)["about"]["request_id"] for handle in handles]


def handle_of(service: ComfyuiService, name: str) -> str:
    about = {"request_id": name, "per_image": 0.0, "effective_parameters": {}}
    return json.dumps({"url": f"{service.base_url}/history/{name}", "cancel_url": None, "about": about})


def test_the_check_tells_version_and_device(comfyui: ComfyuiService, adapter: ImageProvider) -> None:
    assert adapter.check().endswith("runs ComfyUI 0.3.64 on cpu.")
    comfyui.behave(Behaviour.json_body({"status": "ok"}), at="check")
    with pytest.raises(ProviderFailed, match="not as ComfyUI does"):
        adapter.check()


def test_a_key_is_sent_only_where_there_is_one(comfyui: ComfyuiService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMFYUI_API_KEY")
    with closing(open_provider("comfyui", load())) as provider:
        draw(provider)
    assert [request.key for _kind, request in comfyui.requests] == [None] * len(comfyui.requests)


def test_a_server_of_one_s_own_is_in_use_only_where_something_is_set_for_it(
    promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody who has none is told that it does not answer; whoever names it may use it at its usual address."""
    assert ready_providers(load()) == ["sketch"]
    found = {item["name"]: item for item in promptlab("doctor", "--json").json["items"]}
    assert found["comfyui"]["ok"] is None
    [listed] = promptlab("provider", "list", "--provider", "comfyui", "--json").json["items"]
    assert (listed["ready"], "COMFYUI_BASE_URL" in listed["missing"]) == (False, True)
    monkeypatch.setenv("COMFYUI_BASE_URL", "http://127.0.0.1:9")
    assert ready_providers(load()) == ["comfyui", "sketch"]
    [answer] = promptlab("provider", "check", "comfyui", "--json", code=4).json["items"]
    assert "cannot be reached at 127.0.0.1:9" in answer["message"]


@pytest.mark.parametrize(
    ("workflow", "says"),
    [
        ("{", "workflow.json is no JSON: Expecting property name"),
        ('{"nodes": [], "links": []}', "as ComfyUI saves it, not in its API format"),
        ('{"1": {"class_type": "A", "inputs": {}}}', "The workflow has no %prompt%."),
    ],
)
def test_a_version_with_no_workflow_that_could_run_is_not_made(
    promptlab: Promptlab, tmp_path: Path, workflow: str, says: str
) -> None:
    (tmp_path / "workflow.json").write_text(workflow, encoding="utf-8")
    assert says in promptlab(*CREATE, "--json", "--param", "workflow=@workflow.json", code=2).error["message"]
    assert "none is given" in promptlab(*CREATE, "--json", code=2).error["message"]


@pytest.mark.parametrize(
    ("words", "says", "hint"),
    [
        (("--param", "width=128"), "needs a value for 'height'", "--param height=VALUE"),
        ((*SIZE, "--param", "steps=9"), "has no parameter 'steps'", "It takes height, width, workflow."),
        ((*SIZE, "--param", "seed=9"), "'seed' is not a parameter here", "Use --seed."),
        ((*SIZE, "--input", "in.png"), "takes no input images", None),
        ((*SIZE, "--param", "workflow=@inputs.json"), "needs an input image, not 0", "Add --input FILE."),
        ((*SIZE, "--param", "workflow=@inputs.json", "--input", "in.png", "--mask", "in.png"), "takes no mask", None),
        ((*SIZE, "--param", "workflow=@still.json", "--seed", "7", "--strict"), "takes no seed: --seed 7", "--strict"),
        (
            (*SIZE, "--param", "workflow=@still.json", "--count", "2"),
            "makes at most 1 image per request, not 2",
            "--draws",
        ),
    ],
)
def test_what_does_not_fit_the_workflow_is_told_before_anything_is_sent(
    version: Promptlab, comfyui: ComfyuiService, words: tuple[str, ...], says: str, hint: str | None
) -> None:
    write(Path("inputs.json"), with_inputs(1))
    write(Path("still.json"), {**changed(seed=5), "5": changed(node="5", batch_size=1)["5"]})
    Path("in.png").write_bytes(picture().data)
    error = version("generate", "--prompt-version", "p", "--json", *words, code=2).error
    assert says in error["message"]
    assert (hint or "") in (error["hint"] or "")
    assert comfyui.requests == []


def test_what_a_workflow_needs_stands_in_the_next_command(version: Promptlab) -> None:
    made = version(*CREATE, "--from", "p@1", "--user", "a {{ thing }}", "--param", "width=64")
    assert "Next: promptlab generate --prompt-version 2 --var thing=... --param height=..." in made.err


def test_a_seed_without_a_place_is_a_warning(version: Promptlab) -> None:
    write(Path("still.json"), changed(seed=5))
    [row] = version(*GENERATE, "--param", "workflow=@still.json", "--seed", "7").json["items"]
    assert (row["state"], row["seed"]) == ("succeeded", None)
    assert "takes no seed: --seed 7 is not sent" in row["warnings"][0]


def test_weights_in_a_prompt_are_a_warning(version: Promptlab) -> None:
    def warnings(prompt: str) -> str:
        version(*CREATE[:4], prompt, "--from", "p@1")
        return version(*GENERATE, "--dry-run").err

    assert "reads a weight in the prompt as an instruction, not as text: (harbour:1.2)" in warnings("a (harbour:1.2)")
    assert "not as text: (old)" in warnings("an (old) harbour")
    assert "as an instruction" not in warnings(r"an \(old\) harbour at 12:30")


def test_nothing_is_paid_for_any_model(version: Promptlab) -> None:
    """So a limit holds, and no warning says that the model is not known."""
    write(Path("model.json"), changed(node="4", ckpt_name="%model%"))
    named = ("--model", "flux1-schnell.safetensors", "--param", "workflow=@model.json")
    assert version("prompt", "create", "q", "--user", "a fox", "--provider", "comfyui", *named).err.count("arning") == 0
    ran = version("generate", "--prompt-version", "q", *SIZE, "--json", "--max-cost", "0")
    [row] = ran.json["items"]
    assert (row["state"], row["cost_usd"], row["warnings"]) == ("succeeded", 0.0, [])
