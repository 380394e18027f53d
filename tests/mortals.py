"""Processes that die as they are told to, forked by one that has everything imported.

python -m tests.mortals MODULE, and on its input a line for each process: the words that `act` of
the module is given; on its output how each ended, -9 where it was killed. To start Django for each
takes seconds.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import IO, Any

from analytics.databases import mongo
from tests.paths import ROOT


@dataclass(frozen=True)
class Mortals:
    commands: IO[str]
    answers: IO[str]

    def run(self, *words: str) -> int:
        """The exit status of a process that does it."""
        self.commands.write(" ".join(words) + "\n")
        self.commands.flush()
        return int(self.answers.readline())

    def die(self, *words: str) -> None:
        """Do it in a process that is killed meanwhile."""
        assert self.run(*words) == -signal.SIGKILL, words
        let_go()


def let_go() -> None:
    """End what the dead left open. MongoDB itself does so, too, some 15 seconds later."""
    mongo.client().admin.command("killAllSessions", [])


def make_deadly(original: Callable[..., Any], moment: str) -> Callable[..., Any]:
    """`moment`: before or after."""

    def deadly(*args: Any, **kwargs: Any) -> Any:
        if moment == "after":
            original(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    return deadly


@contextmanager
def start_mortals(module: str) -> Iterator[Mortals]:
    """Those of a module, which names in `IMPORTED` what they need."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.mortals", module],
        cwd=ROOT, env=os.environ, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with process:
        assert process.stdin and process.stdout
        yield Mortals(process.stdin, process.stdout)
        process.stdin.close()


def main(module: str) -> None:
    """This process opens no connection, so that each that it forks has its own."""
    mortal: Any = import_module(module)
    for name in mortal.IMPORTED:
        import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            mortal.act(*line.split())
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    import django

    django.setup()
    main(sys.argv[1])
