"""Load from wrk (Debian package `wrk`), which costs next to nothing itself."""

import json
import math
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}

# wrk counts answers by itself: a function that looks at each would be part of what is measured.
_SCRIPT = """
wrk.method = "POST"
%(headers)s
wrk.body = %(body)s
function done(summary, latency, requests)
  print(string.format("refused: %%d", summary.errors.status))
end
"""

# By turns with each of the keys.
_TURNS = """
local keys = {%(keys)s}
local texts, at = {}, 0
function init(arguments)
  for i, key in ipairs(keys) do
    wrk.headers["Authorization"] = "Bearer " .. key
    texts[i] = wrk.format()
  end
end
function request()
  at = at %% #texts + 1
  return texts[at]
end
"""

# Each request has its time; one that is late is sent at once, and the rest do not catch up.
_PACE = """
local ffi = require("ffi")
ffi.cdef("typedef struct { long s; long us; } moment; int gettimeofday(moment *, void *);")
local moment = ffi.new("moment")
local due
function delay()
  ffi.C.gettimeofday(moment, nil)
  local now = tonumber(moment.s) * 1000 + tonumber(moment.us) / 1000
  due = math.max(due or now, now - 50) + %(step_ms)f
  return math.max(0, math.floor(due - now + 0.5))
end
"""


@dataclass(frozen=True)
class Load:
    """What wrk saw. `refused` are answers of 400 and above."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    refused: int


class NoGenerator(RuntimeError):
    """wrk is not installed."""


def post_for(
    url: str,
    key: str | Sequence[str] | None,
    body: str,
    seconds: float,
    folder: Path,
    *,
    connections: int = 32,
    rate: float | None = None,
) -> Load:
    """POST `body` again and again for `seconds` over `connections`, or `rate` times a second.

    With one `key` or by turns with each of several. Without any as the tracker of a page does it:
    the key is in the address.
    """
    headers = {"Content-Type": "text/plain" if key is None else "application/json"}
    if isinstance(key, str):
        headers["Authorization"] = f"Bearer {key}"
    lines = (f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items())
    script = _SCRIPT % {"headers": "\n".join(lines), "body": json.dumps(body)}
    if key is not None and not isinstance(key, str):
        script += _TURNS % {"keys": ", ".join(f'"{text}"' for text in key)}
    done = run_script(url, script, seconds, folder, rate, connections=connections)
    return Load(
        requests_per_second=float(_find(r"Requests/sec:\s+([\d.]+)", done)),
        p50_ms=_milliseconds(_find(r"(?m)^ +50% +(\S+) *$", done)),
        p99_ms=_milliseconds(_find(r"(?m)^ +99% +(\S+) *$", done)),
        refused=int(_find(r"refused: (\d+)", done)),
    )


def run_script(
    url: str,
    script: str,
    seconds: float,
    folder: Path,
    rate: float | None = None,
    *,
    connections: int = 32,
) -> str:
    """Let wrk run a script of its own language; what it printed."""
    if not shutil.which("wrk"):
        raise NoGenerator("wrk is needed to make load: on Debian, apt-get install wrk")
    file = folder / "post.lua"
    file.write_text(script + (_PACE % {"step_ms": 1_000 / rate} if rate else ""))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{math.ceil(seconds)}s", "--latency", "-s"]
    return subprocess.run(
        [*command, str(file), url], capture_output=True, text=True, check=True
    ).stdout


def _find(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if not match:
        raise RuntimeError(f"wrk printed no {pattern!r}:\n{text}")
    return match[1]


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(\w+)", text).groups()  # type: ignore[union-attr]
    return float(number) * _UNITS_MS[unit]
