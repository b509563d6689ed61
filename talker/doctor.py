"""`talker doctor`: what this machine has of what Talker needs, what is missing, and its cure. A report to paste.

It runs where nothing else does: without any dependency, without a network, with an empty home folder.
"""

from __future__ import annotations

import ctypes.util
import importlib
import importlib.util
import json
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from talker.resources import PACKAGE, resource
from talker.version import __version__
from talker.weights import registry, sources, store

DISTRIBUTION = "talker-portrait"
SYSTEM_LIBRARIES = {"EGL": "libegl1", "GLESv2": "libgles2", "GL": "libgl1"}  # Debian's packages that have them
ENCODERS = ("libx264", "aac")
FREE_BYTES = 1_000_000_000  # of disk: weights, and room for a film
FREE_MEMORY_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. cure: what to do; empty where all is well. needed: without it no film is made."""

    what: str
    found: str
    cure: str = ""
    needed: bool = True

    def __str__(self) -> str:
        sign = "ok     " if not self.cure else "MISSING" if self.needed else "note   "
        return f"{sign} {self.what}: {self.found}" + (f"\n          cure: {self.cure}" if self.cure else "")


def main() -> int:
    """Print the report; 1 when something is missing that films need."""
    findings = list(examine())
    print(f"Talker {__version__}\n" + "\n".join(str(finding) for finding in findings))
    missing = sum(bool(finding.cure) and finding.needed for finding in findings)
    print(f"{missing} things are missing." if missing else "All that films need is there.")
    return int(missing > 0)


def examine() -> Iterator[Finding]:
    """Look at everything, from the ground up."""
    yield from _machine()
    yield from _dependencies()
    yield from _libraries()
    yield from _encoders()
    yield from _checkpoints()
    yield from _weights()


def _machine() -> Iterator[Finding]:
    yield Finding("program", f"{PACKAGE}, Python {platform.python_version()} at {sys.executable}")
    old = sys.version_info < (3, 11) or sys.version_info >= (3, 14)
    yield Finding("Python", platform.python_version(), "install Python 3.11, 3.12 or 3.13" if old else "")
    yield Finding("machine", f"{platform.platform()}, {platform.machine()}, {os.cpu_count()} processors")
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        cure = "" if memory >= FREE_MEMORY_BYTES else "choose --size crop512 or smaller pictures"
        yield Finding("memory", f"{memory / 1e9:.1f} GB", cure, needed=False)
    except (AttributeError, ValueError):  # Windows has no sysconf
        pass
    for what, folder in (("cache", store.cache_folder()), ("temporary files", Path(tempfile.gettempdir()))):
        yield _disk(what, folder)


def _disk(what: str, folder: Path) -> Finding:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    cure = "free some space, or set TALKER_CACHE and TMPDIR to another disk" if free < FREE_BYTES else ""
    if not os.access(existing, os.W_OK):
        cure = f"make {existing} writable, or set TALKER_CACHE and TMPDIR to folders that are"
    return Finding(what, f"{folder}, {free / 1e9:.1f} GB free", cure)


def _dependencies() -> Iterator[Finding]:
    """Each requirement of the package against what is installed."""
    try:
        lines = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:  # a checkout that nobody has installed
        import tomllib

        lines = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    parse = _requirement_parser()
    fine = 0
    for line in lines:
        name = re.match(r"[\w.-]+", line)
        requirement = parse(line) if parse else None
        if (
            name is None
            or "extra ==" in line
            or (requirement and requirement.marker and not requirement.marker.evaluate())
        ):
            continue
        try:
            version = metadata.version(name[0])
        except metadata.PackageNotFoundError:
            yield Finding(name[0], "not installed", f'pip install "{line.partition(";")[0].strip()}"')
            continue
        if requirement and not requirement.specifier.contains(version, prereleases=True):
            yield Finding(name[0], f"version {version}", f'pip install "{line.partition(";")[0].strip()}"')
        else:
            fine += 1
    yield Finding("packages", f"{fine} are installed in versions that fit")


def _requirement_parser() -> Any:
    """`packaging`'s Requirement, from pip where nothing else has it; None where there is no pip either."""
    for module in ("packaging.requirements", "pip._vendor.packaging.requirements"):
        try:
            return importlib.import_module(module).Requirement
        except ImportError:
            continue
    return None


def _libraries() -> Iterator[Finding]:
    """System libraries that the face detector opens on Linux."""
    for name, package in SYSTEM_LIBRARIES.items() if platform.system() == "Linux" else ():
        found = ctypes.util.find_library(name)
        yield Finding(f"lib{name}", found or "not there", "" if found else f"apt-get install {package}")
    if importlib.util.find_spec("torch") is None:
        return
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none, which is fine"
    yield Finding("GPU", f"{gpu} (PyTorch {torch.__version__})")


def _encoders() -> Iterator[Finding]:
    """What writes films: FFmpeg's libraries in PyAV, and its program for comparisons."""
    if importlib.util.find_spec("av") is not None:
        import av

        for name in ENCODERS:
            there = name in av.codecs_available
            cure = "" if there else "pip install --force-reinstall av, whose wheels have it"
            yield Finding(f"encoder {name}", "there" if there else "not in this build of FFmpeg", cure)
    if importlib.util.find_spec("imageio_ffmpeg") is not None:
        import imageio_ffmpeg

        try:
            yield Finding("ffmpeg", imageio_ffmpeg.get_ffmpeg_exe())
        except RuntimeError as error:
            yield Finding("ffmpeg", str(error), "apt-get install ffmpeg (for comparisons and previews)", needed=False)


def _checkpoints() -> Iterator[Finding]:
    """Talker's own weights."""
    folder = resource("checkpoints")
    names = sorted(path.name for path in folder.glob("*") if path.is_dir()) if folder.is_dir() else []
    if not names:
        yield Finding("checkpoints", f"none at {folder}", "install Talker again, or clone its repository whole")
    for name in names:
        weights = folder / name / "model.safetensors"
        whole = _is_whole(weights) and (folder / name / "config.json").is_file()
        cure = "" if whole else "install Talker again, or check the file out again (git lfs pull, git checkout)"
        yield Finding(f"checkpoint {name}", "there" if whole else f"damaged at {weights}", cure)


def _is_whole(weights: Path) -> bool:
    """Whether a safetensors file is as long as its header says; a pointer of Git LFS, or half a file, is not."""
    try:
        with weights.open("rb") as file:
            start = 8 + int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(max(0, min(start - 8, weights.stat().st_size))))
        ends = [row["data_offsets"][1] for name, row in header.items() if name != "__metadata__"]
        return bool(start + max(ends) == weights.stat().st_size)
    except (OSError, ValueError):
        return False


def _weights() -> Iterator[Finding]:
    """Fetched weights, and whether the Hub could be asked for them."""
    for name, asset in registry.ASSETS.items():
        there = store.is_there(name)
        needed = name in registry.DEFAULT_ASSETS
        cure = (
            ""
            if there
            else f"talker fetch{'' if needed else ' --all'}, or put its files into {store.cache_folder() / name}"
        )
        size = f"{asset.size / 1e6:.0f} MB"
        yield Finding(f"weights {name}", f"{asset.title}, {size}{'' if there else ', not there'}", cure, needed)
    try:
        reachable = sources.hub_reachable()
    except ImportError:  # its client is among the packages that are missing
        return
    cure = "" if reachable else "weights come from their publishers and the package index, where those answer"
    yield Finding("Hugging Face Hub", "answers" if reachable else "doesn't answer", cure, needed=False)
