"""A folder of the columns on a disk, or on one that hosts share."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from columns.files.place import (
    HARMLESS,
    MARKER,
    ColumnsUnavailable,
    DamagedFile,
    Folder,
    ListedFile,
    digest_of,
    name_of,
    project_of,
    sync,
)


@dataclass(frozen=True, slots=True)
class LocalFolder(Folder):
    """`root` holds it. What `bring` gives are the files themselves."""

    root: Path

    @property
    def name(self) -> str:
        return str(self.root)

    @property
    def engine_folder(self) -> Path:
        return self.root

    def path_of(self, segment_id: bytes) -> Path:
        """The file of a segment, by its project and its own 16 bytes."""
        return self.root / f"{name_of(segment_id)}.parquet"

    def work_of(self, segment_id: bytes) -> Path:
        """The folder of what is needed while the segment is written."""
        return self.root / f"{name_of(segment_id)}.work"

    def url_of(self, segment_id: bytes) -> str:
        return self.path_of(segment_id).as_uri()

    @contextmanager
    def work(self, segment_id: bytes) -> Iterator[Path]:
        path = self.work_of(segment_id)
        try:
            if not (self.root / MARKER).exists():  # nothing is left in the place of a mount
                raise ColumnsUnavailable(f"{self.root} has no {MARKER} any more")
            path.parent.mkdir(exist_ok=True)
            path.mkdir()
            sync(self.root)
            yield path
            shutil.rmtree(path)
        except OSError as exc:
            raise ColumnsUnavailable(repr(exc)) from exc
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def keep(self, segment_id: bytes, made: Path, digest: bytes) -> None:
        path = self.path_of(segment_id)
        try:
            sync(made)
            made.rename(path)
            sync(path.parent)
        except OSError as exc:
            raise ColumnsUnavailable(repr(exc)) from exc

    def find(self, segment_id: bytes) -> Path | None:
        path = self.path_of(segment_id)
        try:
            path.stat()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise ColumnsUnavailable(repr(exc)) from exc
        return path

    def bring(self, file: ListedFile, deadline: float | None = None, *, anew: bool = False) -> Path:
        if path := self.find(file.id):
            return path
        raise DamagedFile("there is no file")

    @contextmanager
    def hold(
        self, file: ListedFile, *, anew: bool = False, is_sound: bool = False
    ) -> Iterator[Path]:
        path = self.bring(file)
        if not is_sound and digest_of(path) != file.sum:
            raise DamagedFile("the file is not the one that was listed")
        yield path

    def delete(self, segment_ids: Sequence[bytes]) -> None:
        try:
            for segment_id in segment_ids:
                path = self.path_of(segment_id)
                path.unlink(missing_ok=True)
                with suppress(FileNotFoundError):
                    shutil.rmtree(self.work_of(segment_id))
                with suppress(FileNotFoundError):
                    sync(path.parent)
        except OSError as exc:
            raise ColumnsUnavailable(repr(exc)) from exc

    def delete_project(self, project_id: bytes) -> None:
        try:
            with suppress(FileNotFoundError):
                shutil.rmtree(self.root / project_of(project_id))
            sync(self.root)
        except OSError as exc:
            raise ColumnsUnavailable(repr(exc)) from exc

    def read_marker(self) -> bytes | None:
        try:
            return (self.root / MARKER).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise ColumnsUnavailable(f"{self.root / MARKER} cannot be read: {exc!r}") from exc

    def write_marker(self, text: bytes) -> None:
        written = self.root / f"{MARKER}.{uuid4()}"
        try:
            try:
                written.write_bytes(text)
                sync(written)
                with suppress(FileExistsError):
                    os.link(written, self.root / MARKER)
            finally:
                written.unlink(missing_ok=True)
            sync(self.root)
        except OSError as exc:
            raise ColumnsUnavailable(repr(exc)) from exc

    def prepare(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise ColumnsUnavailable(repr(exc)) from exc

    def find_other(self) -> str | None:
        try:
            names = (path.name for path in self.root.iterdir())
            return min((name for name in names if not HARMLESS.fullmatch(name)), default=None)
        except OSError as exc:
            raise ColumnsUnavailable(repr(exc)) from exc
