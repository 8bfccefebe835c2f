"""Pixelworks for promptlab: `POST /images` with `{"prompt", "seed", "style"}` is answered with the image itself."""

from collections.abc import Callable
from dataclasses import replace

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.error_bodies import detail_of
from promptlab.adapters.ai.http import HttpClient
from promptlab.adapters.ai.http_errors import Answer, Complaint
from promptlab.adapters.ai.protocol import ImageRequest, ImageResult, OutcomeUnknown, ProviderError
from promptlab.adapters.ai.registry import ProviderSpec
from promptlab.settings import ProviderSettings

BASE_URL = "https://api.pixelworks.example/v1"


class Pixelworks:
    """Asks for one image and waits for it."""

    name = "pixelworks"

    def __init__(self, settings: ProviderSettings, lookup: Callable[[str], Capabilities]) -> None:
        key = settings.key
        headers = {"authorization": f"Bearer {key}"}
        self._http = HttpClient(self.name, settings.base_url or BASE_URL, settings, secret_headers=headers)
        self._lookup = lookup

    def capabilities(self, model: str) -> Capabilities:
        """Say what the model takes: what the user's models file knows of it, within what the service can do at all."""
        return replace(self._lookup(model), system_prompt=False, mask=False, max_count=1, max_inputs=0)

    def generate(self, request: ImageRequest, *, accepted: Callable[[str], None]) -> ImageResult:
        """Ask and wait; nothing could be asked for again after a crash, so `accepted` is never called."""
        fields = {**request.parameters, "prompt": request.combined_prompt, "seed": request.seed}
        answer = self._http.post("/images", json=fields)
        if not answer.ok:
            raise self._failure(answer)
        return ImageResult(
            images=(answer.body,),
            effective_parameters={"seed": answer.headers.get("x-seed"), **request.note_of_combining},
            request_id=answer.headers.get("x-request-id"),
            http_status=answer.status,
        )

    def resume(self, handle: str, *, seconds: float | None = None) -> ImageResult:
        raise OutcomeUnknown("Pixelworks names nothing that could be asked for again.", kind="no_handle")

    def cancel(self, handle: str) -> None:
        """Do nothing: there are no jobs."""

    def check(self) -> str:
        """Ask who the key belongs to, which costs nothing."""
        answer = self._http.get(f"{self._http.base_url}/me")
        if not answer.ok:
            raise self._failure(answer)
        return f"Pixelworks knows this key as {answer.decoded().get('name')}."

    def close(self) -> None:
        self._http.close()

    def _failure(self, answer: Answer) -> ProviderError:
        """Return the error that an answer means: what to send again, what is refused, what has failed."""
        refused = answer.status == 451
        kind = {401: "auth", 451: "content_policy"}.get(answer.status)
        complaint = Complaint(message=detail_of(answer), kind=kind, refused=refused)
        return self._http.failure(answer, complaint, request_id=answer.headers.get("x-request-id"))


PROVIDER = ProviderSpec(
    name="pixelworks",
    summary="Pixelworks, a service that exists in an example only",
    default_model="pixel-1",
    key_variable="PIXELWORKS_API_KEY",
    base_url_variable="PIXELWORKS_BASE_URL",
    keys="https://pixelworks.example/keys",
    build=Pixelworks,
)
