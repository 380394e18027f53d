"""The lists of crawlers, sources and spam: each says of when, from where and whose it is."""

import json
import shutil
import tarfile
import tomllib
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from ingestion.enrich.bots import SPAM_LISTS
from ingestion.enrich.click_ids import CLICK_IDS
from ingestion.enrich.crawlers import LIST
from ingestion.enrich.known_sources import MORE_SOURCES, SOURCES, find_spelling
from local.pins import lists

FILES = (LIST, SOURCES, MORE_SOURCES, *SPAM_LISTS)
KINDS = ("search", "ai", "social", "video", "shopping", "mail", "site")


def read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_list_says_its_date_its_origin_and_its_licence(path: Path) -> None:
    said = read(path)

    assert isinstance(said["date"], date)
    assert len(said["origin"]) > 10
    assert len(said["licence"]) > 4


def test_there_is_no_list_beside_these() -> None:
    assert {path for path in LIST.parent.rglob("*.toml")} == set(FILES)


def test_what_is_left_out_is_in_the_other_list() -> None:
    hosts = {host for kind in ("search", "social", "email") for names in [read(MORE_SOURCES)[kind]]
             for listed in names.values() for host in listed}  # fmt: skip
    own, more = map(read, SPAM_LISTS)

    assert set(read(SOURCES)["left_out"]) <= hosts
    assert set(own["left_out"]) <= set(more["hosts"])


def test_what_is_kept_by_hand_of_spam_is_not_in_the_other_list() -> None:
    own, more = map(read, SPAM_LISTS)

    assert set(own["hosts"]) & set(more["hosts"]) == set()


def test_each_word_of_the_sources_is_of_one_source() -> None:
    own = read(SOURCES)
    words = [word for kind in KINDS for line in own[kind].values() for word in line.split()]

    assert sorted(word for word in set(words) if words.count(word) > 1) == []
    assert all(word == word.lower() and "/" not in word for word in words)


def test_no_name_is_of_two_kinds() -> None:
    own = read(SOURCES)
    names = [name for kind in KINDS for name in own[kind]]

    assert len(names) == len(set(names))
    assert set(own["ambiguous"]) <= {name.lower() for name in names}


@pytest.mark.parametrize(
    "source", sorted({click.source for click in CLICK_IDS.values() if click.source})
)
def test_who_appends_click_ids_is_called_as_in_the_sources(source: str) -> None:
    known = find_spelling(source.lower())

    assert known is None or known.name == source


def test_sources_are_made_of_hosts_by_kind_and_name() -> None:
    text = lists.write_sources(
        {
            "www.find.example": {"medium": "search", "source": "Find"},
            "b.find.example": {"medium": "search", "source": "Find"},
            "find.example/images": {"medium": "search", "source": "Find Images"},
            "www.google.de": {"medium": "search", "source": "Google"},
            "Mail.example": {"medium": "email", "source": 'A "mail"'},
            "ads.example": {"medium": "paid", "source": "Ads"},
            "app": {"medium": "social", "source": "App"},
        }
    )

    assert tomllib.loads(text) == {
        "search": {"Find": ["b.find.example", "find.example"]},
        "social": {},
        "email": {'A "mail"': ["mail.example"]},
    }


def test_spam_is_made_of_hosts_each_once() -> None:
    text = lists.write_spam({"spamReferrers": ["b.example", "A.example ", "a.example", ""]})

    assert tomllib.loads(text) == {"hosts": ["a.example", "b.example"]}


def pack(folder: Path, files: dict[str, Any]) -> Path:
    with tarfile.open(folder / "package.tgz", "w:gz") as archive:
        for name, content in files.items():
            data = json.dumps(content).encode()
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            archive.addfile(member, BytesIO(data))
    return folder / "package.tgz"


def test_the_lists_are_renewed_with_a_new_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = pack(
        tmp_path,
        {
            "package.json": {"version": "9.8.7"},
            "lib/referrers.json": {"find.example": {"medium": "search", "source": "Find"}},
            "lib/piwik.spam.json": {"spamReferrers": ["a.example"]},
        },
    )
    monkeypatch.setattr(lists, "FOLDER", tmp_path)
    monkeypatch.setattr(lists, "fetch", lambda package, folder: packed)

    assert lists.main() == 0

    made = {source.name: read(tmp_path / source.name) for source in lists.SOURCES}
    assert made["more_spam.toml"]["hosts"] == ["a.example"]
    assert made["more_sources.toml"]["search"] == {"Find": ["find.example"]}
    for said in made.values():
        assert said["package"].endswith("@9.8.7")
        assert isinstance(said["date"], date)


def test_without_npm_no_list_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "FOLDER", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert lists.main() == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("source", lists.SOURCES, ids=lambda source: source.name)
def test_a_list_is_what_its_package_gives(source: lists.Source) -> None:
    """Asks the package registry for the version that the list names."""
    path = lists.FOLDER / source.name
    said = read(path)
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    try:
        made = lists.make_list(source, said["package"].rpartition("@")[2], said["date"])
    except lists.NotToBeHad:
        pytest.skip("no package registry answers here")

    assert made == path.read_text()
