"""The folder of a process for what is in no segment and not in memory."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from columns.files.scratch import make_scratch, open_scratch_engine
from reporting.columns.read.sweeping import sweep
from upkeep.columns.rounds import collect_files


@pytest.mark.slow
def test_a_process_removes_what_dead_ones_left_and_nothing_of_the_living(tmp_path: Path) -> None:
    program = (
        "import django, sys; django.setup()\n"
        "from columns.files.scratch import make_scratch\n"
        "print(make_scratch(), flush=True); sys.stdin.read()"
    )
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "QUERY_TEMP_DIR": str(tmp_path / "temp"),
    }

    def start() -> tuple["subprocess.Popen[str]", Path]:
        child = subprocess.Popen(
            [sys.executable, "-c", program],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout
        return child, Path(child.stdout.readline().strip())

    first, killed = start()
    first.kill()
    first.communicate()
    assert killed.is_dir()
    foreign = tmp_path / "temp" / "others"
    foreign.mkdir()
    second, living = start()
    third, other = start()
    assert (killed.exists(), living.is_dir(), other.is_dir()) == (False, True, True)
    for child in (second, third):
        child.communicate("")
    assert list((tmp_path / "temp").iterdir()) == [foreign]


@pytest.mark.slow
@pytest.mark.parametrize("look", [sweep, collect_files])
def test_who_lives_removes_what_one_left_that_was_killed_over_its_work(
    store: None, settings: Any, tmp_path: Path, look: Callable[[], object]
) -> None:
    settings.QUERY_TEMP_DIR = tmp_path / "temp"
    mine = make_scratch()
    program = (
        "import django, os; django.setup()\n"
        "from columns.files.scratch import open_scratch_engine\n"
        "with open_scratch_engine(64, []) as (engine, temp):\n"
        "    (temp / 'stored.jsonl').write_text('mallory')\n"
        "    os.kill(os.getpid(), 9)"
    )
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "QUERY_TEMP_DIR": str(tmp_path / "temp"),
    }
    subprocess.run([sys.executable, "-c", program], env=environment, check=False)
    assert [found.read_text() for found in tmp_path.rglob("*.jsonl")] == ["mallory"]

    look()

    assert list((tmp_path / "temp").iterdir()) == [mine]


def test_an_engine_takes_what_it_wrote_with_it(store: None) -> None:
    with open_scratch_engine(64, []) as (_, temp):
        (temp / "lines").write_text("a")
        with open_scratch_engine(64, []) as (_, other):
            assert other != temp
        assert temp.exists()

    assert not temp.exists()
    assert temp.parent == make_scratch()
