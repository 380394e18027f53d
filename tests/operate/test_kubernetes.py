"""The manifests fit each other and the service; no cluster is needed to see that they do."""

import re
from typing import Any

import pytest
import yaml

from analytics.databases.redis_keys import stream_key
from ingestion.urls import urlpatterns as accepting
from tests.paths import ROOT
from upkeep.urls import urlpatterns as erasing

FOLDER = ROOT / "deploy/kubernetes"
REQUIRED = {"SECRET_KEY", "REDIS_URL", "BROKER_URL", "CACHE_URL", "MONGO_URI"}

Manifest = dict[str, Any]


def read_manifests(folder: str) -> list[Manifest]:
    files = [file for file in (FOLDER / folder).glob("*.yaml") if file.name != "kustomization.yaml"]
    return [found for file in files for found in yaml.safe_load_all(file.read_text())]


BASE = read_manifests("base")
PODS = {
    found["metadata"]["name"]: found["spec"]["template"]["spec"]
    for found in [*BASE, *read_manifests("migrate")]
    if found["kind"] in ("Deployment", "Job")
}


def find(kind: str) -> dict[str, Manifest]:
    return {m["metadata"]["name"]: m for m in BASE if m["kind"] == kind}


def read_env_file(path: str) -> dict[str, str]:
    lines = (FOLDER / path).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


SETTINGS = read_env_file("base/settings.env")
SECRETS = read_env_file("overlays/example/secrets.example.env")
# Read by KEDA and by no pod of the service.
KEDA_SECRETS = read_env_file("overlays/example/keda.example.env")


def test_every_file_is_part_of_a_kustomization() -> None:
    for kustomization in FOLDER.rglob("kustomization.yaml"):
        content = yaml.safe_load(kustomization.read_text())
        for resource in content["resources"]:
            assert (kustomization.parent / resource).exists(), resource
        beside = {file.name for file in kustomization.parent.glob("*.yaml")}
        assert beside - {"kustomization.yaml"} <= set(content["resources"])


