"""Keeping what a provider sent: spool, check, store, record, unspool. In this order, so that nothing is lost."""

import hashlib
from dataclasses import replace
from typing import Any

from promptlab.adapters.ai.protocol import ImageProvider, ImageResult, ProviderFailed
from promptlab.db.models import Attempt
from promptlab.db.states import GenerationState
from promptlab.services import outcomes
from promptlab.services.images import ImageInfo, UnusableImage, extension, inspect_image
from promptlab.services.lab import Lab
from promptlab.services.outcomes import Ended
from promptlab.services.spool import SpoolKey


def spool_key(attempt: Attempt) -> SpoolKey:
    """Return where the attempt's answer is spooled."""
    return SpoolKey(attempt.generation_id, attempt.number)


def priced(provider: ImageProvider, model: str, result: ImageResult) -> ImageResult:
    """Return the answer with its cost: what it reports, else the model's price per image where that is known."""
    price = provider.capabilities(model).price.per_image
    if result.cost_usd is not None or price is None:
        return result
    return replace(result, cost_usd=round(price * len(result.images), 6))


def receive(lab: Lab, attempt: Attempt, result: ImageResult, *, duration_ms: int) -> Ended:
    """Keep an answer that has just arrived; a spool that cannot be written does not stop it from being stored.

    Raises:
        StorageUnavailable: the answer is in the spool, and is stored by the next command that can.
    """
    try:
        lab.spool.write(spool_key(attempt), result)
        spooled = True
    except Exception:  # noqa: BLE001 - whatever is wrong with the spool, the images are still here and can be stored
        spooled = False
    try:
        return keep(lab, attempt, result, duration_ms=duration_ms)
    except Exception as error:
        if not spooled:
            lost = ProviderFailed(f"The images arrived and could be kept nowhere: {error}", kind="not_stored")
            lost.may_be_billed, lost.cost_usd = True, result.cost_usd
            outcomes.end(lab, attempt.id or 0, lost, duration_ms=duration_ms)
        raise


def keep(lab: Lab, attempt: Attempt, result: ImageResult, *, duration_ms: int | None = None) -> Ended:
    """Check, store and record an answer, then take it out of the spool; return how its generation ended by that."""
    images, complaints = _usable(result.images)
    if not images:
        error = ProviderFailed(
            "The answer holds no usable image: " + "; ".join(complaints or ["it is empty"]) + ".",
            kind="unusable_image",
            http_status=result.http_status,
            request_id=result.request_id,
        )
        error.may_be_billed, error.cost_usd = True, result.cost_usd
        ended = outcomes.end(lab, attempt.id or 0, error, duration_ms=duration_ms)
        lab.spool.set_aside(spool_key(attempt))
        return ended
    success = outcomes.Success(
        images=[store_image(lab, data, info, position=position) for position, (data, info) in enumerate(images)],
        effective_parameters=dict(result.effective_parameters),
        usage=dict(result.usage) if result.usage is not None else None,
        cost_usd=result.cost_usd,
        http_status=result.http_status,
        request_id=result.request_id,
        warnings=[*result.warnings, *(f"One image was not usable: {complaint}." for complaint in complaints)],
    )
    if outcomes.succeed(lab, attempt.id or 0, success, duration_ms=duration_ms):
        lab.spool.remove(spool_key(attempt))
    else:
        lab.spool.set_aside(spool_key(attempt))
    return Ended(state=GenerationState.SUCCEEDED)


def _usable(images: tuple[bytes, ...]) -> tuple[list[tuple[bytes, ImageInfo]], list[str]]:
    usable, complaints = [], []
    for data in images:
        try:
            usable.append((data, inspect_image(data)))
        except UnusableImage as error:
            complaints.append(error.reason)
    return usable, complaints


def store_image(lab: Lab, data: bytes, info: ImageInfo, *, position: int) -> dict[str, Any]:
    """Put an image into the storage, under its content, and return the columns of the row about it."""
    sha256 = hashlib.sha256(data).hexdigest()
    return {
        "url": lab.storage.upload(data, lab.object_path(sha256, extension(info.media_type)), info.media_type),
        "sha256": sha256,
        "media_type": info.media_type,
        "width": info.width,
        "height": info.height,
        "bytes": len(data),
        "position": position,
    }
