"""Labelling, with a teacher that is a few lines of Python and with Stockfish."""

import itertools
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chess
import pytest

from engine.command_line import run_command
from engine.files.skipped_entries import SkippedEntries
from tests.doubles.scripted_teacher import write_teacher
from tests.doubles.scripted_worker import scripted_worker
from training.labels.label_formats import read_labels
from training.labels.labelling import read_starts
from training.labels.noisy_games import GamePlan, play_noisy_game


@pytest.fixture
def teacher_command(tmp_path: Path) -> str:
    return write_teacher(tmp_path)


def test_the_last_word_is_a_search_of_one_move(teacher_command: str, tmp_path: Path) -> None:
    fen, out = "7k/8/8/8/8/8/8/K7 w - - 0 1", tmp_path / "labels.tsv"
    (tmp_path / "one.epd").write_text(fen + "\n")
    files = ["--source", "files", "--in", str(tmp_path / "one.epd")]
    searches = ["--depth", "1", "--best-nodes", "9", "--choice-nodes", "9"]
    assert run_command("label", ["--engine", teacher_command, "--out", str(out), *files, *searches]) == 0
    (labelled,) = read_labels(out, "all")
    value = dict(zip(sorted(("a1a2", "a1b1", "a1b2")), labelled.values, strict=True))
    four_pawns = 0.04 + 0.92 / (1 + 10 ** (-0.00368208 * 400 / 2.302585))
    assert value["a1b1"] == pytest.approx(four_pawns, abs=2e-4)
    assert value["a1b2"] == pytest.approx(0.04 + 0.92 / (1 + 10 ** (-0.00368208 * 200 / 2.302585)), abs=2e-4)


