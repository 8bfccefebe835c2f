"""The nodes of ComfyUI that the service on loopback has: what they take, and what they make."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError
from tests.loopback import painted

CHECKPOINTS = ("sd15.safetensors", "flux1-schnell.safetensors")
_TOOLTIP = {"tooltip": "The name of the checkpoint (model) to load."}
_SIDE = ("INT", {"default": 512, "min": 1, "max": 16384, "step": 1})
_LATENT_SIDE = ("INT", {"default": 512, "min": 16, "max": 16384, "step": 8})
_BATCH = ("INT", {"default": 1, "min": 1, "max": 4096})
_TEXT = ("STRING", {"multiline": True})
_PREFIX = ("STRING", {"default": "ComfyUI"})
_SEED = ("INT", {"default": 0, "min": 0, "max": 2**64 - 1})
_SAMPLERS: tuple[list[str], dict[str, Any]] = (["euler", "dpmpp_2m"], {})
_SCHEDULERS: tuple[list[str], dict[str, Any]] = (["normal", "karras"], {})


@dataclass(frozen=True, kw_only=True)
class NodeClass:
    """What a class of nodes takes (each input with its type and options), and the types of what it makes."""

    inputs: Mapping[str, tuple[Any, Mapping[str, Any]]]
    makes: Sequence[str] = ()
    is_output: bool = False
    run: Callable[..., Any]


@dataclass
class Folders:
    """The files of the server: what was uploaded, and the checkpoints that it has."""

    uploads: dict[str, bytes] = field(default_factory=dict)
    checkpoints: Sequence[str] = CHECKPOINTS


def node_classes(folders: Folders) -> dict[str, NodeClass]:
    """Return the classes by name, as they are with these files."""
    return {
        "EmptyImage": NodeClass(
            inputs={
                "width": _SIDE,
                "height": _SIDE,
                "batch_size": _BATCH,
                "color": ("INT", {"min": 0, "max": 0xFFFFFF}),
            },
            makes=("IMAGE",),
            run=lambda width, height, batch_size, color: [_plain(width, height, color)] * batch_size,
        ),
        "LoadImage": NodeClass(
            inputs={"image": ("FILE", {})}, makes=("IMAGE", "MASK"), run=lambda image: [_opened(folders, image)]
        ),
        "ImageInvert": NodeClass(
            inputs={"image": ("IMAGE", {})}, makes=("IMAGE",), run=lambda image: [_inverted(each) for each in image]
        ),
        "ImageFromBatch": NodeClass(
            inputs={"image": ("IMAGE", {}), "batch_index": ("INT", {"min": 0}), "length": ("INT", {"min": 1})},
            makes=("IMAGE",),
            run=lambda image, batch_index, length: image[batch_index:][:length],
        ),
        "ImageBatch": NodeClass(
            inputs={"image1": ("IMAGE", {}), "image2": ("IMAGE", {})},
            makes=("IMAGE",),
            run=lambda image1, image2: [*image1, *image2],
        ),
        "ImageScale": NodeClass(
            inputs={
                "image": ("IMAGE", {}),
                "upscale_method": (["nearest-exact", "lanczos"], {}),
                "width": ("INT", {"min": 0, "max": 16384}),
                "height": ("INT", {"min": 0, "max": 16384}),
                "crop": (["disabled", "center"], {}),
            },
            makes=("IMAGE",),
            run=lambda image, width, height, **_how: [_scaled(each, (width, height)) for each in image],
        ),
        "SaveImage": _saving({"images": ("IMAGE", {}), "filename_prefix": _PREFIX}),
        "PreviewImage": _saving({"images": ("IMAGE", {})}),
        "CheckpointLoaderSimple": NodeClass(
            inputs={"ckpt_name": (list(folders.checkpoints), _TOOLTIP)},
            makes=("MODEL", "CLIP", "VAE"),
            run=lambda ckpt_name: ckpt_name,
        ),
        "CLIPTextEncode": NodeClass(
            inputs={"text": _TEXT, "clip": ("CLIP", {})},
            makes=("CONDITIONING",),
            run=lambda text, clip: f"{clip}: {text}",
        ),
        "EmptyLatentImage": NodeClass(
            inputs={"width": _LATENT_SIDE, "height": _LATENT_SIDE, "batch_size": _BATCH},
            makes=("LATENT",),
            run=lambda width, height, batch_size: {"size": (width, height), "batch": batch_size, "images": []},
        ),
        "RepeatLatentBatch": NodeClass(
            inputs={"samples": ("LATENT", {}), "amount": _BATCH},
            makes=("LATENT",),
            run=lambda samples, amount: {**samples, "batch": samples["batch"] * amount},
        ),
        "VAEEncode": NodeClass(
            inputs={"pixels": ("IMAGE", {}), "vae": ("VAE", {})},
            makes=("LATENT",),
            run=lambda pixels, vae: {"size": _size(pixels[0]), "batch": 1, "images": pixels},
        ),
        "KSampler": NodeClass(
            inputs={
                "model": ("MODEL", {}),
                "seed": _SEED,
                "steps": ("INT", {"default": 20, "min": 1, "max": 10000}),
                "cfg": ("FLOAT", {"default": 8.0, "min": 0.0, "max": 100.0}),
                "sampler_name": _SAMPLERS,
                "scheduler": _SCHEDULERS,
                "positive": ("CONDITIONING", {}),
                "negative": ("CONDITIONING", {}),
                "latent_image": ("LATENT", {}),
                "denoise": ("FLOAT", {"default": 1.0, "min": 0.0, "max": 1.0}),
            },
            makes=("LATENT",),
            run=_sampled,
        ),
        "VAEDecode": NodeClass(
            inputs={"samples": ("LATENT", {"tooltip": "The latent to be decoded."}), "vae": ("VAE", {})},
            makes=("IMAGE",),
            run=lambda samples, vae: samples["samples"],
        ),
    }


def _saving(inputs: Mapping[str, tuple[Any, Mapping[str, Any]]]) -> NodeClass:
    return NodeClass(inputs=inputs, is_output=True, run=lambda images, **_about: images)


def _sampled(**given: Any) -> dict[str, Any]:
    """Paint an image for each of the batch, from all that was given."""
    latent = given.pop("latent_image")
    seed = given.pop("seed")
    prompt = repr(sorted(given.items()))
    samples = [
        painted(prompt, size=latent["size"], seed=(seed, index), inputs=latent["images"])
        for index in range(latent["batch"])
    ]
    return {**latent, "samples": samples}


def _plain(width: int, height: int, color: int) -> bytes:
    return _png(Image.new("RGB", (width, height), (color >> 16 & 255, color >> 8 & 255, color & 255)))


def _scaled(image: bytes, size: tuple[int, int]) -> bytes:
    with Image.open(BytesIO(image)) as opened:
        return _png(opened.convert("RGB").resize(size))


def _size(image: bytes) -> tuple[int, int]:
    with Image.open(BytesIO(image)) as opened:
        return opened.size


def _inverted(image: bytes) -> bytes:
    with Image.open(BytesIO(image)) as opened:
        return _png(ImageOps.invert(opened.convert("RGB")))


def _opened(folders: Folders, name: str) -> bytes:
    data = folders.uploads[name]
    try:
        with Image.open(BytesIO(data)) as opened:
            opened.load()
    except UnidentifiedImageError:
        raise UnidentifiedImageError(f"cannot identify image file '/opt/comfy/input/{name}'") from None
    return data


def _png(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
