"""Drawings of a retina and of a kidney under ultrasound."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from chartbridge.features.networks.sandbox.images.canvas import (
    HEIGHT,
    WIDTH,
    add_grain,
    grain,
    soft_ellipse,
    spot,
)


def retina(chance: random.Random) -> Image.Image:
    """A fundus photograph with microaneurysms and a few hard exudates."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), (4, 3, 3))
    field = Image.new("L", (WIDTH, HEIGHT), 0)
    ImageDraw.Draw(field).ellipse((40, 100, 680, 740), fill=255)
    glow = Image.radial_gradient("L").resize((900, 900)).crop((90, 30, 90 + WIDTH, 30 + HEIGHT))
    fundus = Image.composite(
        Image.new("RGB", picture.size, (120, 34, 12)), Image.new("RGB", picture.size, (206, 92, 40)), glow
    )
    spot(fundus, chance, (138, 48, 22), (300, 424), 54, 26)
    spot(fundus, chance, (244, 206, 128), (502, 410), 44, 5)
    draw = ImageDraw.Draw(fundus)
    for start in (-2.5, -2.0, -0.9, 0.9, 2.0, 2.5):
        _retinal_vessel(draw, chance, (502, 410), start, 8)
    for _ in range(16):
        x, y = chance.uniform(170, 420), chance.uniform(280, 590)
        size = chance.uniform(1.6, 3.6)
        draw.ellipse((x - size, y - size, x + size, y + size), fill=(96, 10, 8))
    for _ in range(9):
        x, y = chance.uniform(205, 290), chance.uniform(470, 540)
        draw.ellipse((x - 3, y - 2, x + 4, y + 3), fill=(246, 222, 140))
    fundus = add_grain(fundus.filter(ImageFilter.GaussianBlur(1.1)), grain(chance, 1.2), 0.16)
    return Image.composite(fundus, picture, field.filter(ImageFilter.GaussianBlur(2)))


def _retinal_vessel(
    draw: ImageDraw.ImageDraw, chance: random.Random, start: tuple[float, float], angle: float, width: int
) -> None:
    here = start
    for _ in range(9):
        angle += chance.uniform(-0.16, 0.16)
        end = (here[0] + math.cos(angle) * 22, here[1] + math.sin(angle) * 22)
        draw.line((here, end), fill=(128, 16, 12), width=width)
        here = end
    if width > 2:
        for turn in (-0.5, 0.45):
            _retinal_vessel(draw, chance, here, angle + turn, width - 2)


def kidney(chance: random.Random) -> Image.Image:
    """An ultrasound fan with a small, bright kidney."""
    tissue = add_grain(Image.new("L", (WIDTH, HEIGHT), 58), grain(chance, 2.2), 1.5)
    for box, level, blur in (
        ((170, 330, 560, 560), 104, 9),  # cortex, brighter than it should be
        ((260, 400, 470, 490), 196, 16),  # central sinus
        ((60, 150, 700, 300), 84, 30),  # liver edge
    ):
        flat, mask = soft_ellipse(box, level, blur)
        tissue = Image.composite(add_grain(flat, grain(chance, 1.6), 1.3), tissue, mask)
    outline = Image.new("L", (WIDTH, HEIGHT), 0)
    ImageDraw.Draw(outline).ellipse((166, 326, 564, 564), outline=190, width=3)
    tissue = ImageChops.lighter(tissue, outline.filter(ImageFilter.GaussianBlur(2)))
    fan = Image.new("L", (WIDTH, HEIGHT), 0)
    ImageDraw.Draw(fan).pieslice((-340, -640, 1060, 780), 52, 128, fill=255)
    ImageDraw.Draw(fan).pieslice((250, -50, 470, 110), 0, 180, fill=0)
    picture = Image.composite(
        tissue, Image.new("L", tissue.size, 0), fan.filter(ImageFilter.GaussianBlur(1.5))
    )
    draw = ImageDraw.Draw(picture)
    for x, y in ((168, 446), (562, 446)):
        draw.line((x - 8, y, x + 8, y), fill=240, width=2)
        draw.line((x, y - 8, x, y + 8), fill=240, width=2)
    draw.text((560, 796), "1 + 8.9 cm", fill=235, font=ImageFont.load_default(20))
    draw.text((20, 20), "RT KIDNEY LONG", fill=235, font=ImageFont.load_default(20))
    return picture
