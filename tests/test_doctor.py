"""`talker doctor` names what is missing, with its cure, on machines where nothing else runs."""

import os
import subprocess
import venv
from pathlib import Path

import pytest

from talker import doctor
from talker.weights import registry

ROOT = Path(__file__).resolve().parents[1]


def test_a_machine_on_which_tests_run_has_all_packages_and_encoders() -> None:
    findings = {finding.what: finding for finding in doctor.examine()}
    for what in ("Python", "packages", "encoder libx264", "encoder aac", "checkpoint face-model"):
        assert not findings[what].cure, findings[what]
    assert not [finding for finding in findings.values() if "not installed" in finding.found]
    assert not [what for what, finding in findings.items() if what.startswith("checkpoint") and finding.cure]


def test_missing_weights_are_named_with_their_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TALKER_CACHE", str(tmp_path))
    assert doctor.main() == 1
    report = capsys.readouterr().out
    for name in registry.DEFAULT_ASSETS:
        assert f"MISSING weights {name}" in report
        assert f"talker fetch, or put its files into {tmp_path / name}" in report


@pytest.mark.parametrize("damage", [b"version https://git-lfs.github.com/spec/v1", b"", b"half"])
def test_damaged_checkpoints_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes) -> None:
    whole = ROOT / "checkpoints" / "emotion"
    (tmp_path / "emotion").mkdir()
    (tmp_path / "emotion" / "config.json").write_bytes((whole / "config.json").read_bytes())
    content = (whole / "model.safetensors").read_bytes()[:-1] if damage == b"half" else damage
    (tmp_path / "emotion" / "model.safetensors").write_bytes(content)
    monkeypatch.setattr(doctor, "resource", lambda name: tmp_path)
    findings = {finding.what: finding for finding in doctor.examine()}
    assert "again" in findings["checkpoint emotion"].cure


def test_it_runs_without_any_package_network_or_home(tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    python = tmp_path / "bare" / ("Scripts" if os.name == "nt" else "bin") / "python"
    environment = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9"}
    command = [str(python), "-m", "talker"]
    ran = subprocess.run([*command, "doctor"], env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (1, "")
    for part in (
        'pip install "numpy',
        'pip install "torch',
        "MISSING weights whisper_tiny_en",
        "checkpoint motion: there",
    ):
        assert part in ran.stdout
    ran = subprocess.run([*command, "--help"], env=environment, capture_output=True, text=True, check=False)
    assert "talker doctor" in ran.stderr
