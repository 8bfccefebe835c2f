"""ComfyUI on loopback, which answers as a real server of version 0.3.64 was recorded: queue, history, uploads.

`python -m tests.vendors.comfyui` serves by hand: set COMFYUI_BASE_URL to what it prints.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from uuid import uuid4

from tests.comfyui_graph import Executor, InvalidGraph, validated
from tests.comfyui_nodes import Folders
from tests.loopback import JobService, Rejected, Reply, json_error, main
from tests.openai_requests import FilePart, Request
from tests.vendors import KEY, Vendor

_KINDS = {
    "/system_stats": "check",
    "/queue": "queue",
    "/interrupt": "cancel",
    "/view": "view",
    "/upload/image": "upload",
    "/prompt": "images",
}
_STATS = {
    "system": {"os": "posix", "comfyui_version": "0.3.64", "python_version": "3.11.9"},
    "devices": [{"name": "cpu", "type": "cpu", "index": None, "vram_total": 0}],
}

TEXT_TO_IMAGE: dict[str, Any] = {
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd15.safetensors"}},
    "5": {
        "class_type": "EmptyLatentImage",
        "inputs": {"width": "%width%", "height": "%height%", "batch_size": "%count%"},
    },
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "%prompt%, best quality", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "model": ["4", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
            "seed": "%seed%",
            "steps": 4,
            "cfg": 7.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
        },
    },
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "promptlab_%width%"}},
}


def with_inputs(count: int) -> dict[str, Any]:
    """Return the workflow that starts from so many images, one drawn over the other."""
    if not count:
        return TEXT_TO_IMAGE
    nodes: dict[str, Any] = {
        f"load{number}": {"class_type": "LoadImage", "inputs": {"image": f"%input_{number}%"}}
        for number in range(1, count + 1)
    }
    last = "load1"
    for number in range(2, count + 1):
        both = {"image1": [last, 0], "image2": [f"load{number}", 0]}
        last = f"both{number}"
        nodes[last] = {"class_type": "ImageBatch", "inputs": both}
    scale = {
        "image": [last, 0],
        "upscale_method": "lanczos",
        "width": "%width%",
        "height": "%height%",
        "crop": "center",
    }
    nodes["scaled"] = {"class_type": "ImageScale", "inputs": scale}
    nodes["5"] = {"class_type": "VAEEncode", "inputs": {"pixels": ["scaled", 0], "vae": ["4", 2]}}
    repeated = {"samples": ["5", 0], "amount": "%count%"}
    nodes["10"] = {"class_type": "RepeatLatentBatch", "inputs": repeated}
    sampler = {**TEXT_TO_IMAGE["3"]["inputs"], "latent_image": ["10", 0]}
    return {**TEXT_TO_IMAGE, **nodes, "3": {"class_type": "KSampler", "inputs": sampler}}


class ComfyuiService(JobService):
    """One job runs at a time; a graph is run when it comes, and its history shows after `pending` looks."""

    name = "comfyui"

    def __init__(self, base_url: str, elsewhere_url: str) -> None:
        super().__init__(base_url, elsewhere_url)
        self.folders = Folders()
        self._executor = Executor(self.folders)
        self._number = 0
        self._histories: dict[str, dict[str, Any]] = {}
        self._names: dict[str, str] = {}
        self._gone: set[str] = set()

    def kind(self, request: Request) -> str:
        if request.path == "/queue" and request.method == "POST":
            return "cancel"
        return "look" if request.path.startswith("/history/") else _KINDS.get(request.path, "other")

    def answer(self, kind: str, request: Request, number: int) -> Reply:
        answers = {
            "look": self._look,
            "check": lambda _request: Reply(body=_STATS),
            "queue": lambda _request: Reply(body=self._queue()),
            "cancel": self._cancel,
            "view": self._view,
            "upload": self._upload,
            "images": self._prompt if request.method == "POST" else self._remaining,
        }
        return answers[kind](request) if kind in answers else Reply(status=404)

    def restart(self) -> None:
        """Forget all jobs, as a server does that is started again."""
        self._gone.update(self._names)

    def _prompt(self, request: Request) -> Reply:
        if request.headers.get("content-type") != "application/json":
            raise Rejected(Reply(body=b"500 Internal Server Error\n\nServer got itself in trouble", status=500))
        with self._lock:
            number, self._number = self._number, self._number + 1
        graph = request.fields.get("prompt")
        if graph is None:
            raise Rejected(
                Reply(body=InvalidGraph("no_prompt", "No prompt provided", "No prompt provided").body, status=400)
            )
        try:
            outputs, errors = validated(graph, self.folders)
        except InvalidGraph as error:
            raise Rejected(Reply(body=error.body, status=400)) from None
        name = request.fields.get("prompt_id") or str(uuid4())
        extra = {key: value for key, value in request.fields.items() if key == "client_id"}
        with self._lock:
            found = self._executor.run(graph, outputs)
            self._histories[name] = {"prompt": [number, name, graph, extra, outputs], **found}
        self._names[name] = self.take_job(request)
        return Reply(body={"prompt_id": name, "number": number, "node_errors": errors})

    def _look(self, request: Request) -> Reply:
        name = request.path.rpartition("/")[2]
        if name not in self._names or name in self._gone:
            return Reply(body={})
        found = self.look_at(self._names[name])
        if found is None and name not in self.cancelled:
            return Reply(body={})
        _asked, end = found or (None, None)
        return end or Reply(body={name: self._histories[name]})

    def _queue(self) -> dict[str, Any]:
        """The first job that nobody has seen to be done runs, the others wait."""
        waiting = [name for name in self._names if self._is_queued(name)]
        entries = [self._histories[name]["prompt"] for name in waiting]
        return {"queue_running": entries[:1], "queue_pending": entries[1:]}

    def _is_queued(self, name: str) -> bool:
        unseen = 0 < self.pending >= self._looks[self._names[name]]
        return unseen and name not in self._gone and name not in self.cancelled

    def _cancel(self, request: Request) -> Reply:
        queue = self._queue()
        waiting = {entry[1] for entry in queue["queue_pending"]}
        running = [entry[1] for entry in queue["queue_running"]]
        for name in waiting.intersection(request.fields.get("delete", [])):
            self.cancelled.append(name)
            self._gone.add(name)
        if request.path == "/interrupt" and running and request.fields.get("prompt_id", running[0]) == running[0]:
            self.cancelled.append(running[0])
            self._histories[running[0]] |= _interrupted(running[0])
        return Reply()

    def _remaining(self, _request: Request) -> Reply:
        queue = self._queue()
        return Reply(body={"exec_info": {"queue_remaining": sum(map(len, queue.values()))}})

    def _upload(self, request: Request) -> Reply:
        files = [part for part in request.files if part.name == "image"]
        if not files:
            return Reply(status=400)
        subfolder = request.fields.get("subfolder", "")
        with self._lock:
            name = self._free_name(files[0], subfolder)
            self.folders.uploads[str(PurePosixPath(subfolder, name))] = files[0].data
        return Reply(body={"name": name, "subfolder": subfolder, "type": "input"})

    def _free_name(self, file: FilePart, subfolder: str) -> str:
        """Return the name of the file, numbered where another one has it already."""
        path, number = PurePosixPath(file.filename), 0
        while True:
            name = f"{path.stem} ({number}){path.suffix}" if number else path.name
            if self.folders.uploads.get(str(PurePosixPath(subfolder, name)), file.data) == file.data:
                return name
            number += 1

    def _view(self, request: Request) -> Reply:
        place = tuple(request.query.get(part, "") for part in ("type", "subfolder", "filename"))
        image = self._executor.files.get(place)  # type: ignore[arg-type]
        return Reply(status=404) if image is None else Reply(body=image, headers={"content-type": "image/png"})


def _interrupted(name: str) -> dict[str, Any]:
    about = {"prompt_id": name, "node_id": "3", "node_type": "KSampler", "executed": []}
    messages = [["execution_start", {"prompt_id": name}], ["execution_interrupted", about]]
    status = {"status_str": "error", "completed": False, "messages": messages}
    return {"outputs": {}, "status": status, "meta": {}}


def _parameters(count: int) -> Mapping[str, Any]:
    return {"workflow": with_inputs(count)}


VENDOR = Vendor(
    name="comfyui",
    service=ComfyuiService,
    environment=lambda url: {"COMFYUI_BASE_URL": url, "COMFYUI_API_KEY": KEY},
    model="workflow",
    parameters={"workflow": TEXT_TO_IMAGE, "width": 128, "height": 96},
    with_inputs=lambda count: {"workflow": with_inputs(count)},
    impossible={"width": 0},
    cost_usd=0.0,
    throttled=None,
    key_refused=json_error(401, {"error": "this proxy knows no key {key}"}),
    failing=json_error(400, {"error": {"type": "invalid_prompt", "message": "no node {key}", "details": ""}}),
    cancels=True,
)

if __name__ == "__main__":
    main(ComfyuiService)
