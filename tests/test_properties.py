"""Whatever people write into settings, timelines, manifests and texts: it is understood, or refused in words."""

import csv
import dataclasses
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from talker.batch import COLUMNS, Job, read_manifest
from talker.emotion.labels import label_code
from talker.emotion.timeline import Moment, load_timeline, split_tags, timeline_code
from talker.errors import EmotionError, InputError, OptionsError
from talker.files import prepare_outputs
from talker.limits import MACROBLOCKS, MACROBLOCKS_PER_SECOND, film_scale
from talker.media.channels import mixing_weights
from talker.options import MAX_STRENGTH, SpeakOptions
from talker.types import EMOTION_LABELS

CHECKS = [HealthCheck.function_scoped_fixture]  # a folder may be shared by the examples of one test
settings.register_profile("talker", deadline=None, derandomize=True, max_examples=60, suppress_health_check=CHECKS)
settings.load_profile("talker")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
OPTIONS = tuple(field.name for field in dataclasses.fields(SpeakOptions))
TEXTS = st.text(max_size=80)


@given(st.dictionaries(st.sampled_from(OPTIONS) | st.text(max_size=10), JSON, max_size=6) | JSON)
def test_any_settings_file_is_taken_or_refused(tmp_path: Path, values: Any) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(values))
    try:
        read = SpeakOptions.load(path)
    except OptionsError as error:
        assert str(error)
        return
    read.save(path)
    assert SpeakOptions.load(path) == read


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_as_settings_and_timelines(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.json"
    path.write_bytes(content)
    for read, error in (
        (SpeakOptions.load, OptionsError),
        (lambda path: load_timeline(path, 2.0, label_code), EmotionError),
    ):
        try:
            read(path)
        except error as refusal:
            assert "any.json" in str(refusal) or "moment" in str(refusal)


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "start_s": st.floats(allow_nan=True) | JSON,
                "emotion": st.sampled_from(EMOTION_LABELS) | TEXTS | JSON,
                "strength": st.floats() | JSON,
            },
        )
        | JSON,
        max_size=5,
    )
    | JSON
)
def test_any_timeline_is_a_code_or_refused(tmp_path: Path, rows: Any) -> None:
    path = tmp_path / "timeline.json"
    path.write_text(json.dumps(rows))
    try:
        code = load_timeline(path, 2.0, label_code)
    except EmotionError:
        return
    assert np.isfinite(code.blendshape_offset).all()
    assert (code.strength >= 0).all()
    assert (code.strength <= MAX_STRENGTH).all()


@given(
    st.lists(st.floats(0, 5), min_size=1, max_size=6, unique=True).map(sorted),
    st.lists(st.tuples(st.sampled_from(EMOTION_LABELS), st.floats(0, 1.5)), min_size=6, max_size=6),
    st.floats(0.1, 6),
)
def test_a_timeline_stays_between_its_moments(
    starts: list[float], feelings: list[tuple[str, float]], duration_s: float
) -> None:
    moments = [Moment(start, label_code(label), strength) for start, (label, strength) in zip(starts, feelings)]  # noqa: B905
    code = timeline_code(moments, duration_s)
    assert len(code.strength) == max(2, round(duration_s * 25))
    assert code.strength.max() <= max(moment.strength for moment in moments) + 1e-5
    assert np.allclose(np.linalg.norm(code.embedding, axis=1), 1, atol=1e-3)


@given(TEXTS)
def test_text_without_brackets_is_spoken_as_it_is(text: str) -> None:
    plain = text.replace("[", "(").replace("]", ")")
    spoken, tags = split_tags(plain)
    assert tags == []
    assert spoken.replace(" ", "") == "".join(plain.split())


