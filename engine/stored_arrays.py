"""Reads the arrays that Orbax has written, without Orbax, whose library takes a second to import and 50 MB on disk.

    _METADATA        JSON: the path of every array in the tree
    manifest.ocdbt   points to the root of a B+ tree from names to values (tensorstore's OCDBT database)
    d/, ocdbt.*/d/   files that hold the nodes of the tree and the values

An array is in Zarr's format 2: `name/.zarray` describes it, and `name/0.0` holds its first chunk. A chunk that is
missing holds the fill value alone.
"""

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

_MANIFEST_MAGIC, _NODE_MAGIC = bytes.fromhex("0cdb3a2a"), bytes.fromhex("0cdb20de")
_CHECKSUM_BYTES = 4  # the caller knows a better checksum, of all files

Tree = dict[str, Any]  # whose leaves are arrays


class StoredArraysError(ValueError):
    """Reports a folder that holds no arrays that can be read; the text is one line."""


def read_arrays(folder: Path) -> Tree:
    """Returns the tree of arrays in a folder.

    Args:
      folder: written by Orbax's `StandardCheckpointer`, in OCDBT.

    Raises:
      StoredArraysError: it is not one, or is in a form that this reader does not know.
      OSError: a file cannot be read.
    """
    try:
        leaves = json.loads((folder / "_METADATA").read_text(encoding="utf-8"))["tree_metadata"].values()
        paths = [[str(step["key"]) for step in leaf["key_metadata"]] for leaf in leaves]
        values = dict(_stored_values(folder))
        tree: Tree = {}
        for path in paths:
            branch = tree
            for step in path[:-1]:
                branch = branch.setdefault(step, {})
            branch[path[-1]] = _array(folder, ".".join(path), values)
        return tree
    except (KeyError, IndexError, TypeError, ValueError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise StoredArraysError(f"expected arrays written by Orbax in {folder}, got: {reason}") from error


class _Place(NamedTuple):
    """Points to some bytes of a file."""

    file: str  # relative to the folder
    base: str  # begins the names of the files that a node refers to
    offset: int
    length: int

    def read(self, folder: Path) -> bytes:
        with (folder / self.file).open("rb") as file:
            file.seek(self.offset)
            return file.read(self.length)


class _Bytes:
    """Reads numbers and texts from a block of bytes, one after the other."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def take(self, count: int) -> bytes:
        """Returns the next bytes."""
        taken = self._content[self._at : self._at + count]
        if len(taken) < count:
            raise ValueError("a block that ends too early")
        self._at += count
        return taken

    def number(self) -> int:
        """Returns the next number, seven bits a byte, the lowest first."""
        value = 0
        for shift in itertools.count(0, 7):
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                break
        return value

    def numbers(self, count: int) -> list[int]:
        """Returns so many numbers."""
        return [self.number() for _ in range(count)]

    def names(self, prefixes: list[int], suffixes: list[int]) -> list[bytes]:
        """Returns names, each of which begins with so many bytes of the one before it."""
        names = [b""]
        for prefix, suffix in zip(prefixes, suffixes, strict=True):
            names.append(names[-1][:prefix] + self.take(suffix))
        return names[1:]


def _stored_values(folder: Path) -> Iterator[tuple[str, bytes | _Place]]:
    """Yields the names and values of a database; long values as the place where they are."""
    block = _unpacked((folder / "manifest.ocdbt").read_bytes(), _MANIFEST_MAGIC)
    block.take(16)  # the database's random name
    kind, *_ = block.numbers(3)  # and two limits for writers
    if kind:
        raise ValueError("a database with several manifests")
    block.take(1)  # arity of the tree of versions
    if block.number():  # compression: its level follows
        block.take(4)
    files = _file_table(block, "")
    versions = block.number()
    block.numbers(versions)
    block.take(versions)  # heights, which the nodes repeat
    yield from _values_below(folder, _places(block, files, versions)[-1], b"")


def _values_below(folder: Path, place: _Place, beginning: bytes) -> Iterator[tuple[str, bytes | _Place]]:
    """Yields the names and values below a node.

    Args:
      folder: of the database.
      place: of the node.
      beginning: of all names, which the node leaves out.
    """
    block = _unpacked(place.read(folder), _NODE_MAGIC)
    is_leaf = block.take(1)[0] == 0
    files = _file_table(block, place.base)
    count = block.number()
    prefixes, suffixes = [0, *block.numbers(count - 1)], block.numbers(count)
    left_out = [] if is_leaf else block.numbers(count)  # of each name, by the nodes below it
    names = block.names(prefixes, suffixes)
    if not is_leaf:
        for name, length, below in zip(names, left_out, _places(block, files, count), strict=True):
            yield from _values_below(folder, below, beginning + name[:length])
        return
    lengths, is_apart = block.numbers(count), block.take(count)
    chosen = [files[number] for number in block.numbers(sum(is_apart))]
    places = iter([(*file, offset) for file, offset in zip(chosen, block.numbers(sum(is_apart)), strict=True)])
    for name, length, apart in zip(names, lengths, is_apart, strict=True):
        yield (beginning + name).decode(), _Place(*next(places), length) if apart else block.take(length)


def _unpacked(block: bytes, magic: bytes) -> _Bytes:
    """Returns the content of a manifest or node, whose header tells what it is and whether it is compressed."""
    header = _Bytes(block[:-_CHECKSUM_BYTES])
    if header.take(4) != magic or int.from_bytes(header.take(8), "little") != len(block) or header.number():
        raise ValueError("a block of another format")
    is_compressed = header.number()
    content = block[14:-_CHECKSUM_BYTES]
    return _Bytes(_decompressed(content) if is_compressed else content)


def _file_table(block: _Bytes, base: str) -> list[tuple[str, str]]:
    """Reads which files a block refers to, each with the beginning of names that it refers to in turn."""
    count = block.number()
    prefixes, suffixes = [0, *block.numbers(count - 1)][:count], block.numbers(count)
    bases = block.numbers(count)
    names = [name.decode() for name in block.names(prefixes, suffixes)]
    return [(base + name, base + name[:length]) for name, length in zip(names, bases, strict=True)]


def _places(block: _Bytes, files: list[tuple[str, str]], count: int) -> list[_Place]:
    """Reads places of nodes, and skips what is told of their size."""
    numbers, offsets, lengths = block.numbers(count), block.numbers(count), block.numbers(count)
    block.numbers(3 * count)
    return [_Place(*files[n], offset, length) for n, offset, length in zip(numbers, offsets, lengths, strict=True)]


def _array(folder: Path, name: str, values: Mapping[str, bytes | _Place]) -> np.ndarray:
    """Puts an array together from its chunks."""
    about = json.loads(_value(folder, values[f"{name}/.zarray"]))
    compressor = about["compressor"]
    if about["zarr_format"] != 2 or about["order"] != "C" or about["filters"]:
        raise ValueError(f"an array of another form, {about}")
    if compressor is not None and compressor["id"] != "zstd":
        raise ValueError(f"an array compressed by {compressor['id']}")
    shape, chunk = about["shape"], about["chunks"]
    array = np.full(shape, about["fill_value"] or 0, np.dtype(about["dtype"]))
    counts = [math.ceil(size / step) for size, step in zip(shape, chunk, strict=True)]
    for cell in itertools.product(*map(range, counts)):
        key = f"{name}/{about.get('dimension_separator', '.').join(map(str, cell)) or '0'}"
        if key not in values:
            continue
        content = _value(folder, values[key])
        content = content if compressor is None else _decompressed(content)
        where = tuple(slice(at * step, (at + 1) * step) for at, step in zip(cell, chunk, strict=True))
        whole = np.frombuffer(content, array.dtype).reshape(chunk)
        array[where] = whole[tuple(slice(0, size) for size in array[where].shape)]  # the last ones reach beyond
    return array


def _value(folder: Path, value: bytes | _Place) -> bytes:
    return value.read(folder) if isinstance(value, _Place) else value


def _decompressed(content: bytes) -> bytes:
    import zstandard

    try:
        return zstandard.ZstdDecompressor().decompressobj().decompress(content)
    except zstandard.ZstdError as error:
        raise ValueError(f"damaged data ({error})") from error
