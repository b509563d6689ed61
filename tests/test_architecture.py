"""The rules of the project that a machine can check: import order, sizes, annotations, and what must not appear."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = sorted((ROOT / "talker").rglob("*.py"))
SOURCES = [*PACKAGE, *ROOT.glob("*.py"), *sorted((ROOT / "tests").rglob("*.py"))]
TEXTS = [*SOURCES, *ROOT.glob("*.md"), *ROOT.glob("*.txt"), *ROOT.glob("*.toml"), *(ROOT / ".ci").iterdir()]
TEXTS += [ROOT / "Dockerfile"]
TEXTS += [*(ROOT / "docs").rglob("*.md"), *(ROOT / "checkpoints").rglob("*.md")]
# every package may import those before it; packages in one row may not import one another, unless ALSO says so
LEVELS = (
    ("errors", "blendshapes", "breaks", "loaded", "recent", "resources", "signals", "version"),
    ("limits",),
    ("files", "journal", "machine", "workers"),
    ("options",),
    ("types",),
    ("curves", "smoothing", "weights"),
    ("media",),
    ("cache",),
    ("face", "speech"),
    ("portrait", "emotion", "motion", "render"),
    ("example_faces",),
    ("data",),
    ("components", "training", "live"),
    ("video_pipeline",),
    ("pipeline",),
    ("jobs",),
    ("parts",),
    ("crew",),
    ("", "batch"),
    ("evaluation",),
    ("workbench",),
    ("web",),
    ("commands", "arguments"),
    ("live_commands", "video_commands"),
    ("cli",),
    ("doctor",),
    ("__main__",),
    ("app",),
)
ALSO = {("", "pipeline")}
# commands that talk to the person who runs them
PRINTING = (
    "__main__.py",
    "cli.py",
    "commands.py",
    "live_commands.py",
    "video_commands.py",
    "doctor.py",
    "training/",
    "evaluation/",
    "web/measure.py",
)
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


def test_files_and_functions_are_short() -> None:
    long = [shown(path) for path in SOURCES if len(path.read_text(encoding="utf-8").splitlines()) > MAX_FILE_LINES]
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                long += [f"{shown(path)}: {node.name} has {lines} lines"] * (lines > MAX_FUNCTION_LINES)
    assert long == []


def test_modules_say_what_they_are_for() -> None:
    assert [shown(path) for path in SOURCES if not ast.get_docstring(tree(path))] == []


def test_public_functions_are_annotated_and_described() -> None:
    wrong = []
    for path in PACKAGE:
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                wrong += [f"{shown(path)}: {node.name} has no docstring"] * (ast.get_docstring(node) is None)
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                bare = [one.arg for one in arguments if not one.annotation and one.arg not in ("self", "cls")]
                wrong += [f"{shown(path)}: {node.name} does not annotate {bare}"] * bool(bare)
                wrong += [f"{shown(path)}: {node.name} does not say what it returns"] * (node.returns is None)
    assert wrong == []


def test_no_prints_bare_excepts_or_pickles() -> None:
    assert [f"{shown(path)}: {slip}" for path in PACKAGE for slip in slips(path)] == []


def slips(path: Path) -> Iterator[str]:
    """What a file does that none may."""
    inside = path.relative_to(ROOT / "talker").as_posix()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else ""
            if caught in ("", "Exception", "BaseException"):
                yield f"line {node.lineno} catches everything"
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            named = {word.arg: ast.unparse(word.value) for word in node.keywords}
            if called == "print" and not inside.startswith(PRINTING):
                yield f"line {node.lineno} prints"
            if called in ("pickle.load", "pickle.loads", "joblib.load") or named.get("allow_pickle") == "True":
                yield f"line {node.lineno} may run code"
            if called == "torch.load" and named.get("weights_only") != "True":
                yield f"line {node.lineno} may run code"
        if isinstance(node, ast.Import) and {"pickle", "joblib", "dill"} & {alias.name for alias in node.names}:
            yield f"line {node.lineno} imports pickles"


# written in pieces, so that this file passes its own test
FORBIDDEN = tuple("".join(parts) for parts in (
    (r"\.\./", "shared"), (r"(?<![\w.])/wo", r"rk/"), (r"(?<![\w.~])/ro", "ot/"), (r"(?<![\w.])/ho", "me/"),
    ("TO", "DO"), ("FIX", "ME"), (r"\bX", r"XX\b"),
))  # fmt: skip


def test_no_machine_paths_or_loose_ends() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in TEXTS}
    assert [(shown(path), one) for path, text in texts.items() for one in FORBIDDEN if re.search(one, text)] == []


def test_files_have_names_that_say_something() -> None:
    empty = ("utils", "util", "helpers", "helper", "misc", "common", "legacy")
    assert [shown(path) for path in PACKAGE if path.stem in empty or re.search(r"(v\d+|_old|_new)$", path.stem)] == []


def test_no_test_reaches_into_private_names() -> None:
    reached = []
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(tree(path)):
            own = (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in ("self", "cls")
            )
            if isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr) and not own:
                reached.append(f"{shown(path)}:{node.lineno} {node.attr}")
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("talker"):
                reached += [
                    f"{shown(path)}:{node.lineno} {one.name}" for one in node.names if re.match("_[a-z]", one.name)
                ]
    assert reached == []
