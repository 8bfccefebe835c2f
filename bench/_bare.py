"""The least that anybody would write: a thread pool over httpx that decodes, verifies, hashes, writes and inserts.

`python -m bench._bare URL COUNT CONCURRENCY FOLDER` prints the seconds that it took, imports apart.
"""

import base64
import hashlib
import sqlite3
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import httpx  # noqa: TID253 - a process of its own, whose start is not measured
from PIL import Image  # noqa: TID253


def run(url: str, count: int, concurrency: int, folder: Path) -> float:
    database = sqlite3.connect(folder / "bare.db", check_same_thread=False, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.execute("CREATE TABLE image (id INTEGER PRIMARY KEY, number INTEGER, sha256 TEXT, path TEXT)")
    one_at_a_time = threading.Lock()
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    with httpx.Client(timeout=600, limits=limits) as client, ThreadPoolExecutor(concurrency) as pool:

        def take(number: int) -> None:
            request = {"model": "gpt-image-1", "prompt": f"a fox {number}", "n": 1}
            answer = client.post(f"{url}/images/generations", json=request)
            answer.raise_for_status()
            data = base64.b64decode(answer.json()["data"][0]["b64_json"])
            with Image.open(BytesIO(data)) as image:
                image.load()
            sha256 = hashlib.sha256(data).hexdigest()
            path = folder / f"{sha256}.png"
            path.write_bytes(data)
            with one_at_a_time:
                database.execute(
                    "INSERT INTO image (number, sha256, path) VALUES (?, ?, ?)", (number, sha256, str(path))
                )

        start = time.perf_counter()
        list(pool.map(take, range(count)))
        return time.perf_counter() - start


def main() -> None:
    url, count, concurrency, folder = sys.argv[1:]
    print(run(url, int(count), int(concurrency), Path(folder)))


if __name__ == "__main__":
    main()
