"""The cache of a host: whole files with the right sum, and no more bytes than it may take."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest

from columns.files import cache as caching
from columns.files.cache import Cache, Cached, CacheFull
from columns.files.place import ColumnsUnavailable, DamagedFile
from tests.paths import ROOT

KIB = 1024


@dataclass(frozen=True)
class File:
    id: bytes
    data: bytes

    @property
    def file_bytes(self) -> int:
        return len(self.data)

    @property
    def sum(self) -> bytes:
        return sha256(self.data).digest()

    def read(self, start: int, length: int) -> bytes:
        return self.data[start : start + length]


def make_file(size: int = 10 * KIB) -> File:
    return File(os.urandom(24), os.urandom(size))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    monkeypatch.setattr(caching, "CHUNK_BYTES", KIB)
    return Cache(tmp_path / "cache", 100 * KIB, read_seconds=0)


def soon() -> float:
    return time.monotonic() + 60


def fill(cache: Cache, file: File, read: Callable[[int, int], bytes] | None = None) -> Path:
    return cache.fill(file, soon(), read or file.read)


def names(cache: Cache) -> set[str]:
    return {path.name for path in cache.root.glob("*/*")}


def test_a_file_is_here_under_its_name_once_it_is_whole(cache: Cache) -> None:
    file = make_file()
    seen = []

    def read(start: int, length: int) -> bytes:
        seen.append(cache.find(file.id))
        return file.read(start, length)

    assert fill(cache, file, read).read_bytes() == file.data
    assert seen == [None] * 10
    assert cache.find(file.id) == cache.path_of(file.id)
    assert names(cache) == {cache.path_of(file.id).name}


def test_who_gave_up_half_way_is_gone_on_from_there(cache: Cache) -> None:
    file = make_file()

    def end(start: int, length: int) -> bytes:
        if start == 5 * KIB:
            raise ColumnsUnavailable("the time is over")
        return file.read(start, length)

    with pytest.raises(ColumnsUnavailable):
        fill(cache, file, end)
    starts = []

    def read(start: int, length: int) -> bytes:
        starts.append(start)
        return file.read(start, length)

    assert fill(cache, file, read).read_bytes() == file.data
    assert starts == [KIB * n for n in range(5, 10)]


def test_a_beginning_that_is_another_files_is_begun_anew(cache: Cache) -> None:
    file = make_file()
    part = cache.path_of(file.id).with_suffix(f".{file.file_bytes}.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(os.urandom(3 * KIB))
    assert fill(cache, file).read_bytes() == file.data


@pytest.mark.parametrize("wrong", [b"", b"short", os.urandom(10 * KIB)])
def test_an_object_that_is_another_one_is_never_here(cache: Cache, wrong: bytes) -> None:
    file = make_file()
    with pytest.raises(DamagedFile):
        fill(cache, file, lambda start, length: wrong[start : start + length])
    assert cache.find(file.id) is None
    assert fill(cache, file).read_bytes() == file.data


def test_a_process_that_is_killed_while_it_fills_leaves_nothing_half(cache: Cache) -> None:
    file = make_file()
    program = (
        "import os, signal, sys, time; from pathlib import Path; import django; django.setup();"
        "from columns.files import cache; from tests.columns.buckets.test_cache import File;"
        "cache.CHUNK_BYTES = 1024; here = cache.Cache(Path(sys.argv[1]), 102400, 0);"
        "file = File(bytes.fromhex(sys.argv[2]), bytes.fromhex(sys.argv[3]));"
        "read = lambda start, length: file.read(start, length) if start < 4096"
        " else os.kill(os.getpid(), signal.SIGKILL);"
        "here.fill(file, time.monotonic() + 10, read)"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", program, str(cache.root), file.id.hex(), file.data.hex()]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert cache.find(file.id) is None
    [left] = names(cache)
    assert left.endswith(".part")
    assert fill(cache, file).read_bytes() == file.data
    assert names(cache) == {cache.path_of(file.id).name}


def test_of_several_that_want_a_file_one_brings_it(cache: Cache) -> None:
    file = make_file()
    reads = []

    def read(start: int, length: int) -> bytes:
        reads.append(start)
        time.sleep(0.005)
        return file.read(start, length)

    with ThreadPoolExecutor(4) as threads:
        paths = set(threads.map(lambda _: fill(cache, file, read), range(4)))
    assert paths == {cache.path_of(file.id)}
    assert len(reads) == 10


def test_what_was_not_used_for_longest_makes_room(cache: Cache) -> None:
    files = [make_file(30 * KIB) for _ in range(3)]
    for file in files:
        fill(cache, file)
        time.sleep(0.02)  # the system's clock of files is coarse
    cache.find(files[0].id)
    fill(cache, make_file(30 * KIB))
    assert [cache.path_of(file.id).exists() for file in files] == [True, False, True]
    assert sum(found.size for found in cache.list_cached()) <= cache.most_bytes


def test_what_is_being_read_makes_no_room_and_what_is_too_much_is_told(cache: Cache) -> None:
    file = make_file(60 * KIB)
    path = fill(cache, file)
    more = make_file(60 * KIB)
    with cache.hold(path) as is_there, pytest.raises(CacheFull, match="COLUMNS_CACHE_MB"):
        assert is_there
        fill(cache, more)
    asked = Cache(cache.root, cache.most_bytes, read_seconds=60)  # a question reads it
    with pytest.raises(CacheFull):
        fill(asked, more)
    assert names(cache) == {path.name}
    assert fill(cache, more).read_bytes() == more.data
    with cache.hold(path) as is_there:
        assert not is_there


def test_what_is_given_out_at_the_last_moment_makes_no_room(cache: Cache) -> None:
    """It was found to be free, and then a question of another process took it."""
    asked = Cache(cache.root, cache.most_bytes, read_seconds=60)
    file = make_file(60 * KIB)
    path = fill(asked, file)
    listed = [replace(each, used_at=each.used_at - 61) for each in asked.list_cached()]

    class Late(Cache):
        def list_cached(self) -> Iterator[Cached]:
            assert asked.find(file.id)
            return iter([*listed, *(each for each in super().list_cached() if each.path != path)])

    late = Late(asked.root, asked.most_bytes, asked.read_seconds)
    with pytest.raises(CacheFull):
        fill(late, make_file(60 * KIB))
    late.sweep(lambda ids: set())
    assert path.exists()


@pytest.mark.slow
def test_files_that_two_processes_read_stay_while_a_third_makes_room(tmp_path: Path) -> None:
    """Room for three of six: who finds a file can open it for as long as it was promised."""
    files = [make_file(30 * KIB) for _ in range(6)]
    with ProcessPoolExecutor(3, multiprocessing.get_context("spawn")) as processes:
        found = list(processes.map(partial(use, tmp_path / "cache", files), range(3)))
    assert min(had for had, _ in found) > 20
    assert [gone for _, gone in found] == [0, 0, 0]


def use(root: Path, files: list[File], seed: int) -> tuple[int, int]:
    """How often a file was there, and how often it had gone in its time."""
    cache, chance = Cache(root, 100 * KIB, read_seconds=0.2), random.Random(seed)
    had = gone = 0
    until = time.monotonic() + 4
    while (taken := time.monotonic()) < until or (had <= 20 and taken < until + 40):
        file = chance.choice(files)
        try:
            path = cache.find(file.id) or cache.fill(file, soon(), file.read)
        except CacheFull:
            time.sleep(0.01)
            continue
        for _ in range(5):
            is_there = path.exists() and path.read_bytes() == file.data
            if time.monotonic() - taken < 0.18:  # the system's clock of files is coarse
                had += 1
                gone += not is_there
            time.sleep(0.02)
    return had, gone


def test_a_sweep_drops_what_is_not_listed(cache: Cache) -> None:
    kept, dropped, half = make_file(), make_file(), make_file()
    for file in (kept, dropped):
        fill(cache, file)

    def end(start: int, length: int) -> bytes:
        if start:
            raise ColumnsUnavailable("the time is over")
        return half.read(start, length)

    with pytest.raises(ColumnsUnavailable):
        fill(cache, half, end)
    stranger = cache.root / "thesis.odt"
    stranger.touch()
    with cache.hold(cache.path_of(dropped.id)):  # a worker that reads it has it open
        cache.sweep(lambda ids: ids & {kept.id})
    assert names(cache) == {cache.path_of(kept.id).name}
    assert stranger.exists()


def test_a_sweep_leaves_what_a_question_reads_for_the_next_one(cache: Cache) -> None:
    file = make_file()
    fill(cache, file)
    Cache(cache.root, cache.most_bytes, read_seconds=60).sweep(lambda ids: set())
    assert cache.path_of(file.id).exists()
    cache.sweep(lambda ids: set())
    assert not cache.path_of(file.id).exists()


def test_a_folder_of_another_user_is_none_for_us(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.root.mkdir()
    monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 1)
    if cache.root.stat().st_uid == 0:
        os.chown(cache.root, 12_345, -1)
    with pytest.raises(PermissionError):
        fill(cache, make_file())
