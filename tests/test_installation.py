"""What the package says about itself: dependencies, versions, and that its import costs next to nothing."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import talker

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
INSTALLED_BY_REQUIREMENTS = ("train", "eval", "dev")
OWN = {"talker", "app", *(path.stem for path in (ROOT / "tests").rglob("*.py"))}
OTHERWISE_NAMED = {  # where metadata names compiled parts only, or the README's command doesn't install the package
    "dlib": ["dlib-bin"],
    "pyopenjtalk": ["pyopenjtalk-plus"],
}
DOCKERFILE_WORDS = ("FROM", "WORKDIR", "ARG", "ENV", "COPY", "RUN", "USER", "EXPOSE", "CMD")
OPTIONAL = {"spaces", "c2pa"}  # what Hugging Face Spaces bring, and an extra; the code asks whether they are there
HEAVY = ("torch", "cv2", "scipy", "numba", "gradio", "matplotlib", "mediapipe", "librosa", "av", "PIL")


def names(requirements: Iterable[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in requirements}


def imports(path: Path) -> Iterator[str]:
    """First parts of the names of the modules that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def extras_for(path: Path) -> tuple[str, ...]:
    """The extras that somebody who runs this file has."""
    folder = path.relative_to(ROOT).parts[:2]
    if folder[0] == "tests" or path.name == "measure.py":  # the latter drives the page in a browser
        return tuple(EXTRAS)
    if path.parent.name == "readers":
        return ("voices",)
    extras = {"training": ("train",), "evaluation": ("eval",), "live": ("live",), "crew.py": ("ray",)}
    return extras.get(folder[-1], ())


def test_every_import_is_a_declared_dependency() -> None:
    distributions = {**packages_distributions(), **OTHERWISE_NAMED}
    missing = set()
    for path in [*(ROOT / "talker").rglob("*.py"), *(ROOT / "tests").rglob("*.py"), ROOT / "app.py"]:
        declared = names([*PROJECT["dependencies"], *(line for extra in extras_for(path) for line in EXTRAS[extra])])
        for name in set(imports(path)) - OWN - OPTIONAL - sys.stdlib_module_names:
            if not declared & {canonicalize_name(found) for found in distributions.get(name, [name])}:
                missing.add(f"{path.relative_to(ROOT)} imports {name}")
    assert missing == set()


def test_requirements_are_the_pinned_dependencies_of_the_project() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned: dict[str, list[str]] = {}
    for requirement in (Requirement(line) for line in lines if not line.startswith("#")):
        (version,) = [part.version for part in requirement.specifier if part.operator == "=="]
        pinned.setdefault(canonicalize_name(requirement.name), []).append(version)
    wanted = [*PROJECT["dependencies"], *(line for extra in INSTALLED_BY_REQUIREMENTS for line in EXTRAS[extra])]
    for requirement in map(Requirement, wanted):
        versions = pinned.get(canonicalize_name(requirement.name), [])
        fits = any(requirement.specifier.contains(version) for version in versions)
        assert fits, f"run .ci/requirements: {requirement}"


def test_dependencies_are_ranges() -> None:
    for requirement in map(Requirement, [*PROJECT["dependencies"], *chain(*EXTRAS.values())]):
        assert {part.operator for part in requirement.specifier} == {">=", "<"}, requirement


def test_the_version_stands_in_one_place() -> None:
    assert PROJECT["dynamic"] == ["version"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)", changes, re.MULTILINE)[0] == talker.__version__


@pytest.mark.parametrize("statement", ["import talker", "from talker.cli import main; main(['--help'])"])
def test_nothing_heavy_is_imported_before_it_is_needed(statement: str) -> None:
    program = f"import sys\ntry:\n  {statement}\nexcept SystemExit: pass\nprint(*sys.modules, file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not set(HEAVY) & set(ran.stderr.split())


def test_the_readme_names_the_platforms_that_are_resolved() -> None:
    script = (ROOT / ".ci" / "resolve").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (macos,) = re.findall(r"MACOSX_DEPLOYMENT_TARGET=(\d+)", script)
    (glibc,) = set(re.findall(r"manylinux_(\d+_\d+)", script))
    assert f"macOS {macos}" in readme
    assert f"glibc {glibc.replace('_', '.')}" in readme


def test_the_dockerfile_names_files_that_are_there() -> None:
    """And leaves none of them out of the build; `test_wheel` runs its commands."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    steps = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    assert [word for word, _ in steps if word not in DOCKERFILE_WORDS] == []
    named = {name for _, rest in steps for name in re.findall(r"\b\w+\.(?:txt|toml)\b", rest)}
    left_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert named == {"packages.txt", "requirements.txt"}
    for name in (*named, "pyproject.toml", "README.md", "LICENSE", "assets", "checkpoints", "talker"):
        assert (ROOT / name).exists()
        assert not any(fnmatch(name, pattern) for pattern in left_out)
