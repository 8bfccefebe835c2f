"""Small images to send."""

from io import BytesIO

from PIL import Image

from promptlab.adapters.ai.protocol import InputImage


def picture(colour: str = "red", size: tuple[int, int] = (64, 48)) -> InputImage:
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return InputImage(data=out.getvalue(), media_type="image/png")


def hole(size: tuple[int, int] = (64, 48)) -> InputImage:
    """A mask whose left half is to be drawn anew."""
    mask = Image.new("RGBA", size, (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, size[0] // 2, size[1]))
    out = BytesIO()
    mask.save(out, "PNG")
    return InputImage(data=out.getvalue(), media_type="image/png")
