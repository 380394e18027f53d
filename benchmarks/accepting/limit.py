"""The limit: single events beside nginx with LuaJIT, which appends to the same kind of Redis.

What it leaves out is what the service is for: limits, quotas, books, a judged event, an id. Debian
has it as `nginx` and `libnginx-mod-http-lua`.
"""

import getpass
import json
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

import redis

from benchmarks.accept import EVENT, Result, effort, empty, summarise, warm_up
from benchmarks.load import Load, post_for
from benchmarks.stack import GIBIBYTE, Stack, open_stack, wait_for
from local.process.ports import find_free_port
from local.servers.redis_server import RedisServer

_HERE = Path(__file__).parent / "nginx"
_MODULES = Path("/usr/lib/nginx/modules")
_KEY = "key-of-the-benchmark"


def run(*, quick: bool) -> Result:
    """Ours and nginx in turn, one process each; `reference` is nginx."""
    rounds, seconds = effort(quick)
    text = json.dumps(EVENT)
    ours: list[Load] = []
    theirs: list[Load] = []
    with (
        open_stack(reference=False) as stack,
        RedisServer(stack.folder / "nginx", maxmemory_bytes=6 * GIBIBYTE) as server,
    ):
        _, url = stack.start_web()
        nginx = _start_nginx(stack, server)
        warm_up(stack, url, None, "/event", text)
        if nginx:
            post_for(nginx, _KEY, text, 1, stack.folder)
        for _ in range(rounds):
            ours.append(post_for(f"{url}/event", stack.ingest_key, text, seconds, stack.folder))
            empty(stack)
            if nginx:
                theirs.append(post_for(nginx, _KEY, text, seconds, stack.folder))
                with redis.Redis.from_url(server.url) as client:
                    client.delete("events")
    return {"limit": summarise(ours, theirs, 1)}


def _start_nginx(stack: Stack, server: RedisServer) -> str | None:
    """One worker of it; returns its URL, None where it is not installed."""
    if not shutil.which("nginx") or not (_MODULES / "ngx_http_lua_module.so").exists():
        print("nginx is not installed, or its module for Lua: our side only.", file=sys.stderr)
        return None
    port = find_free_port()
    values = {
        "USER": getpass.getuser(),
        "MODULES": _MODULES,
        "FOLDER": stack.folder,
        "HERE": _HERE,
        "PORT": port,
        "REDIS_PORT": urlsplit(server.url).port,
    }
    text = (_HERE / "nginx.conf").read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    configuration = stack.folder / "nginx.conf"
    configuration.write_text(text)
    stack.start(["nginx", "-c", str(configuration)], "nginx")
    url = f"http://127.0.0.1:{port}/event"
    wait_for(url)
    return url
