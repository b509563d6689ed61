"""One meaning of an emotion: every entry point gives the same motion, and permissive opens no restricted file."""

from __future__ import annotations

import builtins
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from stand_ins import FakeRenderer

from talker import FaceMotion, SpeakOptions, Talker
from talker.batch import read_manifest, run_batch
from talker.cli import main
from talker.components import Components
from talker.emotion.catalogue import EMOTIONS, NamedEmotion
from talker.emotion.model import CHECKPOINT, emotion_model
from talker.emotion.plane import shares_at
from talker.emotion.resolve import SOURCES, EmotionRequest, resolve
from talker.example_faces import ADMIRAL
from talker.loaded import release
from talker.media.audio import save_speech
from talker.media.image import save_image
from talker.options import MAX_STRENGTH
from talker.speech import analysis, prosody
from talker.speech.analysis import SpeechAnalysis
from talker.speech.encoder import SpeechEncoder
from talker.types import Portrait, SpeechClip
from talker.web import handlers
from talker.web.inputs import PageInputs
from talker.weights.store import CHECKPOINTS

SENTENCE = "Maybe Bob will come, too."
STRENGTHS = (0.5, 1.0, 1.4)


@pytest.fixture(scope="module")
def talker() -> Talker:
    """The real engine with a renderer that draws a plane: what counts here is the motion."""
    components = dict(vars(Components.default())) | {
        "create_renderer": lambda portrait, options: FakeRenderer(portrait)
    }
    return Talker(Components(**components))


@pytest.fixture(scope="module")
def speech(talker: Talker) -> SpeechAnalysis:
    return talker.load_speech(text=SENTENCE)


def same(one: FaceMotion, other: FaceMotion) -> bool:
    return np.array_equal(one.blendshapes, other.blendshapes) and np.array_equal(one.pose, other.pose)


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("emotion", ["joy", "slightly nervous but hopeful"])
def test_every_entry_point_gives_the_same_motion(
    talker: Talker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emotion: str, strength: float
) -> None:
    options = SpeakOptions(strength=strength, seed=5)
    by_library = talker.speak(ADMIRAL, text=SENTENCE, emotion=emotion, options=options, out=tmp_path / "library.mp4")

    words = ["speak", f"--portrait={ADMIRAL}", f"--text={SENTENCE}", f"--emotion={emotion}", "--seed=5"]
    files = [f"--strength={strength}", f"--out={tmp_path / 'line.mp4'}", f"--motion={tmp_path / 'line.npz'}"]
    assert main([*words, *files], talker) == 0
    assert same(FaceMotion.load(tmp_path / "line.npz"), by_library.motion)

    made: list[FaceMotion] = []
    speak = talker.speak

    def noted(*arguments: object, **named: object) -> object:
        result = speak(*arguments, **named)  # type: ignore[arg-type]
        made.append(result.motion)
        return result

    monkeypatch.setattr(talker, "speak", noted)
    (tmp_path / "portrait.jpg").write_bytes(ADMIRAL.read_bytes())
    row = {"portrait": "portrait.jpg", "text": SENTENCE, "emotion": emotion, "strength": strength, "seed": 5}
    (tmp_path / "manifest.json").write_text(json.dumps([row]))
    assert run_batch(talker, read_manifest(tmp_path / "manifest.json"), tmp_path / "batch") == 1

    monkeypatch.setattr(handlers, "TALKER", talker)
    monkeypatch.setattr(talker, "fetch_weights", lambda progress, voice="": None)
    (tmp_path / "page").mkdir()
    source = (
        {"source": "label", "emotion": emotion} if emotion == "joy" else {"source": "text", "feeling_text": emotion}
    )
    inputs = PageInputs(picture=str(ADMIRAL), text=SENTENCE, strength=strength, seed=5, consent=True, **source)
    handlers.made(inputs, tmp_path / "page", handlers.Shown(lambda *shown, **more: None, lambda: False))
    assert len(made) == 2 and all(same(motion, by_library.motion) for motion in made)

    again = speak(ADMIRAL, text=SENTENCE, emotion=by_library.emotion, options=options, out=tmp_path / "again.mp4")
    assert same(again.motion, by_library.motion)


def test_an_alias_is_its_label(talker: Talker, speech: SpeechAnalysis) -> None:
    portrait = talker.analyze_portrait(ADMIRAL)
    for strength in STRENGTHS:
        options = SpeakOptions(strength=strength)
        joy, happy = (
            talker.animate(speech, talker.encode_emotion(word), options, portrait) for word in ("joy", "happy")
        )
        assert same(joy, happy)


