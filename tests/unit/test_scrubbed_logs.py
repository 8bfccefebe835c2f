"""What libraries log for `--verbose` holds no secret."""

import subprocess
import sys
from pathlib import Path

import pytest

KEY = "sk-test-0123456789abcdef"
_LOG = """
import logging, sys
from promptlab.cli import main
main(["--verbose", "config", "path"])
logging.getLogger("httpx").info(sys.argv[1])
try:
    raise ValueError(sys.argv[1])
except ValueError:
    logging.getLogger("httpx").exception("It went wrong")
"""


def logged(text: str, folder: Path) -> str:
    """Return what stderr gets of a text that a library logs, by itself and in a traceback."""
    command = [sys.executable, "-c", _LOG, text]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stderr


@pytest.mark.parametrize(
    "text",
    [
        f"HTTP Request: GET https://images.example/v1/models?key={KEY} 200 OK",
        f"HTTP Request: GET https://images.example/a.png?X-Amz-Signature={KEY}&b=1 200 OK",
        f"HTTP Request: GET https://me:{KEY}@images.example/v1 200 OK",
        f"headers={{'Authorization': 'Bearer {KEY}'}}",
        f"headers=[(b'authorization', b'Key {KEY}')]",
        f"headers=[(b'x-api-key', b'{KEY}')]",
        f"x-key: {KEY}",
        f"authorization: Basic {KEY}",
    ],
)
def test_a_key_that_a_library_logs_never_reaches_stderr(tmp_path: Path, text: str) -> None:
    """Wherever the key comes from: it is in no variable here."""
    said = logged(text, tmp_path)
    assert KEY not in said
    assert "***" in said


def test_a_key_of_the_environment_is_struck_out_wherever_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert KEY not in logged(f"the key is {KEY}.", tmp_path)


def test_what_is_no_secret_stays(tmp_path: Path) -> None:
    text = "HTTP Request: POST https://images.example/v1/images/generations 200 OK"
    assert f"httpx: {text}\n" in logged(text, tmp_path)
