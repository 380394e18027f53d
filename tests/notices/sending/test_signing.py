"""What is signed is checked by the examples of docs/notices.md, as they stand there."""

import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from notices.sending.signing import make_secret, sign
from tests.paths import ROOT

BODY = '{"type":"report","data":{"name":"Ünï\\u0000"}}'.encode()


def read_example(language: str) -> str:
    text = (ROOT / "docs/notices.md").read_text()
    [example] = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return str(example)


def test_the_example_in_python_takes_what_is_genuine_and_nothing_else() -> None:
    names: dict[str, Any] = {}
    exec(read_example("python"), names)
    is_genuine, secret, now = names["is_genuine"], make_secret(), int(time.time())
    headers = sign(secret, "notice-1", now, BODY)
    assert is_genuine(secret, headers, BODY)
    assert not is_genuine(secret, headers, BODY + b" ")
    assert not is_genuine(make_secret(), headers, BODY)
    assert not is_genuine(secret, {**headers, "webhook-id": "notice-2"}, BODY)
    assert not is_genuine(secret, sign(secret, "notice-1", now - 600, BODY), BODY)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl")
def test_the_example_in_shell_writes_the_same_signature(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_bytes(BODY)
    secret = make_secret()
    headers = sign(secret, "notice-1", 1_743_400_803, BODY)
    found = subprocess.run(
        ["sh", "-eu", "-c", read_example("sh")],
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin:/usr/local/bin",
            "secret": secret,
            "id": "notice-1",
            "timestamp": "1743400803",
        },
        capture_output=True,
        check=True,
        text=True,
    )
    assert found.stdout.strip() == headers["webhook-signature"]
