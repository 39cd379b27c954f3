"""Opens text files as they come: compressed or not, in any common encoding, with any line ends.

The content decides, not the name: gzip, bzip2, xz and Zstandard by their first bytes; UTF-8, UTF-16 either way, with
or without a byte order mark, and Windows-1252 for lines that are not UTF-8. `-` is standard input.
"""

import bz2
import codecs
import gzip
import io
import lzma
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, cast

STANDARD_INPUT = Path("-")
COMPRESSED_SUFFIXES = (".xz", ".gz", ".bz2", ".zst")
_CHUNK_BYTES = 1 << 18
_LONGEST_LINE_BYTES = 1 << 24
_DAMAGED = (lzma.LZMAError, EOFError, OSError, zlib.error)
_MARK = "\ufeff"
_COPY, _COPY_OF_PIPE = "standard input", "named pipe"  # names of their copies on disk


class FileError(ValueError):
    """A file cannot be used, or an entry of it cannot be read; the text is one line."""


def shown_name(path: Path) -> str:
    """Returns how messages name a file."""
    if path == STANDARD_INPUT:
        return _COPY
    return path.name if path.name in (_COPY, _COPY_OF_PIPE) else str(path)


def plain_suffix(path: Path) -> str:
    """Returns the last suffix of a file's name in lower case, apart from those of compression."""
    name = path.name.lower()
    for suffix in COMPRESSED_SUFFIXES:
        name = name.removesuffix(suffix)
    return Path(name).suffix


class TextFile:
    """Reads a text file once, from its beginning; a context manager that closes it.

    Args:
      path: the file; `-` is standard input.
      content: what it should hold, for messages: "games", "labels".

    Raises:
      FileError: the file cannot be opened.
    """

    def __init__(self, path: Path, content: str) -> None:
        self._path, self._content = path, content
        try:
            self._stored = sys.stdin.buffer if path == STANDARD_INPUT else path.open("rb")
            self._stream = _decompressed(cast(io.BufferedReader, self._stored))
        except OSError as error:
            raise FileError(f"expected a file of {content}, got {shown_name(path)}: {error.strerror}") from error

    def blocks(self) -> Iterator[str]:
        r"""Yields pieces of whole lines, about a quarter of a megabyte each, which end in `\n` but for the last.

        Raises:
          FileError: the file is damaged, or is not text.
        """
        place = f"{self._content}, got {shown_name(self._path)}"
        try:
            yield from decoded_blocks(self._stream)
        except FileError as error:
            raise FileError(f"expected a file of {place}: {error}") from error
        except UnicodeDecodeError as error:
            raise FileError(f"expected a file of {place}: it is not text") from error
        except Exception as error:
            # The library of ZstdError need not be there.
            if not isinstance(error, _DAMAGED) and type(error).__name__ != "ZstdError":
                raise
            raise FileError(f"expected a readable file of {place}: {' '.join(str(error).split())}") from error

    def lines(self) -> Iterator[str]:
        """Yields the lines without their ends; see `blocks`."""
        for block in self.blocks():
            yield from block.removesuffix("\n").split("\n")

    def bytes_read(self) -> int:
        """Returns how many bytes of the file as stored have been read."""
        return self._stored.tell()

    def __enter__(self) -> "TextFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._path != STANDARD_INPUT:
            self._stored.close()


def text_blocks(path: Path, content: str) -> Iterator[str]:
    """Yields the text of a file; see `TextFile.blocks`."""
    with TextFile(path, content) as file:
        yield from file.blocks()


def text_lines(path: Path, content: str) -> Iterator[str]:
    """Yields the lines of a file without their ends; see `TextFile.blocks`."""
    with TextFile(path, content) as file:
        yield from file.lines()


def decoded_blocks(stream: IO[bytes]) -> Iterator[str]:
    r"""Yields the text of a stream of bytes in pieces of whole lines that end in `\n`.

    Raises:
      FileError: a line is longer than 16 MB, or the content is not text.
    """
    for block in _whole_lines(_utf8_chunks(stream)):
        text = _decoded(block)
        if "\0" in text:
            raise FileError("it is not text")
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        # Programs of DOS end a file so, and `cat` leaves it between two.
        text = text.replace("\x1a", " ") if "\x1a" in text else text
        yield text.replace(_MARK, "") if _MARK in text else text


@contextmanager
def on_disk(path: Path) -> Iterator[Path]:
    """Gives a path that can be opened again, also by other processes: for standard input and pipes that of a copy."""
    if path != STANDARD_INPUT and not path.is_fifo():
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / (_COPY if path == STANDARD_INPUT else _COPY_OF_PIPE)
        with copy.open("wb") as file:
            if path == STANDARD_INPUT:
                shutil.copyfileobj(sys.stdin.buffer, file)
            else:
                with path.open("rb") as pipe:
                    shutil.copyfileobj(pipe, file)
        yield copy


def _decompressed(stored: io.BufferedReader) -> IO[bytes]:
    start = stored.peek(8)[:8]
    if start.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.open(stored))
    if start.startswith(b"BZh"):
        return cast(IO[bytes], bz2.open(stored))
    if start.startswith(b"\xfd7zXZ\0"):
        return cast(IO[bytes], lzma.open(stored))
    # A frame of data, or one to skip, with which parallel compressors begin.
    if start[:4] == b"\x28\xb5\x2f\xfd" or (start[1:4] == b"\x2a\x4d\x18" and start[0] >> 4 == 5):
        return _decompressed_zst(stored)
    return stored


def _decompressed_zst(stored: IO[bytes]) -> IO[bytes]:
    try:
        import zstandard
    except ModuleNotFoundError:
        raise FileError("expected the package zstandard to read .zst, got none: pip install zstandard") from None
    return cast(IO[bytes], zstandard.ZstdDecompressor().stream_reader(stored, read_across_frames=True))


def _utf8_chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yields the bytes of a stream, those of UTF-16 as UTF-8."""
    first = stream.read(_CHUNK_BYTES)
    encoding = _utf16(first)
    if encoding is None:
        yield first
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    yield decoder.decode(first).encode()
    while chunk := stream.read(_CHUNK_BYTES):
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


def _utf16(start: bytes) -> str | None:
    """Returns the encoding if a text in UTF-16 starts so: by its mark, or by every other byte of the start being 0."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16-le" if start.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
    even, odd = start[:64:2], start[1:64:2]
    if odd and not any(odd) and all(even):
        return "utf-16-le"
    return "utf-16-be" if odd and not any(even) and all(odd) else None


def _whole_lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        rest += chunk
        # The last byte may be the first half of a line end.
        end = max(rest.rfind(b"\n", 0, -1), rest.rfind(b"\r", 0, -1)) + 1
        if end and rest[end - 1 : end + 1] == b"\r\n":
            end += 1
        if end:
            yield rest[:end]
            rest = rest[end:]
        elif len(rest) > _LONGEST_LINE_BYTES:
            raise FileError(f"it has a line of more than {_LONGEST_LINE_BYTES >> 20} MB")
    if rest:
        yield rest


def _decoded(block: bytes) -> str:
    try:
        return block.decode()
    except UnicodeDecodeError:
        return "".join(map(_decoded_line, block.splitlines(keepends=True)))


def _decoded_line(line: bytes) -> str:
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1")
