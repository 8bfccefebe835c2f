"""Cases by their content: what they hold, and the rows of many at once."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from sqlmodel import Session

from promptlab.db import cases, projects
from promptlab.db.columns import now
from promptlab.db.states import ImageRole
from promptlab.services.content import content_hash


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageFacts:
    """What is known of an image of a case without its bytes: the columns of its row; `url` once it is stored."""

    role: ImageRole = ImageRole.INPUT
    position: int
    sha256: str
    media_type: str
    bytes: int
    width: int
    height: int
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a case fills a prompt with; `key` is what somebody calls it and no part of the content."""

    variables: Mapping[str, Any] = field(default_factory=dict)
    images: Sequence[ImageFacts] = ()
    key: str | None = None

    @cached_property
    def hash(self) -> str:
        """The SHA-256 of variables and images: the same as for a generation that is made with them."""
        images = sorted([image.role.value, image.position, image.sha256] for image in self.images)
        return content_hash([self.variables, images])


def ensure(session: Session, project_id: int, contents: Sequence[Content]) -> list[int]:
    """Return the ids of the cases with these contents, in their order; what is not there yet is made.

    The project is locked until the transaction ends. A key that is given becomes the case's; none takes none away.
    The images of a case that is made need their `url`.
    """
    projects.lock(session, project_id)
    by_hash = {content.hash: content for content in contents}
    known = cases.by_hash(session, project_id, by_hash)
    new = {digest: content for digest, content in by_hash.items() if digest not in known}
    if new:
        known |= _add(session, project_id, new)
    keys = {known[content.hash].id: content.key for content in contents if content.key is not None}
    had = {case.id: case.key for case in known.values()}
    cases.set_keys(session, {id_: key for id_, key in keys.items() if had[id_] != key})
    return [known[content.hash].id for content in contents]


def _add(session: Session, project_id: int, new: Mapping[str, Content]) -> dict[str, cases.Known]:
    moment = now()
    rows = (
        {
            "project_id": project_id,
            "key": content.key,
            "variables": dict(content.variables),
            "content_hash": digest,
            "created_at": moment,
        }
        for digest, content in new.items()
    )
    cases.add_rows(session, "case", rows)
    made = cases.by_hash(session, project_id, new)
    images = (
        {**asdict(image), "project_id": project_id, "case_id": made[digest].id}
        for digest, content in new.items()
        for image in content.images
    )
    cases.add_rows(session, "case_image", images)
    return made
