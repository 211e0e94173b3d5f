"""How fast C-CDA becomes FHIR: the whole way from bytes to serialised JSON, against a bare XML parse.

    .venv/bin/python benchmarks/convert.py [FOLDER] [--repeat 9] [--medplum] [--linear] [--jobs] [--memory]
        [--profile] [--json FILE]

FOLDER holds documents (``*.xml``); without it they are those of the corpus beside the checkout, or else
the ones that the sandbox network makes. What is compared runs in turns within each document, so that a
slow moment of the machine meets both; of each the best of ``--repeat`` turns counts. The collector of
garbage runs just before each turn, and during it as in any process (``--no-gc`` stops it for all).

``--medplum`` needs Node 20 or newer and ``npm ci`` in this folder; documents that it cannot convert
are counted, and are part of neither side of that comparison.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import os
import pstats
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import orjson
from lxml import etree

from chartbridge.ccda import CcdaError, convert

HERE = Path(__file__).resolve().parent
CORPUS = HERE.parents[1] / "shared" / "corpus" / "ccda" / "vendors"
PATIENT_ID = "8c0f6e2a-6f0b-4d7e-9a55-1f2f6d0b7c31"
V3 = "{urn:hl7-org:v3}"
COPIES = 10

MEASURE_MEMORY = """
import os, resource, sys
import orjson
from chartbridge.ccda import CcdaError, convert
def peak():
    if not os.path.exists("/proc/self/status"):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open("/proc/self/status") as status:  # Linux counts a parent's memory into ru_maxrss
        return int(next(line for line in status if line.startswith("VmHWM:")).split()[1])
begin = peak()
for path in sys.stdin.read().splitlines():
    with open(path, "rb") as file:
        content = file.read()
    try:
        orjson.dumps(convert(content, "p-1").bundle)
    except CcdaError:
        continue
print(begin, peak())
"""

Figures = dict[str, Any]


def whole_path(content: bytes) -> bytes:
    return orjson.dumps(convert(content, PATIENT_ID).bundle)


def timed(work: Callable[[bytes], object], content: bytes) -> float:
    """Milliseconds of one run."""
    gc.collect()
    began = time.perf_counter()
    work(content)
    return (time.perf_counter() - began) * 1000


def convertible(paths: list[Path]) -> dict[Path, bytes]:
    """The documents that convert, by path; the others are named."""
    found: dict[Path, bytes] = {}
    for path in paths:
        content = path.read_bytes()
        try:
            whole_path(content)
        except CcdaError as error:
            print(f"left out: {path.name}: {error}")
            continue
        found[path] = content
    if not found:
        raise SystemExit("none of the documents can be converted")
    return found


def middle(values: list[float]) -> float:
    return statistics.median(values)


# comparisons


class Medplum:
    """A warm Node process that converts with @medplum/ccda."""

    def __init__(self) -> None:
        node = shutil.which("node")
        if node is None or not (HERE / "node_modules").is_dir():
            raise SystemExit(f"--medplum needs Node, and `npm ci` in {HERE}")
        self._node = subprocess.Popen(
            [node, str(HERE / "medplum.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def milliseconds(self, path: Path) -> float | None:
        """The time of one run; ``None`` where it throws."""
        to, back = self._node.stdin, self._node.stdout
        assert to is not None
        assert back is not None
        to.write(f"{path}\n")
        to.flush()
        answer = back.readline().strip()
        if not answer:
            raise SystemExit("the Node process ended; its message stands above")
        return None if answer == "error" else float(answer)

    def close(self) -> None:
        self._node.communicate(timeout=30)


def compare(documents: dict[Path, bytes], repeat: int, medplum: Medplum | None) -> Figures:
    """Bare parse, our conversion and Medplum's, in turns within each document."""
    thrown = set()
    if medplum is not None:
        for path in documents:  # once over all, for Node's compiler to know its way
            if medplum.milliseconds(path) is None:
                thrown.add(path)
    rows: list[Figures] = []
    for path, content in documents.items():
        parses, ours, theirs = [], [], []
        for _ in range(repeat):
            parses.append(timed(etree.fromstring, content))
            ours.append(timed(whole_path, content))
            if medplum is not None and path not in thrown:
                theirs.append(medplum.milliseconds(path) or 0.0)
        row: Figures = {"name": path.name, "bytes": len(content), "parse": min(parses), "convert": min(ours)}
        if theirs:
            row["medplum"] = min(theirs)
        rows.append(row)
    figures: Figures = {"documents": rows, "parse": against(rows, "parse")}
    print(
        f"{len(rows)} documents, {sum(r['bytes'] for r in rows) / len(rows) / 1000:.1f} kB on average; "
        f"ms a document: parse {average(rows, 'parse'):.2f}, convert {average(rows, 'convert'):.2f}"
    )
    tell("convert / bare parse", figures["parse"])
    if medplum is not None:
        both = [row for row in rows if "medplum" in row]
        figures["medplum"] = {"thrown": len(thrown), **(against(both, "medplum") if both else {})}
        print(f"medplum threw on {len(thrown)} of {len(rows)}; on the {len(both)} others, ms a document:")
        if both:
            print(f"    medplum {average(both, 'medplum'):.2f}, convert {average(both, 'convert'):.2f}")
            tell("convert / medplum", figures["medplum"])
    return figures