def test_every_variable_is_a_setting_and_none_that_is_needed_is_missing() -> None:
    documented = set(re.findall(r"(?m)^# ([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text()))
    given = set(SETTINGS) | set(SECRETS)
    for pod in PODS.values():
        given |= {variable["name"] for c in pod["containers"] for variable in c.get("env", [])}
    assert given <= documented
    assert set(SECRETS) >= REQUIRED
    assert not set(SETTINGS) & set(SECRETS)


@pytest.mark.parametrize("name", PODS)
def test_no_pod_may_more_than_it_needs(name: str) -> None:
    pod = PODS[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"USER {pod['securityContext']['runAsUser']}:" in (ROOT / "Dockerfile").read_text()
    [container] = pod["containers"]
    assert container["image"] == "analytics-service"
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]
    secrets = [
        source["secretRef"]["name"] for source in container["envFrom"] if "secretRef" in source
    ]
    assert secrets == ["analytics-secrets"]


@pytest.mark.parametrize("role", ["ingest", "reporting"])
def test_a_web_pod_is_asked_what_its_role_needs_and_stops_in_order(role: str) -> None:
    pod = PODS[f"analytics-{role}"]
    [container] = pod["containers"]
    assert {"name": "ROLE", "value": role} in container["env"]
    port = str(container["ports"][0]["containerPort"])
    assert SETTINGS["PORT"] == port
    asked = container["readinessProbe"]["httpGet"]["path"]
    assert asked == ("/readyz?for=reporting" if role == "reporting" else "/readyz")
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    [seconds] = container["lifecycle"]["preStop"]["exec"]["command"][1:]
    graceful = re.search(r"graceful_timeout = (\d+)", (ROOT / "config/gunicorn.py").read_text())
    assert graceful
    assert pod["terminationGracePeriodSeconds"] > int(seconds) + int(graceful[1])
    rolling = find("Deployment")[f"analytics-{role}"]["spec"]["strategy"]["rollingUpdate"]
    assert rolling["maxUnavailable"] == 0


def test_a_worker_is_asked_as_in_docker_compose() -> None:
    """By the age of a file: `celery inspect ping` takes two seconds of CPU for each question."""
    [container] = PODS["analytics-worker"]["containers"]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    [_, command] = compose["services"]["worker"]["healthcheck"]["test"]
    probe = container["livenessProbe"]
    assert probe["exec"]["command"] == ["sh", "-c", command.replace("$$", "$")]
    [directory] = [m["mountPath"] for m in container["volumeMounts"] if m["name"] == "tmp"]
    assert f"WORKER_HEARTBEAT_FILE={directory}/" in (ROOT / "Dockerfile").read_text()
    # Longer than a broker may be away.
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 300


@pytest.mark.parametrize("role", ["worker", "reporting"])
def test_who_writes_columns_and_who_reads_them_share_a_claim(role: str) -> None:
    pod = PODS[f"analytics-{role}"]
    [container] = pod["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts["columns"] == SETTINGS["COLUMNS_URL"]
    assert mounts["query-temp"] == SETTINGS["QUERY_TEMP_DIR"]
    assert mounts["exports"] == SETTINGS["EXPORTS_DIR"]
    assert mounts["imports"] == SETTINGS["IMPORTS_DIR"]
    for name in ("columns", "exports", "imports"):
        [volume] = [volume for volume in pod["volumes"] if volume["name"] == name]
        claim = find("PersistentVolumeClaim")[volume["persistentVolumeClaim"]["claimName"]]
        assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsUser"]


def test_beat_is_alone() -> None:
    spec = find("Deployment")["analytics-beat"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


@pytest.mark.parametrize("kind", ["Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"])
def test_what_points_at_pods_finds_them(kind: str) -> None:
    deployments = find("Deployment")
    for name, found in find(kind).items():
        labels = deployments[name]["spec"]["template"]["metadata"]["labels"]
        spec = found["spec"]
        if kind == "HorizontalPodAutoscaler":
            assert spec["scaleTargetRef"]["name"] == name
            assert "replicas" not in deployments[name]["spec"]  # an apply would undo the scaling
            assert spec["minReplicas"] >= 2
        elif kind == "PodDisruptionBudget":
            assert spec["selector"]["matchLabels"].items() <= labels.items()
        else:
            assert spec["selector"].items() <= labels.items()
            [container] = deployments[name]["spec"]["template"]["spec"]["containers"]
            assert spec["ports"][0]["targetPort"] in {port["name"] for port in container["ports"]}


def test_the_network_policy_lets_the_service_work() -> None:
    [policy] = find("NetworkPolicy").values()
    let_in = {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
    assert let_in == {int(SETTINGS["PORT"]), int(SETTINGS["WORKER_METRICS_PORT"])}
    let_out = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
    assert let_out == {53, 6379, 27017}


def test_keda_looks_at_the_stream_and_takes_the_place_of_the_hpa() -> None:
    scaled = next(m for m in read_manifests("components/keda") if m["kind"] == "ScaledObject")
    assert scaled["spec"]["scaleTargetRef"]["name"] in find("Deployment")
    streams = [trigger["metadata"]["stream"] for trigger in scaled["spec"]["triggers"]]
    partitions = int(SETTINGS.get("STREAM_PARTITIONS", "1"))
    assert streams == [stream_key(n) for n in range(partitions)]
    component = (FOLDER / "components/keda/kustomization.yaml").read_text()
    assert "$patch: delete" in component
    assert "name: analytics-worker" in component
    parameters = [m for m in read_manifests("components/keda") if m["kind"] != "ScaledObject"]
    [parameter] = parameters[0]["spec"]["secretTargetRef"]
    assert (parameter["name"], parameter["key"]) == ("analytics-keda", *KEDA_SECRETS)


def test_the_ingress_sends_each_path_to_the_role_that_serves_it() -> None:
    [ingress] = [m for m in read_manifests("overlays/example") if m["kind"] == "Ingress"]
    [rule] = ingress["spec"]["rules"]
    targets = {p["path"]: p["backend"]["service"]["name"] for p in rule["http"]["paths"]}
    routes = {f"/{str(route.pattern).split('/')[0]}" for route in (*accepting, *erasing)}
    assert targets == {**dict.fromkeys(routes, "analytics-ingest"), "/": "analytics-reporting"}
    assert set(targets.values()) <= set(find("Service"))


def test_with_a_bucket_each_pod_that_reads_it_has_a_cache_of_its_own() -> None:
    content = yaml.safe_load((FOLDER / "components/bucket/kustomization.yaml").read_text())
    [generator] = content["configMapGenerator"]
    settings = dict(line.split("=", 1) for line in generator["literals"])
    documented = set(re.findall(r"(?m)^# ([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text()))
    assert {name for name in settings if not name.startswith("AWS_")} <= documented
    patched = [yaml.safe_load(patch["patch"]) for patch in content["patches"]]
    named = {p["metadata"]["name"]: p for p in patched if isinstance(p, dict)}
    assert named.pop("analytics-columns")["kind"] == "PersistentVolumeClaim"
    assert "analytics-columns" in find("PersistentVolumeClaim")
    assert set(named) == {
        name
        for name, pod in PODS.items()
        if any(volume["name"] == "columns" for volume in pod["volumes"])
    }
    for name, patch in named.items():
        [volume] = patch["spec"]["template"]["spec"]["volumes"]
        [container] = PODS[name]["containers"]
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert mounts[volume["name"]] == settings["COLUMNS_CACHE_DIR"]
        gib = int(volume["emptyDir"]["sizeLimit"].removesuffix("Gi"))
        assert gib * 1024 > int(settings["COLUMNS_CACHE_MB"])
