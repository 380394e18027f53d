"""The processes of a running service, told by what they do, and what each takes."""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

KIBIBYTE = 1024
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) \S+ (\S+) (\S+) (\d+)")

Mapped = tuple[str, str, str, int]  # device, inode, offset, bytes


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    name: str


def find_processes(supervisor: int) -> list[Process]:
    """The supervisor and all that descends from it, such as `accept`, `worker` and `mongod`."""
    found = [Process(supervisor, "supervisor")]
    for child in list_children(supervisor):
        command = read_command(child)
        if "gunicorn" in command:
            found.append(Process(child, "web master"))
            found += [
                Process(one, "report" if read_niceness(one) else "accept")
                for one in list_children(child)
            ]
        elif " beat" in command:
            found.append(Process(child, "beat"))
        elif "mongod" in command:
            found.append(Process(child, "mongod"))
        elif "redis" in command or "valkey" in command:
            found.append(Process(child, "redis"))
        else:
            found.append(Process(child, "worker master"))
            found += [Process(one, "worker") for one in list_children(child)]
    return found


def list_children(pid: int) -> list[int]:
    """Of all threads of a process, the oldest first."""
    children: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):
            children |= set(map(int, (task / "children").read_text().split()))
    return sorted(children, key=lambda child: int(_read_stat(child)[19]))


def read_command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def read_niceness(pid: int) -> int:
    return int(_read_stat(pid)[16])


def read_cpu_seconds(pid: int) -> float:
    fields = _read_stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def _read_stat(pid: int) -> list[str]:
    """The fields of proc(5) from the state, the third one, on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def read_pss_mib(pids: Iterable[int]) -> dict[int, float]:
    """What each process takes of the memory of all of these.

    A page of a file counts once, for those of them that map it: the kernel's own figure gives
    shares of it to every other program of the machine that runs the same binary.
    """
    anonymous: dict[int, float] = {}
    files: dict[Mapped, dict[int, int]] = defaultdict(dict)
    for pid in pids:
        anonymous[pid], mapped = _read_mappings(pid)
        for mapping, size in mapped.items():
            files[mapping][pid] = size
    totals = dict(anonymous)
    for sizes in files.values():
        both = sum(sizes.values())
        for pid, size in sizes.items():
            totals[pid] += max(sizes.values()) * size / both if both else 0
    return {pid: total / KIBIBYTE for pid, total in totals.items()}


def _read_mappings(pid: int) -> tuple[float, dict[Mapped, int]]:
    """KiB: the proportional share of what no file holds, and what is in memory of each file."""
    anonymous = 0.0
    files: dict[Mapped, int] = defaultdict(int)
    mapping: Mapped | None = None
    sizes: Mapping[str, int] = {}
    for line in [*Path(f"/proc/{pid}/smaps").read_text().splitlines(), "0-0 - 0 0 0"]:
        if head := _MAPPING.match(line):
            if mapping is None:
                anonymous += sizes.get("Pss", 0)
            else:
                anonymous += sizes["Anonymous"]
                files[mapping] += sizes["Rss"] - sizes["Anonymous"]
            start, end, offset, device, inode = head.groups()
            size = int(end, 16) - int(start, 16)
            mapping = None if inode == "0" else (device, inode, offset, size)
            sizes = {}
        elif line.endswith(" kB"):
            name, _, value = line.partition(":")
            sizes = {**sizes, name: int(value.split()[0])}
    return anonymous, files
