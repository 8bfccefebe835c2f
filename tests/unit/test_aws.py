"""Whether AWS's credentials and region are set up: found without asking anybody."""

import subprocess
import sys
from pathlib import Path

import pytest

from promptlab.adapters.ai.registry import missing, open_provider, ready_providers
from promptlab.errors import NotConfigured
from promptlab.settings import load

NONE = "There are no AWS credentials, which bedrock needs."
NOWHERE = "AWS_REGION is not set, and bedrock needs a region."


@pytest.fixture
def aws() -> Path:
    """The folder in which AWS's tools keep their files."""
    folder = Path.home() / ".aws"
    folder.mkdir(parents=True)
    return folder


def test_without_credentials_bedrock_is_not_ready() -> None:
    """The sentence says so, the hint names the variables; asking for capabilities needs none."""
    with pytest.raises(NotConfigured, match=NONE) as caught:
        open_provider("bedrock", load())
    assert "AWS_PROFILE" in (caught.value.hint or "")
    assert missing("bedrock", load()) == NONE
    assert open_provider("bedrock", load(), for_sending=False).capabilities("amazon.nova-canvas-v1:0").known


@pytest.mark.parametrize("region", ["AWS_REGION", "AWS_DEFAULT_REGION"])
@pytest.mark.parametrize(
    "credentials",
    [
        *("AWS_ACCESS_KEY_ID", "AWS_BEARER_TOKEN_BEDROCK", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ],
)
def test_variables_make_it_ready(monkeypatch: pytest.MonkeyPatch, credentials: str, region: str) -> None:
    monkeypatch.setenv(credentials, "any text")
    assert missing("bedrock", load()) == NOWHERE
    monkeypatch.setenv(region, "us-west-2")
    assert ready_providers(load()) == ["bedrock", "sketch"]


@pytest.mark.parametrize(
    "lines",
    [
        "aws_access_key_id = A\naws_secret_access_key = B",
        "sso_session = ours\nsso_account_id = 1",
        "role_arn = arn:aws:iam::1:role/x\nsource_profile = other",
        "credential_process = /bin/keys",
    ],
)
@pytest.mark.parametrize(
    ("profile", "section"), [(None, "default"), ("lab", "profile lab"), ("my lab", "profile 'my lab'")]
)
def test_a_profile_makes_it_ready(
    aws: Path, monkeypatch: pytest.MonkeyPatch, lines: str, profile: str | None, section: str
) -> None:
    """With both in one file, under the name that is in use; another profile's are not taken for it."""
    (aws / "config").write_text(f"[profile else]\nregion = eu-west-1\n[{section}]\nregion = us-west-2\n{lines}\n")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert missing("bedrock", load()) == NONE
    monkeypatch.delenv("AWS_PROFILE")
    if profile:
        assert missing("bedrock", load()) == NONE
        monkeypatch.setenv("AWS_PROFILE", profile)
    assert missing("bedrock", load()) is None


def test_keys_and_region_may_lie_in_two_files(aws: Path) -> None:
    (aws / "credentials").write_text("[default]\naws_access_key_id = A\naws_secret_access_key = B\n")
    assert missing("bedrock", load()) == NOWHERE
    (aws / "config").write_text("[default]\nregion = us-west-2\n")
    assert missing("bedrock", load()) is None


@pytest.mark.parametrize(
    "text", ["aws_secret_access_key = hidden\n", "[default\nhidden", "[default]\nhidden\n", "['x]\n"]
)
def test_a_file_that_cannot_be_read_is_named_and_not_quoted(aws: Path, text: str) -> None:
    (aws / "credentials").write_text(text)
    sentence = missing("bedrock", load())
    assert sentence == f"AWS's file {aws / 'credentials'} cannot be read."


def test_a_key_in_promptlab_s_own_setting_is_not_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPTLAB_BEDROCK_API_KEY", "any text")
    assert missing("bedrock", load()) == "bedrock takes no api_key: its credentials are those of AWS."


def test_looking_loads_no_boto3() -> None:
    code = (
        "import sys; from promptlab.adapters.ai.registry import *; from promptlab.settings import load; "
        "missing('bedrock', load()); print('boto3' in sys.modules, 'botocore' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
