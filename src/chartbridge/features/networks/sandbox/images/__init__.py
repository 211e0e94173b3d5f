"""Persona → clinical images, drawn with Pillow: chest X-ray, skin, retina, kidney ultrasound.

Grain comes from a generator seeded with the image's own key, so each image is always the same.
Nothing here is a picture of anybody.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from chartbridge.features.networks.sandbox.images import organs, skin, xray
from chartbridge.features.networks.sandbox.images.canvas import HEIGHT, WIDTH
from chartbridge.features.networks.sandbox.persona import Facts, Persona

CAPTION_HEIGHT = 64
Drawing = Callable[[random.Random], Image.Image]


DRAWINGS: dict[str, Drawing] = {
    "chest": xray.chest,
    "chest-pneumonia": xray.chest_pneumonia,
    "knee": xray.knee,
    "hives": skin.hives,
    "lesion": skin.lesion,
    "pearly-lesion": skin.pearly_lesion,
    "retina": organs.retina,
    "kidney": organs.kidney,
}


def render(persona: Persona, image: Facts) -> bytes:
    """One image as JPEG or TIFF (LZW), with the patient and a caption below it."""
    picture = DRAWINGS[image["drawing"]](random.Random(f"{persona.key}/{image['key']}"))  # noqa: S311
    picture = _captioned(picture, persona, image)
    out = io.BytesIO()
    if image["format"] == "JPEG":
        picture.save(out, "JPEG", quality=85, dpi=(150, 150), comment=image["caption"])
    else:
        tags = ImageFileDirectory_v2()
        tags[270] = image["caption"]
        tags[306] = image["created"].strftime("%Y:%m:%d %H:%M:%S")
        picture.save(out, "TIFF", compression="tiff_lzw", dpi=(150, 150), tiffinfo=tags)
    return out.getvalue()


def _captioned(picture: Image.Image, persona: Persona, image: Facts) -> Image.Image:
    sheet = Image.new(picture.mode, (WIDTH, HEIGHT + CAPTION_HEIGHT), 0)
    sheet.paste(picture, (0, 0))
    draw = ImageDraw.Draw(sheet)
    ink = 225 if picture.mode == "L" else (225, 225, 225)
    who = persona.patient
    lines = (
        f"{who['last_name'].upper()}, {who['first_name']}   {persona.mrn}   "
        f"born {who['dob']:%Y-%m-%d}   {image['created']:%Y-%m-%d %H:%M}",
        image["caption"],
    )
    for index, line in enumerate(lines):
        draw.text((16, HEIGHT + 10 + 24 * index), line, fill=ink, font=ImageFont.load_default(16))
    return sheet
