"""Memory: what each process takes at most over a million events, and whether it still grows."""

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis

from benchmarks.load import run_script
from benchmarks.stack import open_stack

Result = dict[str, Any]
Series = list[tuple[float, float]]  # events accepted so far, MiB

SAMPLE_SECONDS = 0.5
START_SECONDS = 30.0
BATCH = 100
REQUESTS_PER_SECOND = 150.0  # of 100 events: about what one worker stores

# Paths, users and sessions are new again and again, so that what is kept of them is bounded.
_BODY = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer %s"
local sent = 0
function request()
  local events = {}
  for i = 1, %d do
    sent = sent + 1
    events[i] = string.format(
      '{"path":"/page/%%d","userId":"user_%%d","sessionId":"s%%d","properties":{"n":%%d}}',
      sent %% 5000, sent %% 50000, sent, sent)
  end
  return wrk.format(nil, nil, nil, "[" .. table.concat(events, ",") .. "]")
end
"""


def run(*, quick: bool) -> Result:
    events = 100_000 if quick else 1_000_000
    with open_stack(reference=False) as stack, redis.Redis.from_url(stack.stream.url) as stream:
        web, url = stack.start_web()
        with stack.running_worker() as worker:
            processes = {
                "web": find_children(web.pid, 2)[0],
                "reports": find_children(web.pid, 2)[1],
                "worker": find_children(worker.pid, 1)[-1],
                "redis": stack.stream.pid,
                "mongod": stack.mongo.pid,
            }
            series: dict[str, Series] = {name: [] for name in processes}

            def watch() -> None:
                while not done.wait(SAMPLE_SECONDS):
                    accepted: Any = stream.hvals("analytics:events:{p0}:accepted")
                    for name, pid in processes.items():
                        series[name].append((float(sum(map(int, accepted))), read_rss_mib(pid)))

            done = threading.Event()
            watcher = threading.Thread(target=watch)
            watcher.start()
            try:
                seconds = events / BATCH / REQUESTS_PER_SECOND  # wrk counts whole ones
                script = _BODY % (stack.ingest_key, BATCH)
                run_script(f"{url}/events", script, seconds, stack.folder, REQUESTS_PER_SECOND)
                while int(stream.hget("analytics:events:{p0}:waiting", "total") or 0):
                    time.sleep(SAMPLE_SECONDS)
            finally:
                done.set()
                watcher.join()
    result: Result = {"events": series["web"][-1][0]}
    for name, points in series.items():
        result[f"{name}_peak_mib"] = max(mib for _, mib in points)
        result[f"{name}_mib_per_million"] = find_slope(points) * 1_000_000
    return {"memory": result | {"samples": series}}


def find_slope(points: Series) -> float:
    """MiB per event over the second half of the events, by least squares."""
    half = [point for point in points if point[0] >= points[-1][0] / 2]
    mean_x = sum(x for x, _ in half) / len(half)
    mean_y = sum(y for _, y in half) / len(half)
    spread = sum((x - mean_x) ** 2 for x, _ in half)
    return sum((x - mean_x) * (y - mean_y) for x, y in half) / spread if spread else 0.0


def find_children(pid: int, count: int) -> list[int]:
    """The processes that do the work, the oldest first, once they are there.

    gunicorn and Celery have a master each; gunicorn's first children accept, its last one reports.
    """
    deadline = time.monotonic() + START_SECONDS
    while True:
        found = []
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with suppress(FileNotFoundError):  # a passing helper of another program
                if read_command(int(child)) == read_command(pid):
                    found.append(int(child))
        if len(found) >= count:
            return found
        if time.monotonic() > deadline:
            raise RuntimeError(f"process {pid} has {len(found)} children, not {count}")
        time.sleep(0.1)


def read_command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def read_rss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0
