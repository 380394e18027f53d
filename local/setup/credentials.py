"""What `make run` has to remember: secrets it made up, and keys that are shown only once."""

import contextlib
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path


def write_private_json(file: Path, content: Mapping[str, str]) -> None:
    """Replaces the file in one step; only its owner may read it at any moment."""
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # 0600
    try:
        with os.fdopen(descriptor, "w") as stream:
            json.dump(content, stream, indent=2)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, file)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


class Secrets:
    """The file `secrets.json`: kept values win over new ones, given ones over kept ones."""

    def __init__(self, file: Path, environment: Mapping[str, str]) -> None:
        self._file = file
        kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        self._values = {
            "secretKey": secrets.token_urlsafe(48),
            "adminPassword": secrets.token_urlsafe(12),
            **kept,
        }
        for name, variable in (("secretKey", "SECRET_KEY"), ("adminPassword", "ADMIN_PASSWORD")):
            if environment.get(variable):
                self._values[name] = environment[variable]
        if self._values["adminPassword"] != kept.get("adminPassword"):
            self._values.pop("adminPasswordHash", None)  # it is of the one before
        self.save()

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def get(self, name: str) -> str:
        """The empty string when there is none yet."""
        return self._values.get(name, "")

    def save(self, **values: str) -> None:
        self._values.update(values)
        write_private_json(self._file, self._values)