@given(
    st.lists(
        st.tuples(
            st.text("abc ", min_size=1, max_size=12), st.sampled_from(EMOTION_LABELS), st.none() | st.floats(0, 1.5)
        ),
        max_size=6,
    )
)
def test_tags_are_found_where_they_were_written(parts: list[tuple[str, str, float | None]]) -> None:
    text = "".join(
        f"{words} [{label}{f':{strength:.2f}' if strength is not None else ''}] " for words, label, strength in parts
    )
    spoken, tags = split_tags(text)
    assert spoken.split() == " ".join(words for words, _, _ in parts).split()
    assert [tag.emotion for tag in tags] == [label for _, label, _ in parts]
    for tag, (_, _, strength) in zip(tags, parts, strict=True):
        assert tag.strength == pytest.approx(1.0 if strength is None else strength, abs=0.006)
    assert [tag.words_before for tag in tags] == sorted(tag.words_before for tag in tags)


@given(TEXTS)
def test_any_text_has_tags_or_is_refused(text: str) -> None:
    try:
        spoken, tags = split_tags(f"[{text}] Hi [")
    except InputError:
        return
    assert "Hi" in spoken
    assert all(0 <= tag.strength <= MAX_STRENGTH for tag in tags)


@given(
    st.lists(st.dictionaries(st.sampled_from(COLUMNS) | st.text(max_size=8), JSON, max_size=6) | JSON, max_size=4)
    | JSON
)
def test_any_manifest_is_a_list_of_jobs_or_refused(tmp_path: Path, rows: Any) -> None:
    (tmp_path / "a.png").touch()
    (tmp_path / "manifest.json").write_text(json.dumps(rows))
    try:
        jobs = read_manifest(tmp_path / "manifest.json")
    except InputError as error:
        assert "manifest" in str(error)
        return
    assert len(jobs) == len(rows)
    assert all(job.portrait.is_relative_to(tmp_path) for job in jobs if isinstance(job, Job))


@given(
    st.sampled_from(",;\t|"),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(str.strip),
    st.sampled_from(EMOTION_LABELS),
    st.floats(0, MAX_STRENGTH),
    st.booleans(),
    st.sampled_from(["utf-8", "utf-8-sig"]),
)
def test_a_csv_says_the_same_in_every_dialect(
    tmp_path: Path, delimiter: str, text: str, label: str, strength: float, still: bool, encoding: str
) -> None:
    (tmp_path / "a.png").touch()
    sheet = io.StringIO()
    writer = csv.writer(sheet, delimiter=delimiter)
    writer.writerow([" Portrait", "TEXT ", "Emotion", "strength", "Still"])
    writer.writerow(["a.png ", text, label, strength, "yes" if still else "No"])
    (tmp_path / "m.csv").write_text(sheet.getvalue(), encoding=encoding, newline="")
    (job,) = read_manifest(tmp_path / "m.csv")
    assert isinstance(job, Job)
    assert (job.text, job.emotion, job.options.still) == (text.strip(), label, still)
    assert job.options.strength == pytest.approx(strength)


@given(st.text(max_size=300))
def test_any_name_of_an_output_is_taken_or_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "input.png").touch()
    try:
        prepare_outputs([tmp_path / name.replace("/", "_")], [tmp_path / "input.png"])
    except InputError as error:
        assert "can't be written" in str(error)
    else:
        assert name.casefold() != "input.png"


@given(st.integers(1, 30000), st.integers(1, 30000), st.floats(10, 60))
def test_films_fit_players(width: int, height: int, fps: float) -> None:
    scale = film_scale(width, height, fps)
    blocks = math.ceil(int(width * scale) / 16) * math.ceil(int(height * scale) / 16)
    assert 0 < scale <= 1
    assert blocks <= MACROBLOCKS
    assert blocks * fps <= MACROBLOCKS_PER_SECOND * 1.0001


@given(st.lists(st.lists(st.floats(-1, 1), min_size=6, max_size=6), min_size=3, max_size=8))
def test_mixed_channels_are_as_loud_as_the_loudest(signals: list[list[float]]) -> None:
    channels = np.array(signals)
    power = np.cov(channels, bias=True)
    weights = mixing_weights(power, ["NONE"] * len(channels))
    assert np.isfinite(weights).all()
    if power.max() > 1e-6:
        assert weights @ power @ weights == pytest.approx(np.diag(power).max(), rel=1e-6)
