"""`make image-digests` pins every image of a registry, or changes nothing."""

import hashlib
import shutil
from pathlib import Path

import pytest
import yaml

from local.pins import digests
from tests.paths import ROOT

FAKE_DOCKER = """#!/bin/sh
# docker buildx imagetools inspect IMAGE --format ...
test "$1 $2 $3" = "buildx imagetools inspect" || exit 9
case "$4" in
{unknown}*) echo "ERROR: $4: not found" >&2; exit 1;;
esac
echo '{{"digest": "sha256:'$(printf '%s' "$4{salt}" | sha256sum | cut -d' ' -f1)'", "size": 1}}'
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in digests.FILES:
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.setattr(digests, "REPOSITORY", tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    write_docker(tmp_path)
    return tmp_path


def write_docker(folder: Path, *, unknown: str = "nothing", salt: str = "") -> None:
    docker = folder / "docker"
    docker.write_text(FAKE_DOCKER.format(unknown=unknown, salt=salt))
    docker.chmod(0o755)


def digest_of(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def read_texts(folder: Path) -> list[str]:
    return [(folder / name).read_text() for name in digests.FILES]


def test_every_image_but_our_own_is_pinned_beside_its_tag(project: Path) -> None:
    tagged = digests.list_images(read_texts(project))
    names = {image.split(":")[0] for image in tagged}
    assert names == {"python", "redis", "mongo", "prom/prometheus", "grafana/grafana"}

    assert digests.main() == 0

    dockerfile, compose = read_texts(project)
    froms = [line.split()[1] for line in dockerfile.splitlines() if line.startswith("FROM ")]
    services = yaml.safe_load(compose)["services"].values()
    images = {*froms, *(service["image"] for service in services)}
    ours = {image for image in images if image.startswith("analytics-service")}
    assert images - ours == {f"{image}@{digest_of(image)}" for image in tagged}
    assert [image for image in ours if "@" in image] == []
    assert dockerfile.count("AS build") == 1


def test_a_second_run_renews_what_the_first_one_pinned(project: Path) -> None:
    assert digests.main() == 0
    once = read_texts(project)
    assert digests.main() == 0
    assert read_texts(project) == once

    write_docker(project, salt="moved")

    assert digests.main() == 0
    assert digest_of("mongo:8.0moved") in read_texts(project)[1]
    assert digest_of("mongo:8.0") not in read_texts(project)[1]


def test_where_a_registry_does_not_answer_nothing_is_changed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = read_texts(project)
    write_docker(project, unknown="redis")

    assert digests.main() == 1

    assert read_texts(project) == before
    said = capsys.readouterr().err
    assert "redis:7.2-bookworm: ERROR" in said
    assert "Nothing was changed." in said


def test_without_docker_it_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "docker").unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(project))
        assert digests.main() == 1
    assert "'docker'" in capsys.readouterr().err
