"""The folder of the columns: files of it are damaged, or all of it is not as it was."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from columns.export import export_project
from columns.files.folder import MARKER
from columns.segments import list_segments, read_head
from tests.chaos.evidence.asked import asked, count_damaged, list_segments_of
from tests.chaos.system import System, wait_for
from tests.chaos.trial import Chaos, make_unlimited_project
from tests.columns.folders import columns_root, local_folder
from tests.stored import store_events
from upkeep.jobs.leases import lease_project

pytestmark = pytest.mark.chaos

AWAY_SECONDS = 14.0  # longer than a process believes that the folder is ours
UNAVAILABLE = "columns_unavailable"


@pytest.fixture(scope="module", autouse=True)
def eager(system: System) -> Iterator[None]:
    with system.another_worker("tests.chaos.faults.eager_worker"):
        yield


def remove(path: Path) -> None:
    path.unlink()


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip_a_bit(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 3)
        [byte] = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 16]))


def put_anothers_there(path: Path) -> None:
    other = make_unlimited_project("another's segment")
    store_events(other, [{"path": "/anothers"}] * 10)
    export_project(other.id)
    [segment] = list_segments(read_head(other.id))
    shutil.copy(local_folder().path_of(segment.id), path)


DAMAGES = {
    "missing": remove,
    "cut short": cut_short,
    "with a flipped bit": flip_a_bit,
    "of another project": put_anothers_there,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_segment(damage: str, chaos: Chaos) -> None:
    """It is made anew: nobody else helps."""
    with asked(chaos, f"a segment {damage}") as trial:
        trial.wait_for_segments(2)
        with lease_project(trial.project.id, 30) as entered:  # so that nobody replaces it now
            assert entered
            segments = list_segments(read_head(trial.project.id))
            largest = max(segments, key=lambda segment: segment.rows)
            DAMAGES[damage](local_folder().path_of(largest.id))
            trial.questions.wait_for("200", times=3)
            assert count_damaged(trial.project) == 1
        trial.wait_until_repaired()
        assert largest.id not in list_segments_of(trial.project)


@contextmanager
def renamed_away(root: Path) -> Iterator[None]:
    away = root.rename(root.with_name("away"))
    try:
        yield
    finally:
        away.rename(root)


@contextmanager
def of_another_deployment(root: Path) -> Iterator[None]:
    ours = (root / MARKER).rename(root / f"{MARKER}.ours")
    (root / MARKER).write_text('{"deployment": "another", "format": 1}')
    try:
        yield
    finally:
        ours.rename(root / MARKER)


@contextmanager
def not_mounted(root: Path) -> Iterator[None]:
    """An empty folder in its place, which anybody may write into."""
    away = root.rename(root.with_name("away"))
    root.mkdir()
    try:
        yield
    finally:
        left = list(root.iterdir())
        shutil.rmtree(root)
        away.rename(root)
        assert left == []


ELSEWHERE = {
    "renamed away": renamed_away,
    "not mounted": not_mounted,
    "of another deployment": of_another_deployment,
}


@pytest.mark.parametrize("trouble", ELSEWHERE)
def test_a_folder(trouble: str, chaos: Chaos) -> None:
    """Nothing is made anew, nothing is written there, and nothing is answered without it."""
    with asked(chaos, f"the folder of the columns {trouble}, 14 s") as trial:
        trial.wait_for_segments(2)
        with ELSEWHERE[trouble](columns_root()):
            time.sleep(AWAY_SECONDS)
            before = list_segments_of(trial.project)
            answered = trial.questions.outcomes["200"]
            trial.questions.wait_for(UNAVAILABLE, times=5)
            assert trial.questions.outcomes["200"] == answered
            assert list_segments_of(trial.project) == before
        trial.questions.wait_for("200")


def test_a_folder_that_is_read_only(chaos: Chaos) -> None:
    """What is written before it stays, and questions are answered with what is fresh."""
    root = columns_root()
    with asked(chaos, "the folder of the columns read-only, 10 s") as trial:
        trial.wait_for_segments(1)
        with read_only(root):
            before = list_segments_of(trial.project)
            trial.questions.wait_for("200")
            time.sleep(10)
            trial.questions.wait_for("200")
            assert list_segments_of(trial.project) == before
        trial.wait_for_new_segments(before)


@contextmanager
def read_only(root: Path) -> Iterator[None]:
    """For root, whom modes do not stop, a mount on itself."""
    if os.geteuid():
        folders = [root, *(path for path in root.iterdir() if path.is_dir())]
        for folder in folders:
            folder.chmod(0o500)
        try:
            yield
        finally:
            for folder in folders:
                folder.chmod(0o700)
        return
    if not mount("--bind", str(root), str(root)):
        pytest.skip("root may not mount here")
    try:
        remount = ("-o", "remount,bind,ro", str(root))
        wait_for(lambda: mount(*remount), 10, "nobody writes at that moment")
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(root)], check=True)


def mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], check=False, capture_output=True).returncode == 0
