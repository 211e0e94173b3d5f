"""Drawings of X-rays: chest and knee."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from chartbridge.features.networks.sandbox.images.canvas import HEIGHT, WIDTH, add_grain, grain, soft_ellipse


def chest(chance: random.Random, *, heart_width: int = 130, opacity: bool = False) -> Image.Image:
    """A chest X-ray, PA: bright where tissue stops the rays, dark where there is air."""
    picture = Image.new("L", (WIDTH, HEIGHT), 14)
    for box, level, blur in (
        ((40, 120, 680, 1100), 150, 26),  # trunk
        ((285, -60, 435, 240), 150, 20),  # neck
        ((-60, 150, 170, 420), 140, 26),  # shoulders
        ((550, 150, 780, 420), 140, 26),
        ((120, 165, 345, 700), 46, 22),  # lungs
        ((385, 165, 605, 690), 46, 22),
    ):
        flat, mask = soft_ellipse(box, level, blur)
        picture = Image.composite(flat, picture, mask)
    picture = ImageChops.lighter(picture, _bones(chance))
    for box, level, blur in (
        ((325, 60, 400, 800), 178, 12),  # spine and mediastinum
        ((360 - heart_width // 3, 400, 360 + heart_width, 690), 186, 16),  # heart
        ((345, 215, 440, 330), 172, 14),  # aortic knob
        ((90, 655, 355, 900), 190, 14),  # right dome of the diaphragm
        ((380, 672, 640, 900), 184, 14),
    ):
        flat, mask = soft_ellipse(box, level, blur)
        picture = Image.composite(ImageChops.lighter(flat, picture), picture, mask)
    picture = _vessels(picture, chance)
    if opacity:
        for box, level in (((150, 520, 320, 680), 150), ((180, 560, 300, 670), 172)):
            flat, mask = soft_ellipse(box, level, 30)
            picture = Image.composite(ImageChops.lighter(flat, picture), picture, mask)
    draw = ImageDraw.Draw(picture)
    draw.text((650, 40), "L", fill=235, font=ImageFont.load_default(40))
    picture = picture.filter(ImageFilter.GaussianBlur(1.2))
    return add_grain(add_grain(picture, grain(chance, 0.6), 0.14), grain(chance, 3), 0.30)


def _bones(chance: random.Random) -> Image.Image:
    """Ribs and clavicles as soft arcs."""
    bones = Image.new("L", (WIDTH, HEIGHT), 0)
    draw = ImageDraw.Draw(bones)
    for index in range(9):
        top = 150 + index * 58 + chance.randint(-3, 3)
        reach = 232 - abs(index - 5) * 9
        for side in (-1, 1):
            box = (360 - reach, top, 360 + 12, top + 190) if side < 0 else (348, top, 360 + reach, top + 190)
            start, end = (180, 292) if side < 0 else (248, 360)
            draw.arc(box, start, end, fill=96, width=13)
    for side in (-1, 1):
        points = [(360 + side * x, y) for x, y in ((30, 208), (110, 186), (190, 172), (262, 186))]
        draw.line(points, fill=176, width=17, joint="curve")
    return bones.filter(ImageFilter.GaussianBlur(3))


def _vessels(picture: Image.Image, chance: random.Random) -> Image.Image:
    """Lung markings that branch from each hilum."""
    layer = Image.new("L", (WIDTH, HEIGHT), 0)
    draw = ImageDraw.Draw(layer)
    for x, y, away in ((322, 420, math.pi), (412, 410, 0.0)):
        for _ in range(16):
            _branch(draw, chance, (x, y), away + chance.uniform(-1.2, 1.2), 5)
    return ImageChops.add(
        picture, layer.filter(ImageFilter.GaussianBlur(1.6)).point(lambda level: level // 3)
    )


def _branch(
    draw: ImageDraw.ImageDraw, chance: random.Random, start: tuple[float, float], angle: float, width: int
) -> None:
    length = chance.uniform(24, 44)
    end = (start[0] + math.cos(angle) * length, start[1] + math.sin(angle) * length)
    draw.line((start, end), fill=40 + width * 30, width=width)
    if width > 1:
        _branch(draw, chance, end, angle + chance.uniform(-0.5, 0.3), width - 1)
        if chance.random() < 0.5:
            _branch(draw, chance, end, angle + chance.uniform(0.3, 0.9), width - 2)


def chest_pneumonia(chance: random.Random) -> Image.Image:
    """A heart wider than half the chest, and an opacity low in the right lung."""
    return chest(chance, heart_width=190, opacity=True)


def knee(chance: random.Random) -> Image.Image:
    """A right knee seen from the front, its inner (here right-hand) joint space narrowed."""
    picture = Image.new("L", (WIDTH, HEIGHT), 10)
    flat, mask = soft_ellipse((150, -220, 570, 1060), 84, 24)
    picture = Image.composite(flat, picture, mask)
    bones = Image.new("L", (WIDTH, HEIGHT), 0)
    draw = ImageDraw.Draw(bones)
    draw.polygon([(308, -10), (412, -10), (424, 220), (488, 330), (232, 330), (296, 220)], fill=180)  # femur
    draw.ellipse((226, 282, 366, 424), fill=180)
    draw.ellipse((354, 286, 494, 434), fill=186)
    draw.polygon(
        [(228, 446), (492, 441), (482, 520), (420, 640), (408, 850), (318, 850), (304, 640)], fill=182
    )
    draw.polygon([(352, 448), (360, 424), (368, 448)], fill=190)  # tibial spine
    draw.polygon([(214, 500), (262, 496), (258, 560), (246, 850), (206, 850), (218, 560)], fill=150)  # fibula
    bones = bones.filter(ImageFilter.GaussianBlur(4))
    hollow = bones.filter(ImageFilter.GaussianBlur(16)).point(lambda level: max(0, level - 150))
    picture = ImageChops.lighter(picture, ImageChops.subtract(bones, hollow))
    flat, mask = soft_ellipse((300, 196, 424, 330), 214, 12)  # kneecap, over the femur
    picture = Image.composite(
        ImageChops.lighter(flat, picture), picture, mask.point(lambda level: level // 2)
    )
    ImageDraw.Draw(picture).text((60, 40), "R", fill=235, font=ImageFont.load_default(40))
    return add_grain(add_grain(picture, grain(chance, 0.6), 0.14), grain(chance, 2.4), 0.36)