def average(rows: list[Figures], name: str) -> float:
    return statistics.mean(float(row[name]) for row in rows)


def against(rows: list[Figures], other: str) -> Figures:
    ratios = [row["convert"] / row[other] for row in rows]
    return {
        "medianRatio": middle(ratios),
        "totalRatio": sum(row["convert"] for row in rows) / sum(row[other] for row in rows),
        "lowestRatio": min(ratios),
        "highestRatio": max(ratios),
    }


def tell(what: str, ratios: Figures) -> None:
    print(
        f"{what}: median ratio {ratios['medianRatio']:.3f}, total ratio {ratios['totalRatio']:.3f} "
        f"(from {ratios['lowestRatio']:.3f} to {ratios['highestRatio']:.3f})"
    )


# growth


def tenfold(content: bytes) -> bytes:
    """The document with all entries and narrative ten times, under ids of their own."""
    root = etree.fromstring(content)
    for section in root.iter(f"{V3}section"):
        entries = section.findall(f"{V3}entry")
        text = section.find(f"{V3}text")
        narrative = [] if text is None else list(text)
        for number in range(1, COPIES):
            if text is not None:
                text.extend(renamed(child, number) for child in narrative)
            section.extend(renamed(entry, number) for entry in entries)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def renamed(original: Any, number: int) -> Any:
    """A copy in which identifiers and links into the narrative are others than those of the original."""
    made = deepcopy(original)
    for el in made.iter(etree.Element):
        if el.tag == f"{V3}id":
            el.set("extension", f"{el.get('extension', '')}-{number}")
        elif el.tag == f"{V3}reference" and el.get("value", "").startswith("#"):
            el.set("value", f"{el.get('value')}-{number}")
        if el.get("ID"):
            el.set("ID", f"{el.get('ID')}-{number}")
        templates = el.findall(f"{V3}templateId")
        if templates and el.get("classCode") and el.find(f"{V3}id") is None:
            own = etree.Element(f"{V3}id", root="2.16.840.1.113883.3.9911.98", extension=str(number))
            templates[-1].addnext(own)
    return made


def linear(documents: dict[Path, bytes], repeat: int) -> Figures:
    """How time grows with a document's length."""
    rows: list[Figures] = []
    for path, content in documents.items():
        larger = tenfold(content)
        once, ten = [], []
        for _ in range(repeat):
            once.append(timed(whole_path, content))
            ten.append(timed(whole_path, larger))
        count = len(convert(content, PATIENT_ID).bundle["entry"])
        rows.append(
            {
                "name": path.name,
                "bytes": len(larger) / len(content),
                "resources": len(convert(larger, PATIENT_ID).bundle["entry"]) / count,
                "time": min(ten) / min(once),
            }
        )
    print(f"entries and narrative times {COPIES}, over {len(rows)} documents, median (highest):")
    figures: Figures = {"documents": rows}
    for name in ("bytes", "resources", "time"):
        values = [float(row[name]) for row in rows]
        figures[name] = {"median": middle(values), "highest": max(values)}
        print(f"    {name} × {middle(values):.2f} ({max(values):.2f})")
    growth = [float(row["time"]) / float(row["bytes"]) for row in rows]
    figures["timeToBytes"] = {"median": middle(growth), "highest": max(growth)}
    print(f"    time× / bytes×: {middle(growth):.2f} ({max(growth):.2f})")
    return figures


# the command, memory, profile


