"""Case sets: lists of cases out of files, and the versions of them that are kept under a name."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlmodel import Session

from promptlab.db import case_sets
from promptlab.db.models import CaseSet
from promptlab.db.prompts import NAME
from promptlab.errors import InvalidInput, PromptlabError
from promptlab.services import case_file
from promptlab.services.case_file import CaseRow
from promptlab.services.case_images import Images
from promptlab.services.cases import Content, ImageFacts, ensure
from promptlab.services.content import content_hash
from promptlab.services.lab import Lab


@dataclass(kw_only=True)
class CaseList:
    """Cases to make images for: a version of a case set, or a file that was read, checked and not stored.

    `label` is what a person calls it. The images of a file's cases have no `url` before they are stored.
    """

    label: str
    contents: Sequence[Content]
    warnings: Sequence[str] = ()
    case_ids: Sequence[int] | None = None
    images: Images | None = None

    def store(self, lab: Lab) -> list[int]:
        """Keep the cases, their images first, and return their ids in order; those of a case set are kept already.

        Raises:
            InvalidInput: an image is not what it was when it was looked at.
        """
        if self.case_ids is None:
            self.store_images(lab)
            with lab.database.transaction() as session:
                self.case_ids = ensure(session, lab.project_id, self.contents)
        return list(self.case_ids)

    def store_images(self, lab: Lab) -> None:
        """Put the images into the storage, and their URLs into the contents."""
        urls = self.images.store(lab) if self.images else {}
        if urls:
            self.contents = [
                replace(each, images=[replace(image, url=urls[image.sha256]) for image in each.images])
                for each in self.contents
            ]


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What became of an import: the version of the case set, and whether it was made now."""

    case_set: CaseSet
    is_new: bool
    warnings: Sequence[str]


def choose(lab: Lab, name_or_file: str) -> CaseList:
    """Return the cases that a person names: NAME or NAME@N of a case set, or a file. Nothing is written.

    Raises:
        NotFound: no such case set.
        InvalidInput: neither a name nor a file; or the file or one of its rows, by its number, cannot be used.
    """
    if case_file.is_file(name_or_file):
        return read_file(Path(name_or_file))
    with lab.database.reading() as session:
        return _kept(session, case_sets.get(session, lab.project_id, name_or_file))


def read_file(path: Path) -> CaseList:
    """Return the cases of a file, its images looked at; raises InvalidInput, with the row, for what cannot be used."""
    found = case_file.read(path)
    first_named: dict[str, int] = {}
    for row in found.rows:
        for source in row.sources:
            first_named.setdefault(source, row.number)
    images = Images(first_named)
    contents = [_content(row, images) for row in found.rows]
    _require_distinct(found.rows, contents)
    return CaseList(label=str(path), contents=contents, warnings=found.warnings, images=images)


def import_file(lab: Lab, name: str, path: Path) -> Imported:
    """Make the next version of the case set of that name from a file, if it differs from the newest.

    Raises:
        InvalidInput: a name that cannot be used; or what `read_file` raises. Nothing is kept then.
    """
    with _importing():
        _check_name(name)
        found = read_file(path)
        digest = content_hash([[content.hash, content.key] for content in found.contents])
        with lab.database.reading() as session:
            newest = case_sets.newest(session, lab.project_id, name)
        if newest is None or newest.content_hash != digest:
            found.store_images(lab)
        with lab.database.transaction() as session:
            case_set, is_new = _keep(session, lab.project_id, name, digest, found.contents)
    return Imported(case_set=case_set, is_new=is_new, warnings=found.warnings)


@contextmanager
def _importing() -> Iterator[None]:
    try:
        yield
    except PromptlabError as error:
        error.hint = " ".join(filter(None, (error.hint, "Nothing was imported.")))
        raise


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} is no name for a case set.",
            hint="Start with a letter from a to z; then letters, digits, '_', '-' and '.', up to 100 altogether.",
        )
    if case_file.is_file(name):
        raise InvalidInput(
            f"{name!r} is no name for a case set: it would be taken for a file.",
            hint="Leave out the ending. First comes the name, then the file.",
        )


def _keep(
    session: Session, project_id: int, name: str, digest: str, contents: Sequence[Content]
) -> tuple[CaseSet, bool]:
    """Return the newest version if it is the same, else the next one; and whether it is new."""
    case_ids = ensure(session, project_id, contents)  # it locks the project, so nobody makes the same version
    newest = case_sets.newest(session, project_id, name)
    if newest is not None and newest.content_hash == digest:
        return newest, False
    case_set = CaseSet(
        project_id=project_id,
        name=name,
        version=newest.version + 1 if newest else 1,
        content_hash=digest,
        size=len(contents),
    )
    keys = [content.key for content in contents]
    return case_sets.add(session, case_set, list(zip(case_ids, keys, strict=True))), True


def _content(row: CaseRow, images: Images) -> Content:
    facts = [images.by_source[source].facts(position) for position, source in enumerate(row.sources)]
    return Content(variables=row.variables, images=facts, key=row.key)


def _require_distinct(rows: Sequence[CaseRow], contents: Sequence[Content]) -> None:
    seen: dict[str, int] = {}
    for row, content in zip(rows, contents, strict=True):
        earlier = seen.setdefault(content.hash, row.number)
        if earlier != row.number:
            raise InvalidInput(f"Row {row.number} holds the same case as row {earlier}.", hint="Keep one of them.")


def _kept(session: Session, case_set: CaseSet) -> CaseList:
    images: dict[int, list[ImageFacts]] = {}
    columns = set(ImageFacts.__dataclass_fields__)
    for row in case_sets.images(session, case_set.id or 0):
        images.setdefault(row.case_id, []).append(ImageFacts(**row.model_dump(include=columns)))
    found = list(case_sets.items(session, case_set.id or 0))
    return CaseList(
        label=f"{case_set.name}@{case_set.version}",
        contents=[
            Content(variables=item.variables, images=images.get(item.case_id, []), key=item.key) for item in found
        ],
        case_ids=[item.case_id for item in found],
    )
