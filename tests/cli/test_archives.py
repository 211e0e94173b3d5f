"""Archives that were made to do harm, and ones that are damaged."""

from __future__ import annotations

import bz2
import io
import lzma
import re
import tarfile
import zipfile
from pathlib import Path

import pytest

from chartbridge.ccda.document import MAX_BYTES
from chartbridge.commands import archives
from chartbridge.commands.archives import ArchiveError, Member, ZipReader, tar_members, zip_members
from tests.cli.converting import numbered, packed, tarred, zipped

MB = 1024**2


def put(folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return str(folder / name)


def read_tar(path: str) -> list[Member]:
    return list(tar_members(path, lambda name: name.endswith(".xml")))


def read_until_error(path: str) -> tuple[list[str], str]:
    """The names of the members before the archive is given up, and why it is."""
    names = []
    try:
        for member in tar_members(path, lambda name: name.endswith(".xml")):
            names.append(member.name)
    except ArchiveError as error:
        return names, str(error)
    raise AssertionError("it was read to its end")


def test_a_zip_that_unpacks_to_a_multitude_of_its_size_is_refused(tmp_path: Path) -> None:
    bomb = zipped({f"{number}.xml": bytes(40 * MB) for number in range(2)})
    with pytest.raises(ArchiveError, match="more than 250 times its size"):
        zip_members(put(tmp_path, "bomb.zip", bomb))


def test_a_tar_that_unpacks_to_a_multitude_of_its_size_is_given_up(tmp_path: Path) -> None:
    path = put(
        tmp_path, "bomb.tgz", packed(tarred({"a.xml": b"<a/>", "b.bin": bytes(80 * MB), "c.xml": b"<c/>"}))
    )
    names, reason = read_until_error(path)
    assert names == ["a.xml", "b.bin"]
    assert reason == "the archive unpacks to more than 250 times its size"


def test_what_unpacks_to_more_than_is_held_anywhere_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_UNPACKED", 4096)
    with pytest.raises(ArchiveError, match="unpacks to more than"):
        zip_members(put(tmp_path, "a.zip", zipped({"a.xml": bytes(4097)})))
    names, reason = read_until_error(put(tmp_path, "a.tar", tarred({"a.txt": bytes(9000), "b.xml": b"<b/>"})))
    assert names == ["a.txt"]
    assert "unpacks to more than" in reason


def test_a_member_may_be_as_large_as_a_document(tmp_path: Path) -> None:
    files = {"a.xml": bytes(MAX_BYTES + 1), "b.xml": b"<b/>"}
    large, small = zip_members(put(tmp_path, "a.zip", zipped(files)))
    assert "at most 52428800 are accepted" in large.problem
    assert (large.zipped, small.problem) == (None, "")
    large, small = read_tar(put(tmp_path, "a.tar", tarred(files)))
    assert "at most 52428800 are accepted" in large.problem
    assert (large.content, small.content) == (None, b"<b/>")


def test_members_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    files = {f"{number}.xml": b"<a/>" for number in range(3)}
    with pytest.raises(ArchiveError, match="more than 2 members"):
        zip_members(put(tmp_path, "a.zip", zipped(files)))
    assert read_until_error(put(tmp_path, "a.tar", tarred(files))) == (
        ["0.xml", "1.xml"],
        "the archive has more than 2 members",
    )


def test_a_zips_directory_is_not_read_when_it_is_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path, "a.zip", zipped({f"{number}.xml": b"" for number in range(500)}))
    assert len(zip_members(path)) == 500
    monkeypatch.setattr(archives, "MAX_DIRECTORY", 20_000)
    with pytest.raises(ArchiveError, match="directory is longer than"):
        zip_members(path)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE], ids=["name", "pax"])
def test_a_tars_headers_are_not_read_when_they_are_too_long(tmp_path: Path, kind: bytes) -> None:
    header = tarfile.TarInfo("long")
    header.type, header.size = kind, 2 * MB
    made = tarred({"a.xml": b"<a/>"})[:1024] + header.tobuf(tarfile.GNU_FORMAT) + b"x" * 2 * MB
    names, reason = read_until_error(put(tmp_path, "a.tar", made))
    assert names == ["a.xml"]
    assert "a header in the archive is too long" in reason


def test_an_xz_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    content = tarred({"a.xml": b"<a/>"})
    greedy = lzma.compress(content, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 512 * MB}])
    assert read_until_error(put(tmp_path, "a.txz", greedy)) == (
        [],
        "unpacking it needs more than 128 MiB of memory",
    )
    assert len(read_tar(put(tmp_path, "b.txz", lzma.compress(content, preset=9)))) == 1


