"""What the README says is run: its snippet, its command lines, and the two commands of its first screen."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from skimage.data import astronaut

from talker.cli import main
from talker.media import provenance, video_reader

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SPEECH_SECONDS = 0.6


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_first_screen_has_the_two_commands() -> None:
    first_screen = README.split("---\n", 2)[2].splitlines()[:25]
    assert "pip install -r requirements.txt && python app.py" in first_screen
    assert "pip install -r requirements.txt && python -m pytest" in first_screen
    assert (ROOT / "requirements.txt").is_file()
    assert (ROOT / "app.py").is_file()


def test_the_continuous_integration_runs_the_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    pattern = re.search(r"--line-regexp '(.*)' README\.md", script)
    assert pattern is not None
    found = [line for line in README.splitlines() if re.fullmatch(pattern[1], line)]
    assert found == ["pip install -r requirements.txt && python -m pytest"]


def test_the_snippet_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snippet = blocks("python")[0]  # the other one needs the page and is run by its tests
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet.replace("Good morning! I have been waiting for this.", "Hi!"), "README.md", "exec"), {})
    reader = video_reader.open_video(tmp_path / "morning.mp4")
    assert (reader.size, reader.fps) == ((512, 512), 25.0)
    assert provenance.is_generated(tmp_path / "morning.mp4")


def test_the_command_lines_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = [line for block in blocks("bash") for line in block.splitlines() if line.startswith("python -m talker")]
    assert len(commands) == 3
    monkeypatch.chdir(tmp_path)
    Image.fromarray(astronaut()[:256, 96:352]).save("portrait.jpg")
    moments = np.arange(round(SPEECH_SECONDS * 16000)) / 16000
    soundfile.write("voice.wav", 0.3 * np.sin(2 * np.pi * 150 * moments) * np.sin(2 * np.pi * 3 * moments), 16000)
    for command in commands:
        words = shlex.split(command.replace("I can't believe it.", "Oh!").replace("tired but proud", "calm"))
        assert main(words[3:]) == 0
        out = Path(words[words.index("--out") + 1])
        assert out.suffix == ".png" or video_reader.open_video(out).frame_count > 5
    assert Image.open("comparison.png").size == (6 * 256, 4 * (256 + 24))
    assert (tmp_path / "surprised.npz").is_file()
    assert (tmp_path / "surprised.csv").is_file()


def test_links_and_paths_in_the_readme_exist() -> None:
    for name in ("packages.txt", "LICENSE", "tests", "checkpoints", *re.findall(r"\]\((?!http)([^)#]+)", README)):
        assert (ROOT / name).exists(), name
