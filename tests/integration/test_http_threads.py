"""One adapter, asked by many threads at once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from tests.faulty_server import serving

from promptlab.adapters.ai.protocol import ImageRequest
from promptlab.adapters.ai.registry import open_provider
from promptlab.settings import load

THREADS = 128


def test_no_request_disturbs_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of many threads gets the image of its own prompt, again and again: no connection is closed by another."""
    monkeypatch.setenv("PROMPTLAB_OPENAI_CONCURRENCY", str(THREADS))
    with serving(tmp_path / "requests.log", latency=0.5, size=2_000) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        with closing(open_provider("openai", load())) as provider, ThreadPoolExecutor(THREADS) as pool:

            def ask(number: int) -> bytes:
                request = ImageRequest(model="gpt-image-1", user_prompt=f"fox {number}.")
                [image] = provider.generate(request, accepted=lambda _handle: None).images
                return image

            images = list(pool.map(ask, range(3 * THREADS)))
        assert all(f" fox {number}.".encode() in image for number, image in enumerate(images))
        assert len(server.requests) == 3 * THREADS
