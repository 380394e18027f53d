"""What is packed in a file: gzip, zstd or zip, one text or several, with bounds on what comes out.

Packed once more in a zip (`access.log.2.gz` in one) is unpacked, too; the bounds are of the whole.
"""

import gzip
import io
import sys
import zipfile
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from exchange.incoming.files.errors import SourceError
from exchange.incoming.files.limits import Limits

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BLOCK_BYTES: Final = 64 * 1024
# 128 MiB of memory: what `zstd --long` asks for without a number.
_ZSTD_OPTIONS: Final[dict[int, int]] = {zstd.DecompressionParameter.window_log_max: 27}
_GZIP, _ZSTD, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", (b"PK\x03\x04", b"PK\x05\x06")
_PARQUET: Final = b"PAR1"
_READ_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGED: Final = (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, zstd.ZstdError)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Member(NamedTuple):
    """One of the files that are in a file; a file that is no zip has itself."""

    name: str
    open: Callable[[], io.BufferedReader]


class Unpacked:
    """What a file holds. Raises SourceError where it is opened, and while its members are read."""

    def __init__(self, file: io.RawIOBase, size_bytes: int, name: str, limits: Limits) -> None:
        self._file = _Counted(file)
        self._limits = limits
        self._unpacked = 0
        self.size_bytes = size_bytes
        if size_bytes == 0:
            raise SourceError("empty_file")
        if size_bytes > limits.unpacked_bytes:
            raise SourceError("unpacks_too_far", f"more than {limits.unpacked_bytes} bytes")
        mark = _peek(file)
        self.is_parquet = mark == _PARQUET
        self.packing = "zip" if mark in _ZIP else _name_packing(mark)
        if self.packing == "zip":
            self.members = self._list_members()
        else:
            self.members = [Member(name, self._open_whole)]

    @property
    def read_bytes(self) -> int:
        """Of the file, packed; what is read twice counts twice."""
        return self._file.count

    def count(self, more: int) -> None:
        """`more` bytes were unpacked. Raises SourceError."""
        self._unpacked += more
        if self._unpacked > self._limits.unpacked_bytes:
            raise SourceError("unpacks_too_far", f"more than {self._limits.unpacked_bytes} bytes")
        if (
            self._unpacked > self._limits.ratio_from_bytes
            and self._unpacked > self._file.count * self._limits.ratio
        ):
            raise SourceError("unpacks_too_far", f"{self._limits.ratio} times what it is packed")

    def _open_whole(self) -> io.BufferedReader:
        self._file.seek(0)
        return self._open_layers(io.BufferedReader(self._file, _BLOCK_BYTES))

    def _open_layers(self, stream: io.BufferedReader) -> io.BufferedReader:
        """What is in `stream`, packed or not."""
        packing = _name_packing(stream.peek(4)[:4])
        if not packing:
            return stream
        if packing == "gzip":
            inner: _Readable = gzip.GzipFile(fileobj=stream, mode="rb")
        else:
            inner = zstd.ZstdFile(stream, "rb", options=_ZSTD_OPTIONS)
        return io.BufferedReader(_Bounded(inner, self), _BLOCK_BYTES)

    def _list_members(self) -> list[Member]:
        try:
            archive = zipfile.ZipFile(io.BufferedReader(self._file, _BLOCK_BYTES))
            found = [info for info in archive.infolist() if not info.is_dir()]
        except (*_DAMAGED, ValueError, OverflowError, OSError, NotImplementedError) as exc:
            raise SourceError("bad_archive", _shorten(exc)) from None
        # What macOS puts beside each file
        found = [info for info in found if not info.filename.startswith("__MACOSX/")]
        if len(found) > self._limits.members:
            raise SourceError("too_many_members", f"{len(found)}")
        if not found:
            raise SourceError("empty_file", "a zip without a file in it")
        for info in found:
            if info.flag_bits & 0x1:
                raise SourceError("encrypted_archive")
            if info.compress_type not in _READ_METHODS:
                raise SourceError("bad_archive", "packed by another method than deflate")
        return [Member(info.filename, self._opener(archive, info)) for info in found]

    def _opener(
        self, archive: zipfile.ZipFile, info: zipfile.ZipInfo
    ) -> Callable[[], io.BufferedReader]:
        def open_member() -> io.BufferedReader:
            try:
                stream = archive.open(info)
            except (*_DAMAGED, ValueError, OSError, NotImplementedError, RuntimeError) as exc:
                raise SourceError("bad_archive", _shorten(exc)) from None
            return self._open_layers(io.BufferedReader(_Bounded(stream, self), _BLOCK_BYTES))

        return open_member


class _Counted(io.RawIOBase):
    """A file that counts what is read of it."""

    def __init__(self, file: io.RawIOBase) -> None:
        self._file = file
        self.count = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        """Stay open: its next reader begins anew."""

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: "WriteableBuffer", /) -> int | None:
        read = self._file.readinto(buffer)
        self.count += read or 0
        return read


class _Bounded(io.RawIOBase):
    """What comes out of a packed stream, counted; damage is a SourceError."""

    def __init__(self, inner: _Readable, whole: Unpacked) -> None:
        self._inner = inner
        self._whole = whole

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        try:
            data: bytes = self._inner.read(len(view))
        except (*_DAMAGED, OSError) as exc:
            raise SourceError("bad_archive", _shorten(exc)) from None
        view[: len(data)] = data
        self._whole.count(len(data))
        return len(data)


def _name_packing(mark: bytes) -> str:
    if mark[:2] == _GZIP:
        return "gzip"
    return "zstd" if mark == _ZSTD else ""


def _peek(file: io.RawIOBase) -> bytes:
    file.seek(0)
    mark = file.read(4) or b""
    file.seek(0)
    return mark


def _shorten(exc: BaseException) -> str:
    return str(exc)[:100]