def jobs(paths: list[Path], repeat: int) -> Figures:
    """The command over many files, with one process and with two."""
    command = [sys.executable, "-m", "chartbridge", "convert"]
    wide = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    told = subprocess.run([*command, "--help"], check=True, stdout=subprocess.PIPE, env=wide, text=True)
    if "--jobs" not in told.stdout:
        raise SystemExit("`chartbridge convert` has no --jobs")
    figures: Figures = {"files": len(paths) * COPIES}
    with tempfile.TemporaryDirectory() as folder:
        copies = Path(folder, "in")
        copies.mkdir()
        for path in paths:
            for number in range(COPIES):
                shutil.copyfile(path, copies / f"{number}-{path.name}")
        times: dict[int, list[float]] = {1: [], 2: []}
        for turn in range(repeat):
            for count, taken in times.items():
                out = Path(folder, f"out-{count}-{turn}")
                began = time.perf_counter()
                subprocess.run(
                    [*command, "--jobs", str(count), "--out", str(out), str(copies)],
                    check=True,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                )
                taken.append(time.perf_counter() - began)
                shutil.rmtree(out)
    for count, taken in times.items():
        figures[f"jobs{count}"] = min(taken)
        rate = figures["files"] / min(taken)
        print(f"--jobs {count}: {min(taken):.2f} s for {figures['files']} files, {rate:.0f} a second")
    figures["ratio"] = min(times[1]) / min(times[2])
    print(f"two processes do {figures['ratio']:.2f} times as much as one ({os.cpu_count()} processors)")
    return figures


def memory(paths: list[Path]) -> Figures:
    """The most memory that a process of its own had while it converted all documents."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE_MEMORY],
        input="\n".join(map(str, paths)),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    begin, peak = (int(value) / unit for value in done.stdout.split())
    print(f"peak memory: {peak:.1f} MiB, of which {begin:.1f} before the first document")
    return {"peakMiB": peak, "beginMiB": begin}


def profile(documents: dict[Path, bytes]) -> Figures:
    """The share of each module, what it calls of C included."""
    profiler = cProfile.Profile()
    profiler.enable()
    for content in documents.values():
        whole_path(content)
    profiler.disable()
    modules: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    stats: dict[Any, Any] = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    for (file, line, name), (_, _, own, _, callers) in stats.items():
        if file == "~":
            for (caller, _, _), (_, _, part, _) in callers.items():
                modules[module(caller)] += part
            functions[name] += own
        else:
            modules[module(file)] += own
            functions[f"{module(file)}:{line} {name}"] += own
    whole = sum(modules.values())
    print("share of time by module (what it calls of C included):")
    for name, own in modules.most_common(25):
        print(f"    {own / whole:6.1%}  {name}")
    print("share of time by function:")
    for name, own in functions.most_common(25):
        print(f"    {own / whole:6.1%}  {name}")
    return {"modules": {name: own / whole for name, own in modules.most_common()}}


def module(file: str) -> str:
    return "C" if file == "~" else "/".join(Path(file).parts[-2:])


# the script


def sandbox_documents(folder: Path) -> list[Path]:
    """The C-CDA documents of the sandbox's people, written into a folder."""
    from chartbridge.features.networks.sandbox.documents import documents
    from chartbridge.features.networks.sandbox.persona import KEYS

    made = []
    for key in KEYS:
        path = folder / f"{key}.xml"
        path.write_bytes(next(one for one in documents(key) if one.key == "ccd").content())
        made.append(path)
    return made


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--repeat", type=int, default=9, help="turns of each measure; the best counts")
    parser.add_argument("--limit", type=int, help="only so many documents, spread over the folder")
    parser.add_argument("--no-gc", action="store_true", help="no collection of garbage during a turn")
    parser.add_argument("--medplum", action="store_true", help="compare with @medplum/ccda")
    parser.add_argument("--linear", action="store_true", help="how time grows with length")
    parser.add_argument("--jobs", action="store_true", help="the command with one and with two processes")
    parser.add_argument("--memory", action="store_true", help="peak memory over all documents")
    parser.add_argument("--profile", action="store_true", help="which module takes the time")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser.parse_args()


def chosen(folder: Path, limit: int | None) -> list[Path]:
    paths = sorted(folder.glob("*.xml"))
    if not paths:
        raise SystemExit(f"no *.xml in {folder}")
    return paths if limit is None else paths[:: max(1, len(paths) // limit)][:limit]


def main() -> None:
    given = options()
    with tempfile.TemporaryDirectory() as folder:
        if given.folder is not None or CORPUS.is_dir():
            paths = chosen(given.folder or CORPUS, given.limit)
        else:
            paths = sandbox_documents(Path(folder))
        figures: Figures = {}
        if given.memory:
            figures["memory"] = memory(paths)
        documents = convertible(paths)
        if given.no_gc:
            gc.disable()
        medplum = Medplum() if given.medplum else None
        figures |= compare(documents, given.repeat, medplum)
        if medplum is not None:
            medplum.close()
        if given.linear:
            figures["linear"] = linear(documents, max(1, given.repeat // 3))
        if given.jobs:
            figures["jobs"] = jobs(list(documents), max(1, given.repeat // 3))
        if given.profile:
            figures["profile"] = profile(documents)
    if given.json is not None:
        given.json.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))


if __name__ == "__main__":
    main()
