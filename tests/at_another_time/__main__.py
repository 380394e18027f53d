"""Runs a command as if it were another time: `make test-at AT="2027-01-01 23:55"`.

Every program that it starts loads `clock.c` first: Python, the servers, the browser. Their clock
goes on from there.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


def main() -> None:
    if len(sys.argv) < 3 or not sys.argv[1]:
        sys.exit('Say when it is to be, in UTC: make test-at AT="2027-01-01 23:55"')
    compiler = shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        print("Skipped: needs Linux and a C compiler.")
        return
    then = datetime.fromisoformat(sys.argv[1]).replace(tzinfo=UTC)
    with tempfile.TemporaryDirectory(prefix="analytics-clock-") as folder:
        library = Path(folder, "clock.so")
        options = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-ldl"]
        subprocess.run([compiler, SOURCE, *options, "-o", library], check=True)
        ahead = round((then - datetime.now(UTC)).total_seconds())
        environment = {**os.environ, "LD_PRELOAD": str(library), "ANOTHER_TIME": str(ahead)}
        sys.exit(subprocess.run(sys.argv[2:], env=environment).returncode)


if __name__ == "__main__":
    main()
