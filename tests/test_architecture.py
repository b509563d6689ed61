"""The rules of the project that a machine can check: import order, sizes, annotations, and what must not appear."""

import ast
import re
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = sorted((ROOT / "talker").rglob("*.py"))
SOURCES = [*PACKAGE, *ROOT.glob("*.py"), *sorted((ROOT / "tests").rglob("*.py"))]
TEXTS = [*SOURCES, *ROOT.glob("*.md"), *ROOT.glob("*.txt"), *ROOT.glob("*.toml"), ROOT / ".ci" / "run"]
TEXTS += [*(ROOT / "docs").rglob("*.md"), *(ROOT / "checkpoints").rglob("*.md")]
# every package may import those before it; packages in one row may not import one another, unless ALSO says so
LEVELS = (
    ("types", "options", "errors", "blendshapes"),
    ("weights",),
    ("media",),
    ("face", "speech"),
    ("portrait", "emotion", "motion", "render"),
    ("example_faces",),
    ("data",),
    ("pipeline", "training"),
    ("", "evaluation", "batch"),
    ("workbench",),
    ("web",),
    ("cli",),
    ("__main__",),
    ("app",),
)
ALSO = {("types", "errors"), ("types", "options"), ("options", "errors"), ("types", "blendshapes"), ("", "pipeline")}
PRINTING = ("cli.py", "training/", "evaluation/")  # commands that talk to the person who runs them
MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 350


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in [*PACKAGE, *ROOT.glob("*.py")]}


def imported_modules(path: Path) -> set[str]:
    """The project's own modules that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in MODULES}
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in inner}
    return found


def package_of(module: str) -> str:
    """`talker.face.model` -> `face`; `talker` -> the empty name; `app` -> `app`."""
    parts = module.split(".")
    return parts[0] if parts[0] != "talker" else "".join(parts[1:2])


def level(name: str) -> int:
    return next(index for index, components in enumerate(LEVELS) if name in components)


def test_every_package_has_a_place_in_the_order() -> None:
    known = {name for components in LEVELS for name in components}
    assert {package_of(module) for module in MODULES} <= known


def test_imports_point_down() -> None:
    wrong = []
    for module, path in MODULES.items():
        for other in imported_modules(path):
            above, below = package_of(module), package_of(other)
            if above != below and (above, below) not in ALSO and level(below) >= level(above):
                wrong.append(f"{module} imports {other}")
    assert wrong == []


def test_no_import_cycles() -> None:
    graph = {module: imported_modules(path) - {module, "talker"} for module, path in MODULES.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_files_and_functions_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= MAX_FUNCTION_LINES, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_modules_say_what_they_are_for(path: Path) -> None:
    assert ast.get_docstring(tree(path))


@pytest.mark.parametrize("path", PACKAGE, ids=shown)
def test_public_functions_are_annotated_and_described(path: Path) -> None:
    for node in tree(path).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            bare = [entry.arg for entry in arguments if not entry.annotation and entry.arg not in ("self", "cls")]
            assert not bare, f"{node.name} does not annotate {bare}"
            assert node.returns is not None, f"{node.name} does not say what it returns"


@pytest.mark.parametrize("path", PACKAGE, ids=shown)
def test_no_prints_bare_excepts_or_pickles(path: Path) -> None:
    inside = path.relative_to(ROOT / "talker").as_posix()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else ""
            assert caught not in ("", "Exception", "BaseException"), f"line {node.lineno} catches everything"
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called != "print" or inside.startswith(PRINTING), f"line {node.lineno} prints"
            named = {word.arg: ast.unparse(word.value) for word in node.keywords}
            assert called not in ("pickle.load", "pickle.loads", "joblib.load")
            assert called != "torch.load" or named.get("weights_only") == "True", f"line {node.lineno} may run code"
            assert named.get("allow_pickle") != "True"
        if isinstance(node, ast.Import):
            assert not {"pickle", "joblib", "dill"} & {alias.name for alias in node.names}


# written in pieces, so that this file passes its own test
FORBIDDEN = tuple("".join(parts) for parts in (
    (r"\.\./", "shared"), (r"(?<![\w.])/wo", r"rk/"), (r"(?<![\w.~])/ro", "ot/"), (r"(?<![\w.])/ho", "me/"),
    ("TO", "DO"), ("FIX", "ME"), (r"\bX", r"XX\b"),
))  # fmt: skip


@pytest.mark.parametrize("path", TEXTS, ids=shown)
def test_no_machine_paths_or_loose_ends(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not [pattern for pattern in FORBIDDEN if re.search(pattern, text)]


@pytest.mark.parametrize("path", PACKAGE, ids=shown)
def test_files_have_names_that_say_something(path: Path) -> None:
    assert path.stem not in ("utils", "util", "helpers", "helper", "misc", "common", "legacy")
    assert not re.search(r"(v\d+|_old|_new)$", path.stem)
