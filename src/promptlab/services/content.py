"""Content hashes: the same content, the same hash, in every database."""

import hashlib
import json


def content_hash(content: object) -> str:
    """Return the SHA-256 of JSON data, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
