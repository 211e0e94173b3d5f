"""A small file system of the test's own, that can be filled to its last byte."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEBIBYTE = 1 << 20


class SmallDisk:
    """A file system in memory, mounted at ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, *, leave: int = 0) -> None:
        """Take all space but ``leave`` bytes, as something else on the same disk might."""
        with self._ballast.open("ab", buffering=0) as file:
            for piece in (MEBIBYTE, 4096):
                while self._free() - leave >= piece:
                    try:
                        file.write(b"\0" * piece)
                    except OSError:
                        break

    def free(self) -> None:
        """Give the space back."""
        self._ballast.unlink(missing_ok=True)

    def _free(self) -> int:
        state = os.statvfs(self.folder)
        return state.f_bavail * state.f_frsize


def can_mount() -> bool:
    """Whether this process may mount file systems: only root may, and not in every container."""
    if os.geteuid() != 0:
        return False
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"],
        capture_output=True,
        check=False,
    )
    return tried.returncode == 0


@contextmanager
def small_disk(folder: Path, *, size: int) -> Iterator[SmallDisk]:
    """A disk of ``size`` bytes at ``folder`` while the block runs."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)]
    subprocess.run(mount, check=True, capture_output=True)
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)
