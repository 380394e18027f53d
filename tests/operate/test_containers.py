"""The container files say what is there; no Docker engine is needed to see that they do."""

import re
from fnmatch import fnmatch
from typing import Any

import pytest
import yaml

from local.container import DEFAULT_DIRECTORY, DEFAULT_ENVIRONMENT_DIRECTORY
from tests.paths import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
# With what traces need: they are one variable away.
REQUIREMENTS = ("requirements.txt", "requirements-otel.txt", "requirements-clickhouse.txt")
# Those that run our image.
APP = {name: service for name, service in SERVICES.items() if "analytics" in service["image"]}
SERVED = (
    "manage.py",
    "analytics",
    "columns",
    "config",
    "dashboard",
    "ingestion",
    "loadtest",
    "local",
    "people",
    "reporting",
    "upkeep",
)


def copied() -> set[str]:
    """What the Dockerfile takes from the repository."""
    lines = re.findall(r"(?m)^COPY (?!--from)(.+)$", DOCKERFILE)
    return {source.rstrip("/") for line in lines for source in line.split()[:-1]}


def is_ignored(path: str) -> bool:
    """As .dockerignore has it: the last pattern that matches decides."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#") and fnmatch(path, pattern.removeprefix("**/")):
            ignored = not line.startswith("!")
    return ignored


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    assert copied() >= {*SERVED, *REQUIREMENTS}
    for source in copied():
        assert (ROOT / source).exists(), source
        assert not is_ignored(source), source


def test_the_image_installs_all_that_a_running_service_may_ask_for() -> None:
    assert set(re.findall(r"-r (\S+)", DOCKERFILE)) == set(REQUIREMENTS)


def test_what_compose_mounts_is_there_and_says_so() -> None:
    mounts = [
        volume.split(":")
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume.startswith(".")
    ]
    assert len(mounts) == 3
    for source, target, mode in mounts:
        assert (ROOT / source).is_dir(), source
        assert mode == "ro"
        # What a command or a provider reads by its path in the container is among what is mounted.
        named = re.findall(rf"{target}/([\w./-]+)", (ROOT / "docker-compose.yml").read_text())
        assert [name for name in named if not (ROOT / source / name).exists()] == []
    provider = ROOT / "deploy/grafana/provisioning/dashboards"
    [file] = provider.glob("*.yml")
    [found] = yaml.safe_load(file.read_text())["providers"]
    assert found["options"]["path"] in {target for _, target, _ in mounts}


def test_one_service_builds_the_image_and_nobody_looks_for_it_in_a_registry() -> None:
    """Two that build one tag at the same time fail on the containerd image store."""
    assert set(APP) == {"setup", "web", "worker"}
    assert {service["image"] for service in APP.values()} == {SERVICES["setup"]["image"]}
    assert [name for name, service in SERVICES.items() if "build" in service] == ["setup"]
    assert (ROOT / SERVICES["setup"]["build"] / "Dockerfile").is_file()
    for service in APP.values():
        assert service["pull_policy"] == "never"


def test_whoever_runs_the_image_waits_for_its_builder() -> None:
    for name in set(APP) - {"setup"}:
        assert "setup" in SERVICES[name]["depends_on"]


@pytest.mark.parametrize("path", [".env", ".git", ".local", ".venv", "tests", "module.pyc"])
def test_what_the_image_must_not_have_is_ignored(path: str) -> None:
    assert is_ignored(path)


def test_the_final_image_has_no_compiler_and_no_root() -> None:
    final = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    assert "apt-get" not in DOCKERFILE
    assert re.search(r"(?m)^USER 10001:10001$", final)
    assert re.search(r"(?m)^HEALTHCHECK ", final)
    # As a list, so that it is PID 1 itself and hears SIGTERM.
    assert re.search(r'(?m)^CMD \["gunicorn", ', final)


def test_every_image_has_a_tag() -> None:
    images = re.findall(r"(?m)^FROM (\S+)", DOCKERFILE)
    images += [service["image"] for service in SERVICES.values()]
    for image in images:
        assert re.search(r":v?\d", image), image


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_comes_back_and_only_the_set_up_is_waited_for(name: str) -> None:
    """Each look at a health starts a process: where nobody waits for it, it may be rare."""
    service = SERVICES[name]
    assert service["restart"] == ("no" if name == "setup" else "unless-stopped")
    needed = service.get("depends_on", {})
    if name in APP:
        assert ("setup" in needed) == (name != "setup")
    if "setup" in needed:
        assert needed == {"setup": {"condition": "service_completed_successfully"}}
    else:
        assert "service_healthy" not in str(needed)
    if check := service.get("healthcheck"):
        assert check.get("disable") or int(check["interval"].removesuffix("s")) >= 30
        # Engines before 25 refuse it.
        assert "start_interval" not in check


def test_the_set_up_waits_for_all_stores_and_makes_the_replica_set() -> None:
    stores = {"redis-stream", "redis-broker", "mongo"}
    assert set(SERVICES["setup"]["depends_on"]) == stores
    assert SERVICES["setup"]["command"] == ["python", "-m", "local.container", "mongo:27017"]
    assert "--replSet rs0" in " ".join(SERVICES["mongo"]["command"])
    assert "replicaSet=rs0" in SERVICES["web"]["environment"]["MONGO_URI"]


def test_every_variable_of_compose_is_documented() -> None:
    documented = set(re.findall(r"(?m)^# ([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text()))
    used = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert used <= documented
    for service in APP.values():
        assert set(service["environment"]) <= documented


def test_the_stream_is_safe_and_the_broker_is_another_server() -> None:
    stream = " ".join(SERVICES["redis-stream"]["command"])
    for option in (
        "--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction",
        "--maxmemory ${STREAM_MAXMEMORY:-512mb}",
    ):  # fmt: skip
        assert option in stream
    web = SERVICES["web"]["environment"]
    assert "//redis-stream:" in web["REDIS_URL"]
    assert "//redis-broker:" in web["BROKER_URL"]
    assert "//redis-broker:" in web["CACHE_URL"]
    assert "redis-stream:/data" in SERVICES["redis-stream"]["volumes"]


def test_everything_kept_is_in_a_volume() -> None:
    named = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith(".")
    }
    assert named == set(COMPOSE["volumes"])


def test_only_the_set_up_sees_the_password_and_the_keys() -> None:
    """What the others read in its place is the file behind `.env`: the secret key."""
    shared = f"environment:{DEFAULT_ENVIRONMENT_DIRECTORY}"
    assert SERVICES["setup"]["volumes"] == [f"secrets:{DEFAULT_DIRECTORY}", shared]
    for name in set(APP) - {"setup"}:
        seen = {volume.split(":")[0] for volume in SERVICES[name]["volumes"]}
        assert f"{shared}:ro" in SERVICES[name]["volumes"]
        assert "secrets" not in seen
    assert f"ln -s {DEFAULT_ENVIRONMENT_DIRECTORY}/secrets.env .env" in DOCKERFILE
    # A volume takes over the owner of the directory that it is mounted on.
    assert re.search(
        rf"--owner 10001 .*{DEFAULT_DIRECTORY} {DEFAULT_ENVIRONMENT_DIRECTORY}\b", DOCKERFILE
    )


def test_who_writes_columns_and_who_reads_them_share_their_folder() -> None:
    final = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    volumes = {"COLUMNS_URL": "columns", "EXPORTS_DIR": "exports", "IMPORTS_DIR": "imports"}
    volumes["QUERY_TEMP_DIR"] = "query-temp"
    for variable, volume in volumes.items():
        folder = f"/var/lib/{volume}"
        assert f"{variable}={folder} " in final
        # A volume takes over the owner of the directory that it is mounted on.
        assert re.search(rf"--owner 10001 .*{folder}\b", final)
        for name in APP:
            assert SERVICES[name]["environment"][variable] == f"${{{variable}:-{folder}}}"
            shares = f"{volume}:{folder}" in SERVICES[name]["volumes"]
            assert shares == (name in ("web", "worker"))


def test_only_this_machine_reaches_what_is_published() -> None:
    for service in SERVICES.values():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")


def test_monitoring_comes_only_when_it_is_asked_for_and_may_scrape() -> None:
    asked = {name for name, service in SERVICES.items() if service.get("profiles")}
    assert asked == {"prometheus", "grafana"}
    for name in ("web", "worker"):
        environment = SERVICES[name]["environment"]
        assert "172.16.0.0/12" in environment["METRICS_ALLOWED_IPS"]
        assert environment["BIND"] == "0.0.0.0"


def test_a_stop_leaves_time_to_finish() -> None:
    """gunicorn's own grace is 30 s, a worker's drain 5 s and the batch in hand."""
    for name in ("web", "worker"):
        assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) > 30
