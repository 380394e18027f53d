"""A host that misbehaves: its clock jumps, its disk is full, its power fails (`host.c`)."""

import os
import shutil
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).with_name("host.c")
NO_END = -1


@cache
def find_compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc")


def build_library(folder: Path) -> Path:
    compiler = find_compiler()
    assert compiler, "a C compiler is needed"
    library = folder / "host.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"]
    subprocess.run([*command, str(library), str(SOURCE)], check=True)
    return library


class Host:
    """What the processes that start with `environment` believe of their machine."""

    def __init__(self, library: Path, folder: Path, disk: Path | None = None) -> None:
        """`disk`: the folder that may be full; without one, wherever a file is."""
        folder.mkdir(parents=True, exist_ok=True)
        self._control = folder / "control"
        self._synced = folder / "synced"
        self._control.write_bytes(struct.pack("qq", 0, NO_END))
        self.environment: Mapping[str, str] = {
            "LD_PRELOAD": str(library),
            "CHAOS_CONTROL": str(self._control),
            "CHAOS_SYNCED": str(self._synced),
            **({"CHAOS_DISK": str(disk)} if disk else {}),
        }

    def set_clock(self, offset_seconds: int) -> None:
        self._write(0, offset_seconds)

    @contextmanager
    def full_disk(self, after_bytes: int = 0) -> Iterator[None]:
        """Regular files take so much more, and then no byte."""
        self._write(8, after_bytes)
        try:
            yield
        finally:
            self._write(8, NO_END)

    def cut_power(self, folder: Path) -> int:
        """Cut each file of the killed process to what it had synced; how many bytes that took."""
        sizes = {}
        for line in self._synced.read_text().splitlines():
            inode, size = line.split()
            sizes[int(inode)] = int(size)
        lost = 0
        for file in folder.rglob("*"):
            synced = sizes.get(file.stat().st_ino)
            if synced is not None and file.stat().st_size > synced:
                lost += file.stat().st_size - synced
                os.truncate(file, synced)
        return lost

    def _write(self, at: int, value: int) -> None:
        with self._control.open("r+b") as control:  # in place: the processes have it mapped
            control.seek(at)
            control.write(struct.pack("q", value))
