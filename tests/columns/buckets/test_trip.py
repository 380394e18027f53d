"""All that is done with segments is done in a bucket, too."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.remembered import forget_everything
from columns.export import export_project
from columns.files.folder import ColumnsUnavailable, find_folder, make_folder, renew_folder
from columns.files.objects import Objects
from columns.files.place import MARKER, Folder
from columns.files.scratch import make_scratch
from columns.garbage import collect_files
from columns.merge import merge_project
from columns.rewrite import cut_before, rebuild
from tests.columns.buckets.store import Bucket
from tests.columns.held import held, segments_of
from tests.conftest import Api, TestProject
from tests.mortals import start_mortals
from tests.stored import store_events
from upkeep.columns.verify import Verification

DAY = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.fixture
def project(bucket: Bucket, project: TestProject) -> TestProject:
    return project


def export(project: TestProject, *paths: str, day: int = 0) -> None:
    moment = DAY + timedelta(days=day)
    store_events(project, [{"path": path, "timestamp": moment} for path in paths])
    export_project(project.id)


def listed_names(project: TestProject) -> set[str]:
    own = len(project.id.hex())
    names = [segment.id.hex() for segment in segments_of(project)]
    return {f"{name[:own]}/{name[own:]}.parquet" for name in names}


def make_all_due() -> None:
    collection(mongo.COLUMN_GARBAGE).update_many({}, {"$set": {"dueAt": DAY}})


def test_what_is_exported_merged_and_made_anew_is_what_was_stored(
    bucket: Bucket, project: TestProject, read: Api
) -> None:
    for day in range(3):
        export(project, f"/{day}", "/every", day=day)
    asked = {"start": "2026-03-05", "end": "2026-03-08", "filter": "path:is:/every"}
    assert read.get("/stats", **asked).json()["totalViews"] == 3
    while merge_project(project.id):
        pass
    assert read.get("/stats", **asked).json()["totalViews"] == 3
    assert held(project) == ["/0", "/1", "/2", *["/every"] * 3]
    assert [events for _, events in rebuild(project.id)] == [6]
    verification = Verification(project.id)
    assert [verification.verify_day(day) for day in verification.list_days()] == [(0, [])] * 3
    cut_before(project.id, int((DAY + timedelta(days=1)).timestamp() * 1000))
    assert held(project) == ["/1", "/2", "/every", "/every"]
    make_all_due()
    collect_files()
    assert bucket.names() == listed_names(project)
    assert not list(make_scratch().glob("segment-*"))


def test_nobody_sees_which_kind_of_folder_it_is(bucket: Bucket, project: TestProject) -> None:
    export(project, "/a")
    [segment] = segments_of(project)
    folder = find_folder()
    public = {name for name in dir(folder) if not name.startswith("_")}
    assert public == {name for name in dir(Folder) if not name.startswith("_")}
    assert folder.url_of(segment.id) == f"{bucket.url}/{next(iter(bucket.names()))}"


@pytest.mark.slow
@pytest.mark.parametrize("point", ["after:copy", "before:apply", "after:apply"])
def test_an_exporter_that_is_killed_loses_nothing_and_leaves_nothing(
    bucket: Bucket, project: TestProject, point: str
) -> None:
    export(project, "/before")
    store_events(project, [{"path": "/after"}])
    with start_mortals("tests.columns.dying") as mortals:
        mortals.die("columns.export.export_project", project.id.hex(), point)
    assert set(held(project)) - {"/after"} == {"/before"}
    export_project(project.id)
    assert held(project) == ["/after", "/before"]
    make_all_due()
    collect_files()
    assert bucket.names() == listed_names(project)


def test_a_folder_that_is_copied_into_a_bucket_is_gone_on_with(
    store: None, request: pytest.FixtureRequest, settings: object
) -> None:
    """From one machine to several: the same names, and the marker among them."""
    project = request.getfixturevalue("project_in_a_folder")
    root = Path(str(django_settings.COLUMNS_URL))
    bucket: Bucket = request.getfixturevalue("bucket_beside")
    for path in root.rglob("*"):
        if path.is_file():
            bucket.write(str(path.relative_to(root)), path.read_bytes())
    point_at(bucket, request)
    shutil.rmtree(root)
    assert held(project) == ["/local"]
    export(project, "/far")
    assert held(project) == ["/far", "/local"]
    assert len(bucket.names()) == 2


def test_a_bucket_is_begun_once_and_only_where_nothing_is(
    bucket: Bucket, project: TestProject
) -> None:
    bucket.write("theirs/thesis.odt", b"")
    with pytest.raises(ColumnsUnavailable, match=r"thesis\.odt"):
        make_folder()
    bucket.delete("theirs/thesis.odt")
    make_folder()
    bucket.delete(MARKER)
    forget_everything()
    for use in (find_folder, make_folder):
        with pytest.raises(ColumnsUnavailable, match="not there"):
            use()
    renew_folder()
    export(project, "/a")
    assert held(project) == ["/a"]


def test_whoever_begins_second_takes_the_marker_of_the_first(
    bucket: Bucket, project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    from columns.files.bucket import BucketFolder

    write = BucketFolder.write_marker

    def write_later(self: BucketFolder, text: bytes) -> None:
        write(self, b'{"deployment": "faster", "format": 1}')
        write(self, text)

    monkeypatch.setattr(BucketFolder, "write_marker", write_later)
    make_folder()
    [document] = collection(mongo.COLUMN_STORE).find({})
    assert document["deployment"] == "faster"


def test_a_bucket_is_not_asked_by_a_process_that_was_forked_after(
    bucket: Bucket, project: TestProject
) -> None:
    """It would wait for ever: so it is told."""
    export(project, "/a")
    child = os.fork()
    if child == 0:
        try:
            Objects(bucket.url).read(MARKER)
        except AssertionError:
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def project_in_a_folder(store: None) -> TestProject:
    from tests.conftest import make_project

    project = make_project()
    export(project, "/local")
    return project


@pytest.fixture
def bucket_beside(object_store: object) -> Bucket:
    from tests.columns.buckets.store import ObjectStore, make_bucket

    assert isinstance(object_store, ObjectStore)
    return make_bucket(object_store)


def point_at(bucket: Bucket, request: pytest.FixtureRequest) -> None:
    patch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    settings = request.getfixturevalue("settings")
    for name, value in bucket.store.environment.items():
        patch.setenv(name, value)
    settings.COLUMNS_URL = bucket.url
    settings.COLUMNS_CACHE_DIR = request.getfixturevalue("tmp_path") / "cache"
    forget_everything()
