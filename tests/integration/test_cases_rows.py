"""Cases in the database: the same content is the same case, whoever brings it and however many at once."""

from hashlib import sha256
from pathlib import Path

from sqlmodel import Session, col, select
from tests.fixtures.command_line import Promptlab
from tests.fixtures.factories import DEFAULT_PROJECT, opening, project

from promptlab.db.engine import Database
from promptlab.db.models import Case, CaseImage
from promptlab.db.states import ImageRole
from promptlab.services.cases import Content, ImageFacts, ensure


def facts(data: bytes = b"bytes", *, role: ImageRole = ImageRole.INPUT, position: int = 0) -> ImageFacts:
    digest = sha256(data).hexdigest()
    size = {"bytes": len(data), "width": 64, "height": 48}
    return ImageFacts(
        role=role, position=position, sha256=digest, media_type="image/png", **size, url=f"file:///{digest}"
    )


def cases(session: Session) -> list[Case]:
    return list(session.exec(select(Case).order_by(col(Case.id))))


def test_a_case_of_generate_is_known_by_its_content(promptlab: Promptlab, picture: Path, tmp_path: Path) -> None:
    """A case set that holds what was generated before finds that case: its images are not bought again."""
    promptlab("prompt", "create", "poster", "--provider", "sketch", "--user", "a poster of {{ subject }}")
    promptlab("generate", "--prompt-version", "poster", "--var", "subject=fox", "--input", picture)
    same = Content(variables={"subject": "fox"}, images=[facts(picture.read_bytes())])
    with opening(f"sqlite:///{tmp_path}/promptlab/promptlab.db") as database, database.transaction() as session:
        [made] = cases(session)
        assert made.content_hash == same.hash
        assert ensure(session, DEFAULT_PROJECT, [same]) == [made.id]
        assert len(cases(session)) == 1


def test_ids_come_in_the_order_of_the_contents(database: Database) -> None:
    """Old and new ones mixed, one twice, and an empty one among them."""
    contents = [Content(variables={"n": n}, images=[facts(position=n)] * (n % 2)) for n in range(6)]
    with database.transaction() as session:
        first = ensure(session, DEFAULT_PROJECT, contents[:3])
        second = ensure(session, DEFAULT_PROJECT, [*reversed(contents), Content(), contents[4]])
        assert [contents[row.variables["n"]].hash for row in cases(session)[:6]] == [
            row.content_hash for row in cases(session)[:6]
        ]
    assert second[3:6] == first[::-1]
    assert second[7] == second[1]
    assert len(set(second)) == 7


def test_a_new_case_has_its_images(database: Database) -> None:
    content = Content(images=[facts(b"mask", role=ImageRole.MASK), facts(b"a"), facts(b"b", position=1)])
    with database.transaction() as session:
        [id_] = ensure(session, DEFAULT_PROJECT, [content])
        ensure(session, DEFAULT_PROJECT, [content])
        rows = session.exec(select(CaseImage).order_by(col(CaseImage.role), col(CaseImage.position))).all()
    assert [(row.case_id, row.role, row.url) for row in rows] == [
        (id_, image.role, image.url) for image in (*content.images[1:], content.images[0])
    ]


def test_the_key_of_a_case_is_the_last_given_one(database: Database) -> None:
    with database.transaction() as session:
        for key, expected in (("fox", "fox"), (None, "fox"), ("reynard", "reynard")):
            ensure(session, DEFAULT_PROJECT, [Content(variables={"subject": "fox"}, key=key)])
            session.expire_all()
            assert [row.key for row in cases(session)] == [expected]


def test_projects_have_their_own_cases(database: Database) -> None:
    content = Content(variables={"subject": "fox"})
    with database.transaction() as session:
        other = project(session)
        assert ensure(session, other, [content]) != ensure(session, DEFAULT_PROJECT, [content])


def test_more_cases_than_one_statement_takes(database: Database) -> None:
    contents = [Content(variables={"n": n}, key=f"n{n}") for n in range(12_001)]
    with database.transaction() as session:
        ids = ensure(session, DEFAULT_PROJECT, contents)
        assert ensure(session, DEFAULT_PROJECT, contents) == ids
    assert len(set(ids)) == 12_001
