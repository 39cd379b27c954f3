"""What can be known of Windows without it: names that it lacks, texts without encoding, and a simulation of both."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mypy
import pytest

from tests.doubles.engine_process import needs_weights
from tests.test_layout import functions, imports, parsed, product_files, relative

ROOT = Path(__file__).resolve().parents[1]
_MODULES = {"fcntl", "grp", "pty", "pwd", "readline", "resource", "termios", "tty"}


def not_on_windows(module: str) -> set[str]:
    """Returns the names that a module of the standard library has elsewhere only, by the types that mypy comes with."""
    stubs = Path(mypy.__file__).parent / "typeshed" / "stdlib"
    path = next(path for path in (stubs / f"{module}.pyi", stubs / module / "__init__.pyi") if path.exists())
    names: dict[bool, set[str]] = {False: set(), True: set()}  # by whether they are declared for other systems only
    pending = [(node, False) for node in ast.parse(path.read_text(encoding="utf-8")).body]
    for node, is_elsewhere in pending:
        if isinstance(node, ast.If):
            test = ast.unparse(node.test)
            is_other = "platform != 'win32'" in test or test in ("sys.platform == 'linux'", "sys.platform == 'darwin'")
            pending += [(part, is_elsewhere or is_other) for part in node.body]
            pending += [(part, is_elsewhere or test == "sys.platform == 'win32'") for part in node.orelse]
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names[is_elsewhere].add(node.name)
        elif isinstance(node, ast.AnnAssign | ast.Assign):
            targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
            names[is_elsewhere].update(ast.unparse(target) for target in targets)
    return names[True] - names[False]


_NAMES = {module: not_on_windows(module) for module in ("os", "select", "signal", "socket", "time")}
# In a process of its own: takes from Python what Windows does not have, but for what its library needs on this system.
_AS_ON_WINDOWS = f"""
import os, select, signal, socket, sys, time
import chess.engine, jax, multiprocessing, numpy, zstandard
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in {_MODULES!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
for name in {_MODULES!r}:
    sys.modules.pop(name, None)
for module, names in {_NAMES!r}.items():
    for name in names - {{"O_NONBLOCK", "SIGKILL"}}:
        if hasattr(sys.modules[module], name):
            delattr(sys.modules[module], name)
"""


def opens_text_without_encoding(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    given = {keyword.arg for keyword in node.keywords}
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
    if "encoding" in given:
        return False
    if called in ("read_text", "write_text"):
        return not owner.startswith("self")  # of an option
    if owner == "subprocess" and {"text", "universal_newlines"} & given:
        return True
    # Compressed files, the browser, tables and the descriptors of the system are no text.
    if called != "open" or owner in ("os", "gzip", "bz2", "lzma", "webbrowser", "chess.syzygy"):
        return False
    modes = [
        argument for argument in node.args if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
    return not any("b" in str(mode.value) for mode in modes)


def test_every_text_is_opened_with_its_encoding() -> None:
    faults = [
        f"{relative(path)}:{node.lineno}"
        for path in product_files()
        for node in ast.walk(parsed(path))
        if opens_text_without_encoding(node) and isinstance(node, ast.Call)
    ]
    assert not faults, "\n".join(faults)


def absent_names(node: ast.AST) -> Iterator[tuple[int, str]]:
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and part.attr in _NAMES.get(ast.unparse(part.value), ()):
            yield part.lineno, ast.unparse(part)


def test_what_windows_lacks_is_used_only_where_the_system_is_asked() -> None:
    faults = [f"{relative(path)}: {name}" for path in product_files() for name in imports(path) & _MODULES]
    for path in product_files():
        guarded = [
            range(function.lineno, (function.end_lineno or 0) + 1)
            for function, _ in functions(parsed(path))
            if "hasattr(" in ast.unparse(function) or "sys.platform" in ast.unparse(function)
        ]
        for line, name in absent_names(parsed(path)):
            if not any(line in lines for lines in guarded):
                faults.append(f"{relative(path)}:{line}: {name}")
    assert not faults, "\n".join(faults)


def test_names_of_files_can_exist_on_windows() -> None:
    paths = [relative(path) for path in product_files()]
    if (ROOT / ".git").exists():  # a source distribution has no repository
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
        paths = listed.stdout.split("\0")[:-1]
    assert len({path.lower() for path in paths}) == len(paths)
    reserved = {"aux", "con", "nul", "prn", *(f"{name}{i}" for name in ("com", "lpt") for i in range(1, 10))}
    parts = {part.lower() for path in paths for part in path.split("/")}
    assert not {part for part in parts if part.partition(".")[0] in reserved or set(part) & set('<>:"|?*\\')}


def test_modules_are_imported_without_what_windows_lacks() -> None:
    code = f"""{_AS_ON_WINDOWS}
import importlib, pkgutil
import engine
from engine.command_line import COMMANDS
for module in pkgutil.walk_packages(engine.__path__, "engine."):
    importlib.import_module(module.name)
for command in COMMANDS.values():
    if not command.extra:
        importlib.import_module(command.place.partition(":")[0])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr


@needs_weights
@pytest.mark.slow
def test_a_game_is_played_without_what_windows_lacks() -> None:
    code = f"{_AS_ON_WINDOWS}\nimport uci_main\nuci_main.main([])"
    lines = "uci\r\nisready\r\nposition startpos moves e2e4\r\ngo nodes 1\r\nquit\r\n"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, input=lines.encode(), capture_output=True, timeout=120
    )
    assert b"readyok\n" in done.stdout and b"\nbestmove " in done.stdout and not done.stderr, done.stderr
