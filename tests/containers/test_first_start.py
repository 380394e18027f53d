"""`docker compose up` alone, and what is in the containers then."""

import json
import re
import shlex

import pytest

from tests.containers.deployment import APP, ROOT, Deployment
from tests.containers.first_start import FirstStart

pytestmark = pytest.mark.containers

KEYS = ("ingestKey", "readKey", "publicKey", "adminPassword")
HARDENED = """
id -u
grep -c '^CapBnd:.0000000000000000' /proc/1/status
grep -c '^NoNewPrivs:.1' /proc/1/status
touch /app/x /etc/x /etc/analytics/x /var/lib/analytics/x 2>&1 | grep -c Read-only
"""
COMPILED = """
import importlib, os, sys
import config.celery, config.wsgi
modules = [m for m in sys.modules.values() if getattr(m, "__cached__", None)]
assert len(modules) > 500
print([m.__name__ for m in modules if not os.path.exists(m.__cached__)])
"""

EXPORT_ALL = """
from columns.export import export_project, list_tails
for tail in list_tails():
    export_project(tail.project_id)
"""


def readme_curls() -> list[list[str]]:
    """The words of each `curl` in the README's example, with variables as they stand there."""
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    [block] = [block for block in blocks if "curl" in block]
    commands = block.replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in commands if line.startswith("curl")]


def run_curl(deployment: Deployment, words: list[str]) -> tuple[int, str]:
    """What curl would do, from wherever the published port is reached."""
    method, body, path, headers = "GET", None, "", {}
    for option, value in zip(words, [*words[1:], ""], strict=True):
        if option == "-X":
            method = value
        elif option == "-d":
            body = value
        elif option == "-H":
            name, _, text = value.partition(": ")
            for key in ("ingest", "read"):
                text = text.replace(f"${key.upper()}_KEY", deployment.credentials[f"{key}Key"])
            headers[name] = text
        elif option.startswith("http://localhost:8000"):
            path = option.removeprefix("http://localhost:8000")
    assert path
    status, answer = deployment.call("ask", method=method, path=path, headers=headers, body=body)
    return status, answer


def test_the_credentials_are_printed_once(first_start: FirstStart) -> None:
    for name in KEYS:
        assert first_start.log.count(first_start.deployment.credentials[name]) == 1


def test_our_own_image_is_built_and_not_looked_for_in_a_registry(first_start: FirstStart) -> None:
    ours = re.compile(r"analytics-service|setup|web|worker")
    pulled = [line for line in first_start.said.splitlines() if re.search(r"(?i)\bpull", line)]
    assert [line for line in pulled if ours.search(line)] == []


def test_the_readmes_event_is_accepted_and_counted(deployment: Deployment) -> None:
    [event, stats, query] = readme_curls()
    before = deployment.count_events()

    status, answer = run_curl(deployment, event)

    assert (status, json.loads(answer)["queued"]) == (202, True)
    assert deployment.count_events(before + 1, seconds=30) == before + 1
    status, answer = run_curl(deployment, stats)
    assert (status, json.loads(answer)["totalViews"]) == (200, before + 1)
    status, answer = run_curl(deployment, query)
    assert (status, json.loads(answer)["totals"][1]) == (200, before + 1)


def test_the_web_reads_the_segments_that_a_worker_writes(deployment: Deployment) -> None:
    [_, _, query] = readme_curls()
    _, before = run_curl(deployment, query)

    deployment.execute("worker", "python", "manage.py", "shell", "-c", EXPORT_ALL)

    assert ".parquet" in deployment.execute("web", "find", "/var/lib/columns", "-type", "f")
    status, after = run_curl(deployment, query)
    assert (status, json.loads(after)["totals"]) == (200, json.loads(before)["totals"])
    said = deployment.execute("worker", "python", "manage.py", "verify_columns")
    assert said.splitlines()[-1].endswith(" 0 differences")


@pytest.mark.parametrize("service", APP)
def test_no_container_is_root_or_may_write_into_itself(
    deployment: Deployment, service: str
) -> None:
    said = deployment.execute(service, "sh", "-c", HARDENED, fails=True)
    assert said.split() == ["10001", "1", "1", "4"]


@pytest.mark.parametrize("service", APP)
def test_a_container_knows_the_secret_key_and_neither_password_nor_api_keys(
    deployment: Deployment, service: str
) -> None:
    secrets = [deployment.credentials[name] for name in KEYS]
    patterns = [part for secret in secrets for part in ("-e", secret)]
    places = ["/etc/analytics", "/var/lib/analytics", "/app", "/tmp", "/run", "/proc/1/environ"]

    found = deployment.execute(service, "grep", "-rsalF", *patterns, *places, fails=True)

    assert found == ""
    known = deployment.execute(service, "cat", "/app/.env")
    assert known == f"SECRET_KEY={deployment.credentials['secretKey']}\n"


def test_no_module_is_compiled_when_a_process_starts(deployment: Deployment) -> None:
    said = deployment.execute("web", "python", "-c", COMPILED)
    assert said.splitlines()[-1] == "[]"


def test_a_second_up_changes_nothing_and_prints_no_secret(deployment: Deployment) -> None:
    containers = {service: deployment.list_containers(service) for service in APP}

    deployment.compose("up", "--detach")

    assert {service: deployment.list_containers(service) for service in APP} == containers
    log = deployment.compose("logs", "--no-color", "setup")
    assert all(log.count(deployment.credentials[name]) == 1 for name in KEYS)


def test_nothing_is_lost_under_load_and_the_deployment_is_sound(deployment: Deployment) -> None:
    deployment.prove_load("--rate", "300", "--seconds", "10", "--batch", "10")
    deployment.check_books()
    deployment.execute("web", "python", "manage.py", "doctor")
