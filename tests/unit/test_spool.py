"""Where received bytes lie until they are stored and recorded."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promptlab.adapters.ai.protocol import ImageResult
from promptlab.services.spool import Spool, SpoolKey, SpoolUnavailable

KEY = SpoolKey(12, 3)

json_data = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text(), max_size=3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.builds(
        ImageResult,
        images=st.lists(st.binary(max_size=100), max_size=4).map(tuple),
        effective_parameters=json_data,
        usage=st.none() | json_data,
        cost_usd=st.none() | st.floats(0, 100),
        request_id=st.none() | st.text(),
        http_status=st.none() | st.integers(100, 599),
        warnings=st.lists(st.text(), max_size=2).map(tuple),
        metadata=json_data,
    )
)
def test_an_answer_comes_back_as_it_was(tmp_path: Path, result: ImageResult) -> None:
    spool = Spool(tmp_path / "spool")
    spool.write(KEY, result)
    assert spool.read(KEY) == result
    assert list(spool.entries()) == [KEY]
    spool.remove(KEY)
    assert (spool.read(KEY), list(spool.entries())) == (None, [])


def test_an_entry_is_named_by_its_attempt(tmp_path: Path) -> None:
    Spool(tmp_path).write(KEY, ImageResult(images=(b"x",)))
    assert [path.name for path in tmp_path.iterdir()] == ["12-3"]


def test_half_an_entry_is_never_seen(tmp_path: Path) -> None:
    """What a killed process was writing has another name, and what is damaged on the disk is set aside."""
    spool = Spool(tmp_path)
    (tmp_path / ".tmp123").write_bytes(b'{"images": [20], "warn')
    assert list(spool.entries()) == []
    (tmp_path / "12-3").write_bytes(b'{"images": [20], "warn')
    assert spool.read(KEY) is None
    assert list(spool.entries()) == []
    assert (tmp_path / "12-3.aside").read_bytes() == b'{"images": [20], "warn'


def test_an_answer_whose_process_died_before_it_had_its_name_is_adopted(tmp_path: Path) -> None:
    """All of its bytes were on the disk, so nothing is lost; half of them, or others, are set aside."""
    spool, result = Spool(tmp_path), ImageResult(images=(b"x",))
    spool.write(KEY, result)
    whole = (tmp_path / "12-3").read_bytes()
    (tmp_path / "12-3").rename(tmp_path / ".12-3.abc")
    assert spool.read(KEY) is None
    spool.adopt(KEY)
    assert spool.read(KEY) == result
    for number, damaged in enumerate((whole[:-1], whole[:-1] + b"\0"), start=1):
        (tmp_path / f".13-{number}.abc").write_bytes(damaged)
        spool.adopt(SpoolKey(13, number))
        assert spool.read(SpoolKey(13, number)) is None
        assert (tmp_path / f"13-{number}.aside").read_bytes() == damaged


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_bought(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolUnavailable, match="cannot be written") as raised:
        Spool(tmp_path / "file" / "spool").require_room()
    assert "Set PROMPTLAB_HOME" in (raised.value.hint or "")