def test_the_portrait_changes_the_motion_and_not_the_emotion(talker: Talker, speech: SpeechAnalysis) -> None:
    code = talker.encode_emotion("sad")
    smiling: Portrait = talker.analyze_portrait(ADMIRAL)
    fitted, plain = talker.animate(speech, code, SpeakOptions(), smiling), talker.animate(speech, code, SpeakOptions())
    assert not same(fitted, plain)
    assert np.array_equal(code.blendshape_offset, resolve("sad").blendshape_offset)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The paths of all files that are opened, by whichever way Python and the weights' reader have."""
    paths: list[str] = []
    plain, low = builtins.open, os.open

    def noted(path: object, *arguments: object, **named: object) -> object:
        paths.append(str(path))
        return plain(path, *arguments, **named)  # type: ignore[call-overload]

    def noted_low(path: object, *arguments: object, **named: object) -> object:
        paths.append(str(path))
        return low(path, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "open", noted)
    monkeypatch.setattr(io, "open", noted)
    monkeypatch.setattr(os, "open", noted_low)
    for module in (
        "safetensors.torch.load_file",
        "talker.emotion.prototypes.safe_open",
        "talker.emotion.space.load_file",
    ):
        target = module.rsplit(".", 1)
        owner = __import__(target[0], fromlist=["x"])
        real = getattr(owner, target[1])
        monkeypatch.setattr(
            owner, target[1], lambda path, *a, real=real, **k: (paths.append(str(path)), real(path, *a, **k))[1]
        )
    release()
    yield paths
    release()


def values_of(folder: Path, speech: SpeechAnalysis) -> dict[str, str]:
    """Something to hand in for every source."""
    save_speech(speech.clip, folder / "voice.wav")
    (folder / "timeline.json").write_text(json.dumps([{"start_s": 0, "emotion": "calm but proud"}]))
    return {
        "speech": "", "label": "happy", "text": "slightly nervous", "picture": str(ADMIRAL),
        "voice": str(folder / "voice.wav"), "video": str(folder / "film.mp4"), "mix": "happy=.6,fear=.4",
        "map": "0.5,0.5", "timeline": str(folder / "timeline.json"),
    }  # fmt: skip


def test_permissive_opens_no_restricted_checkpoint(
    talker: Talker, speech: SpeechAnalysis, tmp_path: Path, opened: list[str]
) -> None:
    values = values_of(tmp_path, speech)
    assert set(values) == set(SOURCES)
    talker.speak(ADMIRAL, text="Oh!", emotion="happy", options=SpeakOptions(permissive=True), out=values["video"])
    still = talker.analyze_portrait(ADMIRAL).image  # a film of a face, for the source that reads films
    from talker.media.video import write_video
    from talker.types import Video

    write_video(Video(iter([still] * 6), 6, 25.0, (still.shape[1], still.shape[0])), tmp_path / "film.mp4")
    for source, value in values.items():
        code = talker.encode_emotion(EmotionRequest(source, value), speech, permissive=True)
        assert 0 <= code.strength.max() <= MAX_STRENGTH, source
    tagged = talker.speak(
        ADMIRAL,
        text="[slightly nervous] Oh! [sad:.5] No.",
        options=SpeakOptions(permissive=True),
        out=tmp_path / "t.mp4",
    )
    assert tagged.emotion.source.startswith("timeline")
    (tmp_path / "portrait.jpg").write_bytes(ADMIRAL.read_bytes())
    rows = [{"portrait": "portrait.jpg", "text": "Oh!", "emotion": "calm, then furious", "permissive": True}]
    (tmp_path / "manifest.json").write_text(json.dumps(rows))
    assert run_batch(talker, read_manifest(tmp_path / "manifest.json"), tmp_path / "batch") == 1
    restricted = str(CHECKPOINTS / CHECKPOINT) + os.sep
    assert [path for path in opened if path.startswith(restricted)] == []
    assert [path for path in opened if "emotion-permissive" in path], "the watch sees what is opened"
    talker.encode_emotion("happy")
    assert [path for path in opened if path.startswith(restricted)], "and would have seen a restricted file"


