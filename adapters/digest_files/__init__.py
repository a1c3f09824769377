"""Documents of stored summaries, read into papers that are known.

Layouts, recognised by content: a reference table with notes, a ``# PaperSummary`` list, a monthly table, and JSON
Lines; each may be compressed with gzip.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from adapters.digest_files.fields import Cleaning
from adapters.digest_files.jsonl import read_lines
from adapters.digest_files.markdown import MAX_LINE, layout_of
from bot.errors import DocumentError
from bot.model import FeedItem, Rejected

MAX_BYTES = 64 * 1024 * 1024
"""Of one document, after decompression."""

CHUNK = 1_000
"""Entries of a Chunk at most, refused ones counted."""

_SUFFIXES = (".md", ".markdown", ".txt", ".jsonl", ".ndjson", ".gz")
_GZIP = b"\x1f\x8b"
_MEND = (
    "expected a table `| Ref | Title | Summary |` with notes, a `# PaperSummary` list, a table "
    "`| 日期 | 名稱 | 摘要 | 主題 |`, or JSON Lines with id and title"
)


class Chunk(NamedTuple):
    """Some of a document's entries. ``dropped`` counts fields left out of items that were kept, by
    ``field: why``; ``size`` is its share of the file's bytes on disk, for a progress bar against ``size_hint``."""

    items: tuple[FeedItem, ...]
    rejected: tuple[Rejected, ...]
    dropped: Mapping[str, int]
    size: int
    file: str


def read_documents(path: Path) -> Iterator[Chunk]:
    """Every entry of a document, or of all documents in a folder and below it, sorted.

    A document's items come only after the whole of it was decompressed and, for Markdown, understood. Raises
    DocumentError for a file that cannot be read; in a folder that file is a Rejected and the others go on.
    """
    if not _is_folder(path):
        yield from _read_document(path)
        return
    found = find_documents(path)
    if not found:
        raise DocumentError(f"no documents in this folder; expected files named {', '.join(_SUFFIXES)}", str(path), 1)
    for document in found:
        try:
            yield from _read_document(document)
        except DocumentError as error:
            refused = Rejected(f"{error.file}:{error.line}", error.message)
            yield Chunk((), (refused,), {}, _size(document), str(document))


def find_documents(path: Path) -> tuple[Path, ...]:
    """The files ``read_documents`` reads, in its order; ``path`` itself where it is no folder."""
    if not _is_folder(path):
        return (path,)
    try:
        return tuple(
            sorted(
                entry
                for entry in path.rglob("*")
                if entry.name.lower().endswith(_SUFFIXES)
                and not any(part.startswith(".") for part in entry.relative_to(path).parts)
                and entry.is_file()
            )
        )
    except OSError as error:
        raise DocumentError(f"cannot look into the folder: {error.strerror}", str(path), 1) from error


def size_hint(path: Path) -> int:
    """Bytes on disk of everything ``read_documents`` will read; the sizes of its chunks add up to it."""
    return sum(_size(document) for document in find_documents(path))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:
        raise DocumentError(f"cannot be reached: {error.strerror}", str(path), 1) from error


def _size(document: Path) -> int:
    try:
        return document.stat().st_size
    except (OSError, ValueError):
        return 0


def _read_document(path: Path) -> Iterator[Chunk]:
    file = str(path)
    raw = _raw_bytes(path)
    data = _decompressed(raw, file) if raw.startswith(_GZIP) else raw
    if not data.strip():
        raise DocumentError(f"the document is empty; {_MEND}", file, 1)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data:
        raise DocumentError("this is binary data or UTF-16; save it as UTF-8 text", file, 1)
    cleaning = Cleaning()
    yield from _chunks(file, _entries(data, file, cleaning), cleaning, len(data), len(raw))


def _entries(data: bytes, file: str, cleaning: Cleaning) -> Iterator[tuple[FeedItem | Rejected, int]]:
    """Each entry with the number of bytes read when it was done."""
    opening = data[:65_536].decode("utf-8", errors="replace")
    reader = layout_of(opening.split("\n"))
    if reader is None:
        named = file.lower().removesuffix(".gz").endswith((".jsonl", ".ndjson"))
        if not named and not any(line.lstrip("\ufeff \t").startswith("{") for line in opening.split("\n")[:20]):
            raise DocumentError(f"no known layout; {_MEND}", file, 1)
        yield from read_lines(data, file, cleaning)
        return
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DocumentError("this line is not UTF-8; save the document as UTF-8 text", file, line) from error
    lines = [line.rstrip("\r") for line in text.split("\n")]
    if (longest := max(lines, key=len)) and len(longest) > MAX_LINE:
        raise DocumentError(f"this line is longer than {MAX_LINE} characters", file, lines.index(longest) + 1)
    items = reader(lines, file, cleaning)
    for number, item in enumerate(items, 1):
        yield item, len(data) * number // len(items)


def _chunks(
    file: str, entries: Iterable[tuple[FeedItem | Rejected, int]], cleaning: Cleaning, length: int, on_disk: int
) -> Iterator[Chunk]:
    results: list[FeedItem | Rejected] = []
    place, told = 0, 0

    def chunk(upto: int) -> Chunk:
        items = tuple(result for result in results if isinstance(result, FeedItem))
        rejected = tuple(result for result in results if isinstance(result, Rejected))
        return Chunk(items, rejected, cleaning.take(), upto - told, file)

    for result, place in entries:
        results.append(result)
        if len(results) == CHUNK:
            upto = on_disk * place // length
            yield chunk(upto)
            told, results = upto, []
    if results or told < on_disk:
        yield chunk(on_disk)


def _raw_bytes(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise DocumentError("this is not a file; name a document or a folder of documents", str(path), 1)
        with path.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise DocumentError("no such file; check the path", str(path), 1) from error
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror}; check its permissions", str(path), 1) from error
    except ValueError as error:
        raise DocumentError("this is no path", str(path), 1) from error
    return _limited(raw, str(path))


def _decompressed(raw: bytes, file: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as packed:
            data = packed.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DocumentError(f"the gzip data is damaged or cut off ({error}); fetch it again", file, 1) from error
    return _limited(data, file)


def _limited(data: bytes, file: str) -> bytes:
    if len(data) > MAX_BYTES:
        raise DocumentError(f"larger than {MAX_BYTES // 1024 // 1024} MiB unpacked; split it into several", file, 1)
    return data