def test_streams_that_follow_each_other_are_one(tmp_path: Path) -> None:
    content = tarred({"a.xml": numbered(1), "b.xml": numbered(2)})
    halves = content[:3000], content[3000:]
    for name, made in (
        ("a.tgz", b"".join(map(packed, halves))),
        ("a.tbz2", b"".join(map(bz2.compress, halves))),
        ("a.txz", b"\0\0\0\0".join(map(lzma.compress, halves)) + b"\0\0\0\0"),
    ):
        assert [member.content for member in read_tar(put(tmp_path, name, made))] == [
            numbered(1),
            numbered(2),
        ]


@pytest.mark.parametrize("pack", [bytes, packed, bz2.compress, lzma.compress], ids=["tar", "gz", "bz2", "xz"])
def test_an_archive_that_was_cut_off_is_not_taken_for_whole(tmp_path: Path, pack: type[bytes]) -> None:
    content = tarred({"a.xml": numbered(1), "b.xml": numbered(2)})
    ends = [len(pack(content)) - 30]
    if pack is bytes:
        second = 512 + (len(numbered(1)) + 511) // 512 * 512
        ends = [second, second + 100, second + 600]
    for end in ends:
        names, reason = read_until_error(put(tmp_path, "a.tar", pack(content)[:end]))
        assert names in ([], ["a.xml"], ["a.xml", "b.xml"])
        assert "cut off" in reason


def test_a_checksum_at_the_end_is_seen_to(tmp_path: Path) -> None:
    content = bytearray(packed(tarred({"a.xml": numbered(1)})))
    content[-8] ^= 0xFF
    names, reason = read_until_error(put(tmp_path, "a.tgz", bytes(content)))
    assert names == ["a.xml"]
    assert "damaged" in reason


def test_damage_in_the_middle_of_a_tar_is_not_its_end(tmp_path: Path) -> None:
    content = bytearray(tarred({"a.xml": b"<a/>", "b.xml": b"<b/>"}))
    content[1024:1030] = b"\xff" * 6
    names, reason = read_until_error(put(tmp_path, "a.tar", bytes(content)))
    assert names == ["a.xml"]
    assert "damaged or cut off" in reason


def test_what_became_of_a_zips_member_is_told_for_each(tmp_path: Path) -> None:
    content = bytearray(
        zipped({"a.xml": numbered(1), "b.xml": numbered(2), "c.xml": numbered(3), "d.xml": b""})
    )
    local = [found.start() for found in re.finditer(b"PK\x03\x04", content)]
    central = [found.start() for found in re.finditer(b"PK\x01\x02", content)]
    content[local[0] + 200] ^= 0xFF
    content[local[1] + 6] |= 1
    content[central[1] + 8] |= 1
    content[local[2] + 8] = content[central[2] + 10] = 97
    path = put(tmp_path, "a.zip", bytes(content))
    reader = ZipReader()
    damaged, encrypted, strange, empty = zip_members(path)
    assert encrypted.problem == "it is encrypted"
    for member, reason in ((damaged, "damaged in the archive"), (strange, "not supported")):
        assert member.zipped is not None
        with pytest.raises(ArchiveError, match=reason):
            reader.read(path, member.zipped)
    assert empty.zipped is not None
    assert reader.read(path, empty.zipped) == b""
    reader.close()


def test_a_links_target_is_not_taken_for_a_document(tmp_path: Path) -> None:
    made = io.BytesIO()
    link = zipfile.ZipInfo("a.xml")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    [member] = zip_members(put(tmp_path, "a.zip", made.getvalue()))
    assert (member.skipped, member.zipped) == ("it is a link", None)


def test_what_is_no_archive_says_so(tmp_path: Path) -> None:
    for content in (b"", b"<ClinicalDocument/>", b"PK\x05\x06", bytes(100)):
        with pytest.raises(ArchiveError, match="no zip archive"):
            zip_members(put(tmp_path, "a.zip", content))
    for content in (b"", b"<ClinicalDocument/>", b"BZh9nonsense", b"\x1f\x8bnonsense", b"\xfd7zXZ\0nonsense"):
        assert read_until_error(put(tmp_path, "a.tar", content))[0] == []
    with pytest.raises(ArchiveError, match="No such file"):
        zip_members(str(tmp_path / "missing.zip"))
