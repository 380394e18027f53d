"""Becomes another program that the kernel kills when its parent dies.

    python -I -S leash.py PARENT_PID PROGRAM [ARGUMENT ...]

A program of its own rather than a `preexec_fn`: running Python between fork and exec is not safe
in a process with threads, and Python 3.12 warns about it.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent_pid, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        import ctypes  # elsewhere there is nothing to call

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it died before the kernel was told
        sys.exit(1)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
