"""The short form of `python -m talker evaluate fuzz`, and whether the fuzzer would notice."""

from pathlib import Path

import pytest

from talker.errors import TalkerError
from talker.evaluation import fuzz
from talker.evaluation.fuzz_seeds import seeds

FAILING = Path(__file__).resolve().parent / "data" / "failing"


def test_healthy_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    for kind, files in seeds().items():
        for name, content in files:
            path = tmp_path / f"seed.{name}"
            path.write_bytes(content)
            fuzz.READERS[kind](path)


def test_broken_files_are_refused_in_words_or_read() -> None:
    table = fuzz.table(FAILING, count=150)
    assert "problems (0 wanted): 0" in table, table


def test_an_input_depends_on_its_number_alone() -> None:
    made = [fuzz.broken(number) for number in (3, 4, 3)]
    assert made[0] == made[2] != made[1]


@pytest.mark.parametrize(
    ("slip", "told"),
    [
        ("raise KeyError('slip')", "ends the process with 1: KeyError: 'slip'"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ends the process with -11"),
        ("import time; time.sleep(60)", "hangs for"),
        ("held = bytearray(1_600_000_000)", "takes the memory to"),
    ],
)
def test_what_goes_wrong_is_told(monkeypatch: pytest.MonkeyPatch, slip: str, told: str) -> None:
    """Input 7 gets a reader with a slip; the inputs beside it are read as ever."""
    plain = fuzz.subprocess.Popen

    def with_slip(command: list[str], **settings: object) -> object:
        prepared = (
            "from talker.evaluation import fuzz\nplain = fuzz.attempt\n"
            f"def attempt(number, data=None):\n    if number == 7:\n        {slip}\n    return plain(number, data)\n"
            "fuzz.attempt = attempt\n"
        )
        return plain([*command[:2], prepared + command[2]], **settings)  # type: ignore[call-overload]

    monkeypatch.setattr(fuzz, "HANGS_AFTER", 5.0 if "sleep" in slip else 60.0)
    monkeypatch.setattr(fuzz.subprocess, "Popen", with_slip)
    table = fuzz.table(count=4, first=6)
    assert f"input 7 {told}" in table
    assert "problems (0 wanted): 1" in table


def test_errors_of_the_family_are_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise TalkerError("no")

    monkeypatch.setattr(fuzz, "READERS", dict.fromkeys(fuzz.READERS, refuse))
    assert fuzz.attempt(1)[1] == "refused"


@pytest.mark.fuzz
def test_many_broken_files_are_refused_in_words_or_read() -> None:
    """A tenth of what `talker evaluate fuzz` reads, and none of what the short form does."""
    table = fuzz.table(FAILING, count=1200, first=1000)
    assert "problems (0 wanted): 0" in table, table
