"""A job in ComfyUI's queue: asked about until its history says how it ended, and taken out of the queue."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from promptlab.adapters.ai.comfyui_answers import Ended, categories, complaints, ended, history_entry, is_queue, queued
from promptlab.adapters.ai.error_bodies import detail_of, json_of
from promptlab.adapters.ai.http import HttpClient
from promptlab.adapters.ai.http_errors import Answer, Complaint
from promptlab.adapters.ai.jobs import Job, wait_for
from promptlab.adapters.ai.protocol import OutcomeUnknown, ProviderError, ProviderFailed


class ComfyuiQueue:
    """The queue of one server. `cancelled` remembers which jobs were taken out of it: the server does not."""

    def __init__(self, http: HttpClient, *, provider: str) -> None:
        self._http = http
        self._provider = provider
        self._cancelled: set[str] = set()

    def url(self, path: str) -> str:
        """Return the address of a path of the server."""
        return f"{self._http.base_url}{path}"

    def job(self, name: str, about: Mapping[str, Any]) -> Job:
        """Return the job of that name; `about` is what its result needs to know."""
        return Job(url=self.url(f"/history/{quote(name, safe='')}"), about={**about, "request_id": name})

    def wait(self, job: Job, *, seconds: float) -> Ended:
        """Return how the job ended.

        Raises:
            StillRunning: it has not, for so many seconds.
            ProviderFailed: it was cancelled, or a node failed.
            OutcomeUnknown: the server does not know it.
        """
        return wait_for(
            lambda: self._ask(job), lambda answer: self._end(job, answer), provider=self._provider, seconds=seconds
        )

    def cancel(self, job: Job) -> None:
        """Take the job out of the queue, or interrupt it where it runs."""
        name = name_of(job)
        self._cancelled.add(name)
        self._tell("/queue", {"delete": [name]})
        # Servers older than the field `prompt_id` interrupt whatever runs, which may be somebody else's.
        if name in queued(json_of(self._http.look(self.url("/queue"))), kinds=["queue_running"]):
            self._tell("/interrupt", {"prompt_id": name})

    def image_urls(self, end: Ended) -> list[str]:
        """Return where the images are."""
        parts = ("filename", "subfolder", "type")
        return [self.url(f"/view?{urlencode({part: image.get(part) or '' for part in parts})}") for image in end.images]

    def failure(self, answer: Answer) -> ProviderError:
        """Return the error that an answer without success means; a proxy before the server may want a key."""
        body = json_of(answer)
        said = complaints(body) if isinstance(body, Mapping) else ""
        kind = {400: "bad_workflow" if said else None, 401: "auth", 403: "auth"}.get(answer.status)
        details = categories(body) if isinstance(body, Mapping) else {}
        complaint = Complaint(message=said or detail_of(answer), kind=kind, details=details)
        return self._http.failure(answer, complaint, request_id=None)

    def _ask(self, job: Job) -> Answer:
        """Return the history of a job that has ended, and the queue while it holds the job."""
        answer = self._http.look(job.url)
        if json_of(answer) != {}:
            return answer
        queue = self._http.look(self.url("/queue"))
        found = json_of(queue)
        if not is_queue(found) or name_of(job) in queued(found):
            return queue
        return self._http.look(job.url)  # it may have ended between the two looks

    def _end(self, job: Job, answer: Answer) -> Ended | None:
        """Return how the job ended, None while it has not; raises what an end without success means."""
        body = self._http.clean(json_of(answer))
        entry = history_entry(body, name_of(job))
        if entry is None and answer.ok and body != {}:
            return None
        if entry is None:
            raise self._vanished(job, answer)
        end = ended(entry)
        if end.failure is not None:
            kind = "cancelled" if end.interrupted else "job_failed"
            raise ProviderFailed(end.failure, kind=kind, http_status=answer.status, details=end.details)
        return end

    def _vanished(self, job: Job, answer: Answer) -> ProviderError:
        """Return what it means that the server knows nothing of the job.

        Whether it ran before the server forgot it, nobody can say.
        """
        if answer.ok and name_of(job) in self._cancelled:
            return ProviderFailed("The job was taken out of the queue.", kind="cancelled", http_status=answer.status)
        forgotten = "it was restarted, or its queue or history was cleared; what was made lies in its output folder"
        why = forgotten if answer.ok else self._http.clean(detail_of(answer)) or f"HTTP {answer.status}"
        return OutcomeUnknown(f"The server does not know the job: {why}.", kind="no_handle", http_status=answer.status)

    def _tell(self, path: str, body: Mapping[str, Any]) -> None:
        answer = self._http.post(path, json=body)
        if not answer.ok:
            raise self.failure(answer)


def name_of(job: Job) -> str:
    """Return the name by which the server knows the job."""
    return str(job.about.get("request_id"))
