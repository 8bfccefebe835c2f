"""From the settings to a storage, and the settings that are refused."""

import subprocess
import sys
from pathlib import Path

import pytest

from promptlab.adapters.storage.registry import open_storage
from promptlab.errors import NotConfigured
from promptlab.settings import Settings, load

SECRET = "wJalrXUtnFEMI"

_LIST_MODULES = """
import sys
from promptlab.adapters.storage.registry import open_storage
from promptlab.settings import load
open_storage(load()).upload(b"image", "a.png", "image/png")
print(*{name.partition(".")[0] for name in sys.modules})
"""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment with credentials."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "promptlab")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    return monkeypatch


def _s3(**settings: str | bool) -> Settings:
    return Settings.model_validate({"storage_url": "s3://team-images", **settings})


def _refusal(settings: Settings) -> NotConfigured:
    with pytest.raises(NotConfigured) as caught:
        open_storage(settings)
    assert caught.value.hint
    return caught.value


def test_without_settings_images_lie_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPTLAB_HOME", str(tmp_path / "my home"))
    url = open_storage(load()).upload(b"image", "lab/a.png", "image/png")
    assert url == (tmp_path / "my home" / "images" / "lab" / "a.png").as_uri()


def test_a_folder_needs_no_boto3() -> None:
    """It takes a third of a second to import."""
    done = subprocess.run([sys.executable, "-c", _LIST_MODULES], capture_output=True, text=True, check=True)
    assert "promptlab" in done.stdout.split()
    assert {"boto3", "botocore"}.isdisjoint(done.stdout.split())


def test_a_path_is_no_url_and_the_hint_says_how_to_write_it() -> None:
    refusal = _refusal(Settings(storage_url="/data/my images"))
    assert refusal.message == "'/data/my images' is no URL of a storage."
    assert refusal.hint == "Write PROMPTLAB_STORAGE_URL as file:///data/my%20images"


@pytest.mark.parametrize("url", ["images", "./images", "~/images", "https://example.com/x", "gs://bucket", "ftp://x"])
def test_a_url_of_nothing_known_is_refused(url: str) -> None:
    assert "s3://bucket" in (_refusal(Settings(storage_url=url)).hint or "")


@pytest.mark.parametrize(
    "url", ["file://", "file://images", "file://host/images", "file:///a?b", "file:///a#b", "file:///%00"]
)
def test_a_file_url_names_a_folder_of_this_machine(url: str) -> None:
    assert "three slashes" in (_refusal(Settings(storage_url=url)).hint or "")


@pytest.mark.parametrize(
    "url",
    [
        f"s3://AKIA:{SECRET}@team-images/prefix",
        f"s3://AKIA:{SECRET}/K7MDENG@team-images",
        f"s3://{SECRET}@team-images",
        f"s3://team-images/prefix?secret={SECRET}",
        "s3://",
        "s3:///prefix",
        "s3://ab",
        "s3://localhost:9000/bucket",
        "s3://team images",
        "s3://[",
        "s3://team-images/../other",
        "s3://team-images/a//b",
        "s3://team-images/%ff",
    ],
)
def test_an_s3_url_is_a_bucket_and_a_prefix(aws: pytest.MonkeyPatch, url: str) -> None:
    """A key in the URL is refused as well, and never repeated."""
    refusal = _refusal(_s3(storage_url=url))
    assert SECRET not in f"{refusal.message} {refusal.hint}"


REMOTE = "http://minio.example:9000"


def test_images_never_travel_over_plain_http(aws: pytest.MonkeyPatch) -> None:
    """Off this machine, unless it is allowed; the hint says how."""
    refusal = _refusal(_s3(storage_endpoint_url=REMOTE))
    assert "minio.example" in refusal.message
    assert "PROMPTLAB_STORAGE_ALLOW_HTTP" in (refusal.hint or "")
    open_storage(_s3(storage_endpoint_url=REMOTE, storage_allow_http=True))
    open_storage(_s3(storage_endpoint_url="https://minio.example"))
    for loopback in ("http://localhost:9000", "http://127.0.0.1:9000", "http://[::1]:9000"):
        open_storage(_s3(storage_endpoint_url=loopback))


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_an_endpoint_that_boto3_finds_by_itself_is_checked_too(aws: pytest.MonkeyPatch, variable: str) -> None:
    aws.setenv(variable, REMOTE)
    assert "minio.example" in _refusal(_s3()).message
    open_storage(_s3(storage_allow_http=True))
    open_storage(_s3(storage_endpoint_url="https://minio.example"))


@pytest.mark.parametrize("endpoint", ["minio.example:9000", "ftp://minio.example", "https://", "https://[", "nonsense"])
@pytest.mark.parametrize("setting", ["ours", "boto3's"])
def test_an_endpoint_is_a_web_address(aws: pytest.MonkeyPatch, setting: str, endpoint: str) -> None:
    aws.setenv("PROMPTLAB_STORAGE_ENDPOINT_URL" if setting == "ours" else "AWS_ENDPOINT_URL_S3", endpoint)
    refusal = _refusal(load({"storage_url": "s3://team-images"}))
    assert "PROMPTLAB_STORAGE_ENDPOINT_URL" in (refusal.hint or "")


def test_an_endpoint_holds_no_key(aws: pytest.MonkeyPatch) -> None:
    refusal = _refusal(_s3(storage_endpoint_url=f"https://promptlab:{SECRET}@minio.example"))
    assert SECRET not in f"{refusal.message} {refusal.hint}"


@pytest.mark.parametrize("encryption", [None, "AES256"])
def test_a_key_of_kms_goes_with_kms(aws: pytest.MonkeyPatch, encryption: str | None) -> None:
    """Rather than storing images otherwise encrypted than somebody believes."""
    with pytest.raises(NotConfigured, match="storage_kms_key"):
        open_storage(Settings(storage_url="s3://team-images", storage_encryption=encryption, storage_kms_key="alias/x"))


@pytest.mark.parametrize("source", ["PROMPTLAB_STORAGE_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"])
def test_a_link_leads_to_the_region(aws: pytest.MonkeyPatch, source: str) -> None:
    """Ours before AWS's own; a link to Amazon's global address would be refused by newer regions."""
    aws.setenv("AWS_DEFAULT_REGION", "us-west-2")
    aws.setenv(source, "eu-north-1")
    link = open_storage(load({"storage_url": "s3://team-images"})).signed_url("s3://team-images/lab/a.png", 60)
    assert link.startswith("https://team-images.s3.eu-north-1.amazonaws.com/lab/a.png?")
    assert "%2Feu-north-1%2Fs3%2F" in link


def test_a_profile_that_does_not_exist_is_named(aws: pytest.MonkeyPatch) -> None:
    aws.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(NotConfigured, match="nobody"):
        open_storage(_s3())
