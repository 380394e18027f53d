"""Whether a reporting process lives, told by a lock that ends with it, however it ends.

One that is busy begins nothing new for a while, and is worth waiting for; where there is none, a
client shall hear so soon.
"""

import fcntl
import os

_SUFFIX = ".alive"


def hold_presence(address: str) -> None:
    """For a reporting process that listens at `address`: until it ends."""
    fcntl.flock(_open(address), fcntl.LOCK_SH)


def is_anyone_present(address: str) -> bool:
    try:
        descriptor = _open(address)
    except OSError:  # the service has ended
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _open(address: str) -> int:
    return os.open(address + _SUFFIX, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