@pytest.mark.parametrize("content", [b"{}", b"packed\n\x00\xff", b"a\tb\n1", b"a\tb\t\xff\n1"])
def test_what_is_no_file_of_labels_is_left_as_it_is(
    content: bytes, teacher_command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "labels.tsv.xz"
    out.write_bytes(content)
    assert run_command("label", ["--engine", teacher_command, "--out", str(out), "--minutes", "1"]) == 2
    assert str(out) in capsys.readouterr().err and out.read_bytes() == content


def test_a_game_is_decided_by_its_random_numbers() -> None:
    def first_is_best(fen: str) -> dict[str, float]:
        moves = sorted(move.uci() for move in chess.Board(fen).legal_moves)
        return {move: 0.5 - 0.01 * place for place, move in enumerate(moves)}

    plan = GamePlan(starts=("8/8/4k3/8/8/4K3/4P3/8 w - - 0 1",))
    worker = scripted_worker(first_is_best)
    games = [list(play_noisy_game(random.Random(seed), plan, worker)) for seed in (1, 1, 2)]
    assert games[0] == games[1] != games[2] and len(games[0]) > 3
    for visit in games[0]:
        assert len(visit.values) == len(list(chess.Board(visit.fen).legal_moves))


@pytest.mark.parametrize(
    ("plan", "positions"),
    [
        ({"decided": 0.85, "decided_plies": 1}, 3),
        ({"decided": 0.85, "decided_plies": 4}, 6),
        ({"decided": 0.95, "decided_plies": 1}, 20),
        ({"decided": 0.85, "decided_plies": 1, "plays_on_share": 1.0}, 20),
    ],
)
def test_a_game_ends_when_it_is_decided(plan: dict[str, float], positions: int) -> None:
    asked: list[str] = []

    def lost_from_the_third_position_on(fen: str) -> dict[str, float]:
        asked.append(fen)
        value = 0.1 if len(asked) >= 3 else 0.5
        return {move.uci(): value for move in chess.Board(fen).legal_moves}

    worker = scripted_worker(lost_from_the_third_position_on)
    settings: dict[str, Any] = {"plays_on_share": 0.0, **plan}
    game = play_noisy_game(random.Random(5), GamePlan(**settings), worker)
    assert len(list(itertools.islice(game, 20))) == positions


def test_games_start_where_the_plan_says() -> None:
    def all_alike(fen: str) -> dict[str, float]:
        return {move.uci(): 0.5 for move in chess.Board(fen).legal_moves}

    worker = scripted_worker(all_alike)
    starts = ("8/8/4k3/8/8/4K3/4P3/8 w - - 0 1",)
    for share in (0.0, 1.0):
        plan = GamePlan(starts=starts, given_share=share)
        firsts = [next(play_noisy_game(random.Random(seed), plan, worker)).fen for seed in range(20)]
        assert [len(chess.Board(fen).piece_map()) < 4 for fen in firsts] == [share == 1] * 20


@pytest.mark.parametrize(
    ("option", "name"),
    [("--decided=0.5", "decided"), ("--decided-plies=0", "decided_plies"), ("--given-share=1.5", "given_share")],
)
def test_a_plan_out_of_range_is_refused(
    option: str, name: str, teacher_command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("label", ["--engine", teacher_command, "--out", str(tmp_path / "x.tsv"), option]) == 2
    assert f"expected {name} " in capsys.readouterr().err


def test_a_file_grows_without_repetition_and_heals_a_torn_line(teacher_command: str, tmp_path: Path) -> None:
    out, starts = tmp_path / "labels.tsv", tmp_path / "starts.epd"
    starts.write_text("8/8/4k3/8/8/4K3/4P3/8 w - - bm e2e4;\n\n")
    assert read_starts(starts, SkippedEntries()) == ("8/8/4k3/8/8/4K3/4P3/8 w - - 0 1",)
    arguments = ["--engine", teacher_command, "--out", str(out), "--starts", str(starts), "--processes", "2"]
    assert run_command("label", [*arguments, "--count", "30"]) == 0
    first = list(read_labels(out, "all"))
    assert len(first) >= 30
    with out.open("a") as file:
        file.write("1.0.99\ttorn")
    assert run_command("label", [*arguments, "--count", "30"]) == 0
    both = list(read_labels(out, "all"))
    assert len(both) >= len(first) + 30
    keys = {" ".join(position.board.fen(en_passant="legal").split()[:4]) for position in both}
    assert len(keys) == len(both)
    groups = [position.group for position in both]
    assert not set(groups[: len(first)]) & set(groups[len(first) :])


def test_positions_of_files_are_labelled_once_by_all_processes(
    teacher_command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, games = tmp_path / "labels.tsv", tmp_path / "two games.pgn"
    games.write_text('[Result "*"]\n\n1. e4 e5 2. Nf3 *\n\n[Result "*"]\n\n1. e4 c5 *\n')
    arguments = ["--engine", teacher_command, "--out", str(out), "--source", "files", "--in", str(games)]
    assert run_command("label", [*arguments, "--processes", "2"]) == 0
    labelled = list(read_labels(out, "all"))
    # The start and 1. e4 belong to whichever process was first.
    assert len(labelled) == 5 and {position.group for position in labelled} == {"1.@two games.1", "1.@two games.2"}
    assert run_command("label", arguments) == 1
    assert "added nothing to" in capsys.readouterr().err
    assert len(list(read_labels(out, "all"))) == 5


def test_a_killed_process_is_noticed_while_others_deliver(
    teacher_command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script, once = tmp_path / "killer.py", tmp_path / "killed"
    first = f"if not os.path.exists({str(once)!r}):\n    open({str(once)!r}, 'x')\n    os.kill(os.getppid(), 9)\n"
    script.write_text("import os\n" + first + Path(teacher_command.split()[1]).read_text(encoding="utf-8"))
    arguments = ["--engine", f"{sys.executable} {script}", "--out", str(tmp_path / "x.tsv"), "--processes", "2"]
    assert run_command("label", [*arguments, "--count", "1000000", "--minutes", "1"]) == 2
    assert "expected the labelling processes to go on, but one ended with -9" in capsys.readouterr().err


def test_a_cluster_without_ray_is_one_line(
    teacher_command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    arguments = ["--engine", teacher_command, "--out", str(tmp_path / "x.tsv"), "--cluster", "auto"]
    assert run_command("label", arguments) == 2
    assert 'got no ray (to install them: pip install "recursezero[cluster]")\n' in capsys.readouterr().err


@pytest.mark.slow
def test_no_process_outlives_the_first_one(teacher_command: str, tmp_path: Path) -> None:
    script, pid_file, out = tmp_path / "known.py", tmp_path / "pid", tmp_path / "x.tsv"
    teacher = Path(teacher_command.split()[1]).read_text(encoding="utf-8")
    script.write_text(f"import os\nopen({str(pid_file)!r}, 'w').write(str(os.getpid()))\n{teacher}")
    command = [
        sys.executable,
        str(Path(__file__).parents[3] / "uci_main.py"),
        "label",
        "--engine",
        f"{sys.executable} {script}",
        "--out",
        str(out),
    ]
    first = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    until(lambda: out.exists() and out.stat().st_size > 0)
    first.kill()
    first.wait()
    until(lambda: not Path(f"/proc/{pid_file.read_text()}").exists())


def until(holds: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end_s
        time.sleep(0.1)


def test_a_teacher_that_ends_is_noticed(
    teacher_command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "mortal.py"
    script.write_text(
        Path(teacher_command.split()[1])
        .read_text(encoding="utf-8")
        .replace('words[0] == "go"', 'words[0] == "go" and exit(0)')
    )
    command = f"{sys.executable} {script}"
    assert run_command("label", ["--engine", command, "--out", str(tmp_path / "x.tsv"), "--minutes", "1"]) == 2
    assert "expected bestmove from the teacher" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--depth", "0"], "expected depth to be at least 1, got 0"),
        (["--option", "Hash"], "expected an engine option as Name=Value, got 'Hash'"),
        (["--starts", "absent.epd"], "absent.epd"),
        (["--few-pieces-depth", "-1"], "expected a whole number of at least 0 for --few-pieces-depth, got '-1'"),
        (["--source", "files"], "expected --in for --source files, got none"),
        (["--source", "files", "--in", "absent.pgn"], "got absent.pgn: No such file"),
        (["--source", "files", "--in", "x.epd", "--share", "2"], "expected share in 0..1, got 2.0"),
        (["--source", "files", "--in", "-", "--cluster", "auto"], "files that every node can read for --in"),
        (["--source", "endings", "--cluster", "auto"], "expected --cluster with a source that needs engines"),
        (["--source", "favourites"], "expected --in for --source favourites, got none"),
        (["--source", "favourites", "--in", "x"], "expected --weights for --source favourites, got none"),
        (
            ["--source", "favourites", "--in", "x", "--weights", "y", "--nodes-per-move", "0"],
            "expected nodes_per_move",
        ),
        (["--source", "student"], "expected --weights for --source student, got none"),
        (["--source", "student", "--weights", "absent"], "expected a network's folder with network.json, got absent"),
        (["--source", "student", "--weights", "absent", "--boards", "0"], "expected boards >= 1"),
        (["--source", "student", "--weights", "absent", "--keep-others", "-1"], "expected keep_others in 0..1, got -1"),
    ],
)
def test_bad_input_is_one_line(
    more: list[str], said: str, teacher_command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("label", ["--engine", teacher_command, "--out", str(tmp_path / "x.tsv"), *more]) == 2
    text = capsys.readouterr().err
    assert said in text and text.count("\n") == 1


@pytest.mark.teacher
def test_stockfish_is_a_teacher(tmp_path: Path) -> None:
    engine = shutil.which("stockfish") or "/usr/games/stockfish"
    out = tmp_path / "labels.tsv"
    assert run_command("label", ["--engine", engine, "--out", str(out), "--count", "50", "--depth", "2"]) == 0
    assert len(list(read_labels(out, "all"))) >= 50
