"""The typeface of everything printed: Source Sans Pro, from a package, so that a page looks the same,
to the byte, on a machine without fonts."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

FAMILY = "Source Sans Pro"
FOLDER = Path(str(files("font_source_sans_pro") / "files"))
_FACES = (
    ("SourceSansPro-Regular.ttf", "normal", "normal"),
    ("SourceSansPro-Bold.ttf", "bold", "normal"),
    ("SourceSansPro-It.ttf", "normal", "italic"),
)


def font_face_css() -> str:
    """``@font-face`` rules for regular, bold and italic."""
    return "\n".join(
        f'@font-face {{ font-family: "{FAMILY}"; font-weight: {weight}; font-style: {style}; '
        f'src: url("file://{FOLDER / name}"); }}'
        for name, weight, style in _FACES
    )
