"""The layout law of the project: caps, names, one-way imports and docstrings."""

import ast
import functools
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.command_line import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 60
MAX_NESTED_LEVELS = 2
BANNED_NAMES = {"utils", "common", "helpers", "constants", "base", "types", "misc"}

# A module (or package) and what nothing inside it may import.
FORBIDDEN = {
    "engine": {"training", "optax", "rlax", "pgx", "tensorboardX"},
    "engine.encoding": {"jax", "flax", "chex"},
    "engine.fixed_point": {"flax", "chess", "engine.encoding"},
    "engine.uci": {"jax"},
    "training": {"engine.uci", "uci_main"},
}
# From the protocol down: nothing may import a layer named before its own.
LAYERS = ["uci", "player", "checkpoint", "network", "fixed_point", "encoding"]
# The same for what learns and measures; `runs` and `reporting` know nothing of what they serve.
TRAINING_LAYERS = [
    "commands",
    "studies",
    "export",
    "self_play",
    "evaluation",
    "distillation",
    "games",
    "muesli",
    "packed",
    "labels",
    "workers",
    "runs",
    "reporting",
]
# Packages whose breakage must stay local, and the only files that may import them.
OWNED = {
    "pgx": {"training/games/pgx_rules.py"},
    "aqt": {"engine/network/int8.py"},
    "mctx": {"training/studies/throughput/peers/alphazero_self_play.py"},
    "fsspec": {"training/packed/ranged_shards.py"},
    "orbax": {"engine/checkpoint.py", "training/runs/run_checkpoint.py"},
    "ray": {"training/workers/ray_crew.py"},
}
# A command line that imports these to print its help is slow.
HEAVY = {"jax", "flax", "optax", "rlax", "chex", "pgx", "orbax", "aqt", "mctx", "tensorboardX", "fsspec", "ray"}

TEXT_SUFFIXES = {".py", ".md", ".cfg", ".toml", ".txt", ".json", ""}


def product_files() -> list[Path]:
    packages = [path for name in ("engine", "training") for path in (ROOT / name).rglob("*.py")]
    return sorted([*packages, *ROOT.glob("*.py")])


def all_files() -> list[Path]:
    return [*product_files(), *sorted((ROOT / "tests").rglob("*.py"))]


def text_files() -> list[Path]:
    folders = [ROOT / name for name in ("docs", "weights", ".ci") if (ROOT / name).exists()]
    nested = [path for folder in folders for path in sorted(folder.rglob("*"))]
    # In a work tree of its own `.git` is a file, which names the repository's place.
    candidates = [*all_files(), *sorted(path for path in ROOT.iterdir() if path.name != ".git"), *nested]
    return [path for path in dict.fromkeys(candidates) if is_text(path)]


