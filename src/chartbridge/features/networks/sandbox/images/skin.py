"""Drawings of skin, with a rule for scale."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from chartbridge.features.networks.sandbox.images.canvas import HEIGHT, WIDTH, add_grain, grain, spot


def _skin(chance: random.Random) -> Image.Image:
    """Bare skin with texture, lit from the upper left."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), (214, 170, 146))
    shade = (
        Image.linear_gradient("L").resize((1200, 1200)).rotate(20).crop((240, 180, 240 + WIDTH, 180 + HEIGHT))
    )
    picture = Image.composite(Image.new("RGB", picture.size, (188, 140, 116)), picture, shade)
    return add_grain(add_grain(picture, grain(chance, 1.4), 0.35), grain(chance, 7), 0.75)


def _ruler(picture: Image.Image) -> Image.Image:
    """A centimetre rule along the lower edge, 150 pixels a centimetre."""
    draw = ImageDraw.Draw(picture)
    draw.rectangle((40, HEIGHT - 84, 680, HEIGHT - 24), fill=(240, 240, 236), outline=(60, 60, 60))
    for tick in range(41):
        x = 60 + tick * 15
        length = 26 if tick % 10 == 0 else 16 if tick % 5 == 0 else 9
        draw.line((x, HEIGHT - 84, x, HEIGHT - 84 + length), fill=(30, 30, 30), width=1)
        if tick % 10 == 0:
            draw.text(
                (x - 5, HEIGHT - 54), str(tick // 10), fill=(30, 30, 30), font=ImageFont.load_default(16)
            )
    draw.text((636, HEIGHT - 30 - 18), "cm", fill=(30, 30, 30), font=ImageFont.load_default(14))
    return picture


def hives(chance: random.Random) -> Image.Image:
    """Raised wheals: red flare around a paler centre."""
    picture = _skin(chance)
    for _ in range(13):
        x, y, radius = chance.uniform(70, 650), chance.uniform(60, 690), chance.uniform(26, 72)
        spot(picture, chance, (198, 92, 84), (x, y), radius, 11)
        spot(picture, chance, (232, 176, 160), (x - 3, y - 3), radius * 0.66, 7)
    return _ruler(add_grain(picture, grain(chance, 1.0), 0.18))


def lesion(chance: random.Random) -> Image.Image:
    """One brown, waxy, well bordered spot."""
    picture = _skin(chance)
    for radius, colour, blur in ((88, (150, 104, 78), 4), (80, (112, 72, 50), 4), (50, (92, 58, 42), 12)):
        spot(picture, chance, colour, (356, 360), radius, blur)
    draw = ImageDraw.Draw(picture)
    for _ in range(46):
        angle, reach = chance.uniform(0, 2 * math.pi), chance.uniform(0, 66)
        x, y = 356 + math.cos(angle) * reach, 360 + math.sin(angle) * reach
        size = chance.uniform(1.5, 4)
        draw.ellipse((x - size, y - size, x + size, y + size), fill=(214, 190, 160))
    picture = picture.filter(ImageFilter.GaussianBlur(0.9))
    return _ruler(add_grain(picture, grain(chance, 1.0), 0.22))


def pearly_lesion(chance: random.Random) -> Image.Image:
    """A pearly papule with a rolled edge, fine vessels and a small central crust."""
    picture = _skin(chance)
    for radius, colour, blur in (
        (66, (206, 128, 112), 10),
        (50, (236, 196, 182), 4),
        (34, (214, 150, 134), 6),
        (14, (120, 56, 44), 3),
    ):
        spot(picture, chance, colour, (360, 350), radius, blur)
    draw = ImageDraw.Draw(picture)
    for _ in range(14):
        angle = chance.uniform(0, 2 * math.pi)
        points = [
            (360 + math.cos(angle + step * 0.05) * reach, 350 + math.sin(angle + step * 0.05) * reach)
            for step, reach in enumerate(range(22, 56, 7))
        ]
        draw.line(points, fill=(190, 70, 66), width=1)
    picture = picture.filter(ImageFilter.GaussianBlur(0.7))
    return _ruler(add_grain(picture, grain(chance, 1.0), 0.2))
