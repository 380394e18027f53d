"""Counting what the folders of jobs hold, while others delete."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from upkeep.job_folders import count_bytes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"1234")
    return tmp_path


def test_it_counts_the_files_of_all_folders_below(folder: Path) -> None:
    assert count_bytes(folder) == 12
    assert count_bytes(folder / "nowhere") == 0


def test_a_folder_that_goes_while_it_is_counted_counts_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = os.walk

    def walk_slowly(top: Path, **how: Any) -> Iterator[Any]:
        for found in walk(top, **how):
            yield found
            shutil.rmtree(folder / "b", ignore_errors=True)  # after it was listed

    monkeypatch.setattr(os, "walk", walk_slowly)
    assert count_bytes(folder) == 8


def test_a_file_that_goes_while_it_is_counted_counts_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lstat = os.lstat

    def lstat_late(path: str) -> os.stat_result:
        if "/b/" in path:
            os.unlink(path)
        return lstat(path)

    monkeypatch.setattr(os, "lstat", lstat_late)
    assert count_bytes(folder) == 8