@pytest.fixture
def smug(monkeypatch: pytest.MonkeyPatch) -> NamedEmotion:
    """A row that no checkpoint knows."""
    row = NamedEmotion(
        "smug", {"L12": 0.8, "R12": 0.4, "L14": 0.6, "2": 0.3, "43": 0.2}, {"contempt": 0.6, "happy": 0.4},
        (0.35, 0.05, 0.75), aliases=("self-satisfied",),
    )  # fmt: skip
    monkeypatch.setitem(EMOTIONS, row.name, row)
    return row


def test_a_new_row_of_the_catalogue_works_at_once(talker: Talker, speech: SpeechAnalysis, smug: NamedEmotion) -> None:
    code = talker.encode_emotion("self-satisfied")
    assert np.linalg.norm(code.embedding) == pytest.approx(1.0, abs=1e-5)
    motion = talker.animate(speech, code, SpeakOptions())
    assert not same(motion, talker.animate(speech, talker.encode_emotion("neutral"), SpeakOptions()))
    space = emotion_model().space
    assert space.names[-1] == "smug" and space.read(code.embedding).weights.argmax() == len(EMOTIONS) - 1
    nearest = [space.names[index] for index in np.argsort(-(space.prototypes @ code.embedding[0]))[1:9]]
    assert {"contempt", "proud", "confident", "sarcasm", "mischievous"} & set(nearest)
    assert np.allclose(resolve(EmotionRequest("mix", "smug=1")).blendshape_offset, code.blendshape_offset, atol=1e-5)
    assert "smug" in resolve("a bit smug").source and resolve("a bit smug").strength < 1
    assert shares_at(*smug.affect[:2]) == {"smug": 1.0}


def test_a_new_rows_place_is_where_training_would_have_put_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget known rows one by one: each comes back near its own place, nearer than to most others'."""
    from talker.emotion.prototypes import added_prototypes

    known = emotion_model().prototypes
    cosines = []
    for name in ("furious", "tender", "bored", "panicked", "amused", "lonely"):
        place = added_prototypes({other: row for other, row in known.items() if other != name})[name]
        cosines.append(float(place @ known[name]))
    assert min(cosines) > 0.5 and np.mean(cosines) > 0.7


def test_speech_is_measured_once(talker: Talker, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: dict[str, int] = {}

    def counted(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def call(*arguments: object, **named: object) -> object:
            calls[name] = calls.get(name, 0) + 1
            return real(*arguments, **named)

        monkeypatch.setattr(owner, name, call)

    counted(prosody, "measure")
    counted(analysis, "at_rate")
    counted(analysis, "activity")
    counted(SpeechEncoder, "encode_layers")
    noise = np.random.default_rng(0).normal(0, 0.05, 3 * 24000).astype(np.float32)
    heard = talker.load_speech(SpeechClip(noise, 24000))
    code = talker.encode_emotion(EmotionRequest("speech"), heard)
    for strength in STRENGTHS:
        talker.animate(heard, code, SpeakOptions(strength=strength))
    assert calls == {"measure": 1, "at_rate": 1, "activity": 1, "encode_layers": 1}


def test_models_are_released_and_loaded_again(talker: Talker) -> None:
    before = emotion_model()
    assert emotion_model() is before
    talker.release()
    assert emotion_model() is not before


def test_a_slow_portrait_holds_nobody_up(talker: Talker, tmp_path: Path) -> None:
    import threading

    from talker.recent import Recent

    kept: Recent[str] = Recent(4)
    kept.get("known", lambda: "cached")
    started, go = threading.Event(), threading.Event()

    def slow() -> str:
        started.set()
        assert go.wait(10)
        return "slow"

    thread = threading.Thread(target=kept.get, args=("slow", slow))
    thread.start()
    assert started.wait(10)
    assert kept.get("known", lambda: "made again") == "cached"  # while the slow one is still being made
    go.set()
    thread.join(10)
    assert kept.get("slow", lambda: "made again") == "slow"
    save_image(np.zeros((8, 8, 3), np.uint8), tmp_path / "unused.png")


def test_what_is_kept_weighs_no_more_than_allowed_but_the_newest_stays() -> None:
    from talker.recent import Recent

    kept: Recent[str] = Recent(10, len)
    for text in ("four", "five!", "six six"):
        kept.get(text, lambda text=text: text)  # type: ignore[misc]
    assert kept.get("four", lambda: "new") == "new", "16 letters were too many, and this was the oldest"
    assert kept.get("x" * 20, lambda: "x" * 20) == "x" * 20
    assert kept.get("x" * 20, lambda: "again") == "x" * 20
