"""What the drawings share: the sheet's size, grain, soft shapes."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

WIDTH, HEIGHT = 720, 840


def grain(chance: random.Random, blur: float) -> Image.Image:
    """Grey noise around 128, softened by ``blur`` pixels."""
    noise = Image.frombytes("L", (WIDTH, HEIGHT), chance.randbytes(WIDTH * HEIGHT))
    return noise.filter(ImageFilter.GaussianBlur(blur)) if blur else noise


def add_grain(picture: Image.Image, noise: Image.Image, strength: float) -> Image.Image:
    """``picture`` with ``noise`` (grey around 128) added, ``strength`` of its amplitude."""
    scaled = noise.point(lambda level: round(level * strength))
    if picture.mode == "RGB":
        scaled = Image.merge("RGB", (scaled, scaled, scaled))
    return ImageChops.add(picture, scaled, 1, round(-128 * strength))


def soft_ellipse(
    box: tuple[float, float, float, float], level: int, blur: float
) -> tuple[Image.Image, Image.Image]:
    """A flat picture of ``level`` and a blurred elliptical mask for it."""
    small = Image.new("L", (WIDTH // 4, HEIGHT // 4), 0)  # blurred small, then enlarged: much faster
    ImageDraw.Draw(small).ellipse([edge / 4 for edge in box], fill=255)
    mask = small.filter(ImageFilter.GaussianBlur(blur / 4)).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    return Image.new("L", (WIDTH, HEIGHT), level), mask


def spot(
    picture: Image.Image,
    chance: random.Random,
    colour: tuple[int, int, int],
    at: tuple[float, float],
    radius: float,
    blur: float,
) -> None:
    """Paint an irregular round spot with a soft border onto ``picture``."""
    reach = round(radius * 1.2 + blur * 3)
    mask = Image.new("L", (2 * reach, 2 * reach), 0)
    wobble = [chance.uniform(0.82, 1.18) for _ in range(9)]
    points = []
    for step in range(72):
        place = step / 72 * 9
        low, high = wobble[int(place) % 9], wobble[(int(place) + 1) % 9]
        length = radius * (low + (high - low) * (place - int(place)))
        angle = step / 72 * 2 * math.pi
        points.append((reach + math.cos(angle) * length, reach + math.sin(angle) * length))
    ImageDraw.Draw(mask).polygon(points, fill=255)
    corner = (round(at[0]) - reach, round(at[1]) - reach)
    picture.paste(Image.new("RGB", mask.size, colour), corner, mask.filter(ImageFilter.GaussianBlur(blur)))
