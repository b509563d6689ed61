"""What happens when the machine lets Talker down: weights damaged or missing, caches full, shared or shut."""

import functools
import hashlib
import http.server
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from talker.errors import AssetError
from talker.face import tracking
from talker.media import video
from talker.types import Video
from talker.weights import registry, store
from talker.weights.sources import AddressSource, AssetFile

CONTENT = np.random.default_rng(0).integers(0, 256, 3_000_000, np.uint8).tobytes()
FILLING = """
import sys, time
from talker.weights import registry, store
from talker.weights.sources import AddressSource, AssetFile
address, sha256, size, start = sys.argv[1:]
files = (AssetFile("w.bin", int(size), sha256),)
registry.ASSETS["shared"] = registry.Asset("shared", "none", files, (AddressSource(address),))
time.sleep(max(0.0, float(start) - time.time()))
path = store.fetch("shared")
assert path.stat().st_size == int(size)
"""


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Asset(NamedTuple):
    """Where the weights are offered, and the file there."""

    address: str
    file: Path


@pytest.fixture
def asset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asset]:
    """Weights called `shared` that a server on this machine offers; the cache is a folder of the test."""
    offered = tmp_path / "offered"
    offered.mkdir()
    (offered / "w.bin").write_bytes(CONTENT)
    handler = functools.partial(QuietHandler, directory=str(offered))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/w.bin"
        file = AssetFile("w.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
        monkeypatch.setitem(
            registry.ASSETS, "shared", registry.Asset("shared", "none", (file,), (AddressSource(address),))
        )
        monkeypatch.setenv("TALKER_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield Asset(address, offered / "w.bin")
        server.shutdown()


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the smallest checkpoint, in place of all."""
    shutil.copytree(store.CHECKPOINTS / "motion", tmp_path / "motion")
    monkeypatch.setattr(store, "CHECKPOINTS", tmp_path)
    return tmp_path / "motion"


def test_every_checkpoint_of_the_project_is_whole() -> None:
    for folder in store.CHECKPOINTS.iterdir():
        assert store.checkpoint(folder.name) == folder


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("model.safetensors", None, "missing"),
        ("config.json", None, "missing"),
        ("config.json", b"{", "damaged"),
        ("config.json", b"\xff\xfe", "damaged"),
        ("model.safetensors", b"", "damaged"),
        (
            "model.safetensors",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n",
            "Git LFS",
        ),
        ("model.safetensors", b"\x02" + bytes(7) + b"{}", "damaged"),
        ("model.safetensors", -100, "cut off"),
    ],
)
def test_damaged_checkpoints_are_named(checkpoints: Path, name: str, content: bytes | int | None, problem: str) -> None:
    if content is None:
        (checkpoints / name).unlink()
    else:
        whole = (checkpoints / name).read_bytes()
        (checkpoints / name).write_bytes(whole[:content] if isinstance(content, int) else content)
    with pytest.raises(AssetError, match=rf"motion.{name}.*{problem}"):
        store.checkpoint("motion")


def test_damaged_weights_are_fetched_again(asset: Asset) -> None:
    path = store.fetch("shared")
    for damaged in (CONTENT[:-1], b"", CONTENT[:-1] + b"x"):
        path.write_bytes(damaged)
        assert not store.is_there("shared")
        assert store.fetch("shared").read_bytes() == CONTENT


def test_a_source_with_other_content_is_refused_and_leaves_nothing(asset: Asset, tmp_path: Path) -> None:
    asset.file.write_bytes(CONTENT[::-1])
    with pytest.raises(AssetError, match=r"another file than.*put into .*cache"):
        store.fetch("shared")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_a_cache_that_cannot_be_made_is_named_with_its_cure(asset: Asset, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file is in the way")
    with pytest.raises(AssetError, match="Set TALKER_CACHE"):
        store.fetch("shared")


def test_two_processes_fill_one_cache(asset: Asset, tmp_path: Path) -> None:
    arguments = [asset.address, hashlib.sha256(CONTENT).hexdigest(), str(len(CONTENT)), str(time.time() + 3)]
    running = [subprocess.Popen([sys.executable, "-c", FILLING, *arguments]) for _ in range(4)]
    assert [process.wait(120) for process in running] == [0] * 4
    assert [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()] == ["w.bin"]


def test_a_track_that_cannot_be_kept_is_given_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").write_text("a file is in the way")
    monkeypatch.setenv("TALKER_CACHE", str(tmp_path / "cache"))
    video.write_video(Video(iter([np.zeros((64, 64, 3), np.uint8)] * 3), 3, 25.0, (64, 64)), tmp_path / "film.mp4")
    monkeypatch.setattr(tracking, "track_frames", lambda *_, **__: track_of_nothing())
    assert len(tracking.track_video(tmp_path / "film.mp4")) == 3


def test_films_of_strangers_keep_nothing_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tracking, "_STRANGERS", [])
    monkeypatch.setattr(tracking, "track_frames", lambda *_, **__: track_of_nothing())
    (tmp_path / "upload").mkdir()
    film = tmp_path / "upload" / "film.mp4"
    video.write_video(Video(iter([np.zeros((64, 64, 3), np.uint8)] * 3), 3, 25.0, (64, 64)), film)
    tracking.keep_tracks_beside(tmp_path)
    tracking.track_video(film)
    assert not (tmp_path / "cache").exists()
    assert sorted(path.suffix for path in film.parent.iterdir()) == [".mp4", ".npz"]


def track_of_nothing() -> tracking.FaceTrack:
    """A track of three frames whose face never moves."""
    landmarks = np.random.default_rng(0).random((1, 478, 3)).repeat(3, axis=0).astype(np.float32) * 50
    fit = tracking.SequenceFit(
        np.zeros(60), np.zeros((3, 52)), np.zeros((3, 3)), np.zeros((3, 2)), np.ones(3), np.zeros(3)
    )
    return tracking.FaceTrack(landmarks, np.ones(3, bool), np.zeros((3, 52), np.float32), fit, 25.0, (64, 64), "model")
