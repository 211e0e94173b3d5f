"""The converter as C extensions and the converter as plain Python give the same bytes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

import chartbridge
from chartbridge.ccda import convert, node
from tests.ccda.builders import PATIENT_ID
from tests.ccda.test_corpus import documents
from tests.networks.sandbox.support import PERSONAS, ccd

PURE = """
import sys
from pathlib import Path
from chartbridge.ccda import node
from tests.ccda.test_compiled import digests
assert node.__file__.endswith(".py"), node.__file__
print("\\n".join(digests([Path(name).read_bytes() for name in sys.argv[1:]])))
"""


def digests(sources: list[bytes]) -> list[str]:
    """One for the bundle and the report of each document."""
    made = []
    for source in sources:
        done = convert(source, PATIENT_ID)
        made.append(hashlib.sha256(orjson.dumps([done.bundle, done.report.to_json()])).hexdigest())
    return made


@pytest.mark.skipif(str(node.__file__).endswith(".py"), reason="the converter is not compiled")
def test_the_compiled_converter_gives_what_the_python_one_gives(tmp_path: Path) -> None:
    package = Path(str(chartbridge.__file__)).parent
    shutil.copytree(package, tmp_path / "chartbridge", ignore=shutil.ignore_patterns("*.so"))
    paths = []
    for persona in PERSONAS:
        paths.append(tmp_path / f"{persona}.xml")
        paths[-1].write_bytes(ccd(persona))
    paths += documents()
    done = subprocess.run(
        [sys.executable, "-c", PURE, *map(str, paths)],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.split() == digests([path.read_bytes() for path in paths])