def is_text(path: Path) -> bool:
    # Weights may hold files without a suffix that are not text; documents there have one.
    bare_weights = not path.suffix and ROOT / "weights" in path.parents
    return path.is_file() and path.suffix in TEXT_SUFFIXES and not bare_weights


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_name(path: Path) -> str:
    return relative(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported_by(node: ast.AST, path: Path) -> Iterator[str]:
    """Yields what one import statement names: `from a import b` may mean module a.b, so both."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = module_name(path).split(".")
        if path.name != "__init__.py":
            package.pop()
        start = package[: len(package) - node.level + 1] if node.level else []
        source = ".".join([*start, *([node.module] if node.module else [])])
        yield source
        yield from (f"{source}.{alias.name}" for alias in node.names)


@functools.cache
def imports(path: Path) -> set[str]:
    return {name for node in ast.walk(parsed(path)) for name in imported_by(node, path)}


@functools.cache
def imports_at_load(path: Path) -> set[str]:
    """Returns what merely importing the file imports: not function bodies, not TYPE_CHECKING."""
    names: set[str] = set()
    pending: list[ast.AST] = list(parsed(path).body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending.extend(node.orelse)
            continue
        names.update(imported_by(node, path))
        pending.extend(ast.iter_child_nodes(node))
    return names


def inside(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def functions(node: ast.AST, level: int = 0) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    """Yields every function below the node with the number of functions around it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child, level
            yield from functions(child, level + 1)
        else:
            yield from functions(child, level)


def test_no_file_is_longer_than_the_cap() -> None:
    lengths = {relative(path): len(path.read_text().splitlines()) for path in all_files()}
    faults = [f"{name}: {n} lines" for name, n in lengths.items() if n > MAX_FILE_LINES]
    assert not faults, "\n".join(faults)


def test_no_function_is_longer_or_nested_deeper_than_the_cap() -> None:
    faults = []
    for path in all_files():
        for function, level in functions(parsed(path)):
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            if lines > MAX_FUNCTION_LINES or level > MAX_NESTED_LEVELS:
                faults.append(f"{relative(path)}: {function.name}: {lines} lines, level {level}")
    assert not faults, "\n".join(faults)


def test_every_file_name_is_unique_and_says_something() -> None:
    counts = Counter(path.name for path in all_files() if path.name != "__init__.py")
    faults = [f"used {count} times: {name}" for name, count in counts.items() if count > 1]
    faults += [f"banned: {name}" for name in counts if name.removesuffix(".py") in BANNED_NAMES]
    assert not faults, "\n".join(faults)


def test_imports_go_one_way() -> None:
    rules = {package: set(names) for package, names in FORBIDDEN.items()}
    for package, layers in (("engine", LAYERS), ("training", TRAINING_LAYERS)):
        for place, layer in enumerate(layers):
            above = {f"{package}.{name}" for name in layers[:place]}
            rules.setdefault(f"{package}.{layer}", set()).update(above)
    faults = [
        f"{relative(path)} imports {name}"
        for path in product_files()
        for package, banned in rules.items()
        if inside(module_name(path), package)
        for name in sorted(imports(path))
        if any(inside(name, other) for other in banned)
    ]
    assert not faults, "\n".join(faults)


def test_every_training_module_stands_in_a_package_of_the_order() -> None:
    rooms = {path.relative_to(ROOT / "training").parts for path in (ROOT / "training").rglob("*.py")}
    assert {parts[0] for parts in rooms} == {*TRAINING_LAYERS, "__init__.py"}


@pytest.mark.parametrize("package", sorted(OWNED))
def test_only_its_owner_imports_a_package(package: str) -> None:
    importers = {relative(path) for path in product_files() if any(inside(name, package) for name in imports(path))}
    assert importers <= OWNED[package]


def test_command_lines_import_nothing_heavy_before_parsing() -> None:
    modules = {module_name(path): path for path in product_files()}
    programs = {"uci_main", *(command.place.partition(":")[0] for command in COMMANDS.values())}
    faults = []
    for path in product_files():
        if module_name(path) not in programs:
            continue
        seen: set[str] = set()
        pending = [module_name(path)]
        while pending:
            name = pending.pop()
            if name in seen or name not in modules:
                continue
            seen.add(name)
            loaded = imports_at_load(modules[name])
            heavy = sorted(n for n in loaded if n.split(".")[0] in HEAVY)
            faults += [f"{relative(path)}: {name} imports {n}" for n in heavy]
            # Importing a.b.c runs a and a.b as well.
            for other in (*loaded, name):
                parts = other.split(".")
                pending += [".".join(parts[:i]) for i in range(1, len(parts) + 1)]
    assert not faults, "\n".join(faults)


def test_init_files_hold_a_docstring_and_public_names_only() -> None:
    faults = []
    for path in product_files():
        if path.name != "__init__.py":
            continue
        for node in parsed(path).body[1:]:
            exported = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            if not exported and not isinstance(node, ast.Import | ast.ImportFrom):
                faults.append(f"{relative(path)}:{node.lineno}")
    assert not faults, "\n".join(faults)


def test_every_public_module_class_and_function_has_a_docstring() -> None:
    faults = [relative(path) for path in product_files() if not ast.get_docstring(parsed(path))]
    for path in product_files():
        for node in parsed(path).body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if not node.name.startswith("_") and not ast.get_docstring(node):
                faults.append(f"{relative(path)}: {node.name}")
    assert not faults, "\n".join(faults)


def test_every_suppression_names_its_error_code() -> None:
    faults = []
    for path in all_files():
        text = path.read_text()
        if "noqa" not in text and "type:" not in text:
            continue
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        for token in tokens:
            if token.type != tokenize.COMMENT:
                continue
            if re.search(r"type:\s*ignore(?!\[[\w-]+)|noqa(?!:\s*[A-Z]+\d)", token.string):
                faults.append(f"{relative(path)}:{token.start[0]}: {token.string}")
    assert not faults, "\n".join(faults)


def test_no_file_names_a_place_on_one_machine() -> None:
    place = re.compile(r"(?<![\w.)}/*~-])/(?:work|root|home|Users)(?:/|\b)")
    texts = {relative(path): path.read_text() for path in text_files() if path != Path(__file__)}
    faults = [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if place.search(line)
    ]
    assert not faults, "\n".join(faults)
