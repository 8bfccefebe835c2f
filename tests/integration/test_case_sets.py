"""Case sets: what a file becomes, and what `choose` gives back for a name or a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import col, select
from tests.fixtures.command_line import png
from tests.fixtures.factories import DEFAULT_PROJECT

from promptlab.adapters.storage.local import LocalStorage
from promptlab.db import projects
from promptlab.db.engine import Database
from promptlab.db.models import Case, CaseImage, CaseSet, CaseSetItem
from promptlab.errors import InvalidInput, NotFound
from promptlab.services.case_sets import choose, import_file
from promptlab.services.lab import Lab, Providers
from promptlab.services.ownership import Owner
from promptlab.services.spool import Spool
from promptlab.settings import load


@pytest.fixture
def lab(database: Database, tmp_path: Path) -> Iterator[Lab]:
    with database.reading() as session:
        uid = projects.lab_uid(session)
    providers = Providers(load({}))
    yield Lab(
        database=database,
        storage=LocalStorage(tmp_path / "images"),
        spool=Spool(tmp_path / "spool"),
        owner=Owner(tmp_path / "owners"),
        uid=uid,
        project_id=DEFAULT_PROJECT,
        project="default",
        providers=providers,
    )
    providers.close()


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """A file of three cases with images; two share one, which lies beside the file."""
    folder = tmp_path / "sets"
    (folder / "in").mkdir(parents=True)
    for number in (1, 2):
        (folder / "in" / f"{number}.png").write_bytes(png((16, 16 + number)))
    path = folder / "faces.csv"
    path.write_text("key,subject,inputs\nfox,a fox,in/1.png\n,an owl,in/1.png; in/2.png\nnone,nobody,\n")
    return path


def rows(lab: Lab) -> dict[str, int]:
    with lab.database.reading() as session:
        return {
            model.__name__: len(session.exec(select(model)).all()) for model in (Case, CaseImage, CaseSet, CaseSetItem)
        }


def stored(tmp_path: Path) -> int:
    return len(list(tmp_path.glob("images/**/*.png")))


def test_a_file_is_stored_only_when_that_is_asked_for(lab: Lab, faces: Path, tmp_path: Path) -> None:
    """Images once each, however many cases share them; the contents have their URLs then. Again changes nothing."""
    found = choose(lab, str(faces))
    assert (found.label, found.warnings, len(found.contents)) == (str(faces), [], 3)
    assert (rows(lab), stored(tmp_path)) == ({"Case": 0, "CaseImage": 0, "CaseSet": 0, "CaseSetItem": 0}, 0)
    ids = found.store(lab)
    assert choose(lab, str(faces)).store(lab) == ids
    assert (rows(lab), stored(tmp_path)) == ({"Case": 3, "CaseImage": 3, "CaseSet": 0, "CaseSetItem": 0}, 2)
    assert all(lab.storage.read(image.url or "") for content in found.contents for image in content.images)


def test_a_stored_set_is_given_back_as_it_was_read(lab: Lab, faces: Path) -> None:
    """The same contents, keys and ids as those of its file, with the URLs of the images; by name and by version."""
    made = import_file(lab, "faces", faces)
    from_file = choose(lab, str(faces))
    ids = from_file.store(lab)
    for reference in ("faces", "faces@1"):
        found = choose(lab, reference)
        assert found.label == "faces@1"
        assert found.contents == from_file.contents
        assert found.store(lab) == ids
    assert made.case_set.size == 3


def test_only_the_newest_version_is_compared(lab: Lab, faces: Path) -> None:
    """A, B, A are three versions; the same file again is none. Order and keys make a version too."""
    text = faces.read_text()
    first, *others = text.splitlines(keepends=True)
    for number, changed in enumerate((text, first + "".join(others[::-1]), text, text.replace("fox,a", "vixen,a")), 1):
        faces.write_text(changed)
        for is_new in (True, False):
            made = import_file(lab, "faces", faces)
            assert (made.case_set.version, made.is_new) == (number, is_new)
    assert rows(lab) == {"Case": 3, "CaseImage": 3, "CaseSet": 4, "CaseSetItem": 12}
    with lab.database.reading() as session:
        assert set(session.exec(select(Case.key).order_by(col(Case.id)))) == {"vixen", None, "none"}


def test_an_image_that_changes_while_it_is_read_is_not_stored(lab: Lab, faces: Path) -> None:
    """What was checked is what is stored."""
    found = choose(lab, str(faces))
    (faces.parent / "in" / "2.png").write_bytes(png((5, 5)))
    with pytest.raises(InvalidInput, match=r"Row 3: .*2\.png has changed"):
        found.store(lab)
    assert rows(lab)["Case"] == 0


def test_what_is_not_there_is_said_with_the_nearest_name(lab: Lab, faces: Path) -> None:
    import_file(lab, "faces", faces)
    for reference, says in (("facse", "Did you mean 'faces'?"), ("faces@2", "the newest is faces@1")):
        with pytest.raises(NotFound, match=says):
            choose(lab, reference)
    for reference in ("faces@", "faces@x", "3", "@1", ""):
        with pytest.raises(InvalidInput, match="names no case set"):
            choose(lab, reference)
    with pytest.raises(NotFound):
        choose(lab, f"faces@{'9' * 30}")
    for reference in ("faces.csv", "./faces", "FACES.JSONL"):
        with pytest.raises(InvalidInput, match=r"cannot be read|is neither \.csv nor \.jsonl"):
            choose(lab, reference)
