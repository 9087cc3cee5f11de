"""Copies of files: the same bytes, whoever copies them, and a checksum of what has arrived."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import delta_worker as w
import pytest

from lakebook import delta
from lakebook.delta.checksums import checksum_of, named_checksum
from lakebook.errors import StorageError
from lakebook.names import TierTables
from lakebook.tiers import copying
from lakebook.tiers.copying import Source, copy_files

SIZES = (0, 1, copying._BUFFER, copying._BUFFER + 1, 3 * copying._BUFFER + 7, 11, 12, 13)


@pytest.fixture
def sources(quarter: TierTables, tmp_path: Path) -> list[Source]:
    found = []
    for number, size in enumerate(SIZES):
        path = tmp_path / f"{number}.parquet"
        path.write_bytes(os.urandom(size))
        found.append(Source(f"2013-0{1 + number % 3}", path, '{"numRecords":1}', size))
    return found


def refused(number: int) -> Callable[..., int]:
    def copy(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    return copy


def open_handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def in_pieces(source: int, target: int, count: int) -> int:
    return os.write(target, os.read(source, min(count, 100_000)))


@pytest.mark.parametrize(
    "kernel",
    [os.copy_file_range, in_pieces, refused(errno.EXDEV), refused(errno.ENOSYS), lambda *_: 0],
    ids=["kernel", "in pieces", "another file system", "an old kernel", "nothing copied"],
)
def test_every_byte_arrives_and_the_name_is_its_checksum(
    quarter: TierTables,
    sources: list[Source],
    kernel: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(copying.os, "copy_file_range", kernel)
    handles = open_handles()
    stage = delta.begin_stage(quarter.hot, "r")
    copied = copy_files(stage, sources)
    for partition, files in copied.items():
        given = [source for source in sources if source.partition == partition]
        assert [file.size_bytes for file in files] == [source.size_bytes for source in given]
        for source, file in zip(given, files, strict=True):
            path = quarter.hot / file.path
            assert path.read_bytes() == source.path.read_bytes()
            assert named_checksum(path.name) == checksum_of(source.path)[:32]
            assert (file.partition, file.stats_json) == (partition, source.stats_json)
    assert sorted(copied) == ["2013-01", "2013-02", "2013-03"]
    assert open_handles() == handles
    stage.discard()
    assert w.orphans(quarter.hot) == []


def test_a_file_that_is_shorter_than_the_log_says_is_damaged(
    quarter: TierTables, sources: list[Source]
) -> None:
    os.truncate(sources[4].path, 10)
    stage = delta.begin_stage(quarter.hot, "r")
    with pytest.raises(StorageError, match=r"4\.parquet: it has 10 bytes and should have 786,439"):
        copy_files(stage, sources)
    stage.discard()
    assert w.orphans(quarter.hot) == []


def test_other_bytes_than_expected_are_named(quarter: TierTables, sources: list[Source]) -> None:
    good = sources[5].path.read_bytes()
    sources[5] = Source(
        "2013-01", sources[5].path, "{}", len(good), expected=hashlib.sha256(good).hexdigest()
    )
    sources[5].path.write_bytes(bytes([good[0] ^ 1]) + good[1:])
    stage = delta.begin_stage(quarter.hot, "r")
    with pytest.raises(StorageError, match=r"5\.parquet: its bytes have .* the file is damaged"):
        copy_files(stage, sources)
    stage.discard()
    assert w.orphans(quarter.hot) == []


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EIO, "the disk has an error")]
)
def test_a_full_or_broken_disk_is_said_and_no_handle_stays_open(
    quarter: TierTables,
    sources: list[Source],
    number: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handles = open_handles()
    stage = delta.begin_stage(quarter.hot, "r")
    with monkeypatch.context() as patch:
        patch.setattr(copying.os, "copy_file_range", refused(number))
        with pytest.raises(StorageError, match=words):
            copy_files(stage, sources)
        patch.setattr(copying.os, "copy_file_range", in_pieces)
        patch.setattr(copying.os, "preadv", refused(number))
        with pytest.raises(StorageError, match=words):
            copy_files(delta.begin_stage(quarter.hot, "s"), sources)
    assert open_handles() == handles
