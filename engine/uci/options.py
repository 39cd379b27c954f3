"""The options of the Universal Chess Interface, each declared once: name, default, limits, meaning and effect.

To add one, add a field to `Settings`. Chess programs see the options in the order of the fields, and so does
docs/options.md, whose table `options_table` writes. No name, default or choice holds a keyword of the protocol, and no
name that begins with UCI_ is our own, because chess programs hide those.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from engine.player.backend import MOST_STEPS, Backend
from engine.player.choice import LOOKAHEAD_MOVES, LOOKAHEAD_RATIO, MOST_MOVES, MoveSelection
from engine.player.strength import HIGHEST_ELO, LOWEST_ELO
from engine.uci.commands import shown
from engine.uci.option_kinds import (
    Option,
    UnknownOptionError,
    button,
    check,
    combo,
    number,
    path,
    paths,
    spin,
    text,
    written,
)
from engine.version import VERSION

ABOUT = f"RecurseZero {VERSION}, a chess engine without search"
# The number after `score cp`; the names are those of lc0.
ScoreType = Literal["centipawn", "win_percentage", "Q", "W-L", "WDL_mu"]


@dataclass(frozen=True)
class WeightsRequest:
    """A network to load, and how."""

    folder: Path | None  # None: the shipped network
    threads: int  # of XLA's CPU backend; only the first load of a process can set them
    backend: Backend = "auto"
    tolerance: float = 0.0  # of the solver; 0: the network's own

    def is_loaded_like(self, other: "WeightsRequest") -> bool:
        """Returns whether both ask for the same programs."""
        return (self.folder, self.backend, self.tolerance) == (other.folder, other.backend, other.tolerance)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The values of all options; a `go` keeps those it started with."""

    hash_mb: int = spin("Hash", 64, 1, 65536, "memory for remembered evaluations, in MiB", "player")
    hash_clears: int = button("Clear Hash", "forgets the remembered evaluations", "player")
    threads: int = spin("Threads", 1, 1, 512, "processor threads; set it before the network is loaded", "network")
    ponder: bool = check("Ponder", False, "name the expected reply, at the cost of one more evaluation")
    multipv: int = spin("MultiPV", 1, 1, 500, "number of moves shown, each with its own score")
    overhead_ms: int = spin(
        "Move Overhead", 100, 0, 10000, "time reserved per move for delays outside the engine, in ms"
    )
    chess960: bool = check("UCI_Chess960", False, "play Chess960; castling is written as king takes rook")
    analyse_mode: bool = check(
        "UCI_AnalyseMode", False, "ignore the book, Temperature, UCI_LimitStrength and ThinkTime"
    )
    limit_strength: bool = check("UCI_LimitStrength", False, "play at the strength set by UCI_Elo")
    elo: int = spin("UCI_Elo", HIGHEST_ELO, LOWEST_ELO, HIGHEST_ELO, "strength to play at; replaces Temperature")
    show_wdl: bool = check("UCI_ShowWDL", False, "show the chances to win, draw and lose in permille")
    opponent: str = text("UCI_Opponent", "", "the opponent, shown by `d`", str, "a text")
    about: str = text("UCI_EngineAbout", ABOUT, "describes the engine; cannot be changed", lambda _: ABOUT, "")
    syzygy_path: str = paths("SyzygyPath", "folders with Syzygy endgame tables, which then choose the move", "player")
    own_book: bool = check("OwnBook", False, "play moves from the opening book")
    book_file: Path | None = path("BookFile", "opening book in Polyglot format", "player")
    weights_folder: Path | None = path(
        "WeightsFile",
        "folder of the network; empty for the shipped one",
        "network",
        means_default="<autodiscover>",  # lc0's word for: look where networks are
        is_folder=True,
    )
    backend: Backend = combo(
        "Backend", get_args(Backend), "device that computes; auto takes an accelerator if there is one", "network"
    )
    selection: MoveSelection = combo(
        "MoveSelection",
        get_args(MoveSelection),
        "how the move is chosen. policy: the network's most probable move; lookahead: moves that are nearly as "
        "probable are compared by the values of the positions after them; cmpo: by the policy that the network's "
        "latent model improves, if it has one",
        "player",
    )
    lookahead_moves: int = spin(
        "LookaheadMoves", LOOKAHEAD_MOVES, 2, MOST_MOVES, "most moves that MoveSelection lookahead compares"
    )
    lookahead_ratio: float = number(
        "LookaheadRatio",
        LOOKAHEAD_RATIO,
        1.0,
        "least probability, relative to the best move's, of a move that MoveSelection lookahead compares",
    )
    repetition_guard: bool = check("RepetitionGuard", True, "when winning, avoid moves that repeat or draw")
    temperature: float = number("Temperature", 0.0, 100.0, "0 plays the best move; 1 draws moves from the policy")
    temp_decay_moves: int = spin("TempDecayMoves", 0, 0, 500, "moves over which Temperature falls to 0; 0 for no decay")
    temp_cutoff_move: int = spin("TempCutoffMove", 0, 0, 1000, "move number from which Temperature is 0; 0 for none")
    seed: int = spin(
        "Seed", -1, -1, 2**31 - 1, "seed of all random choices; -1 for different ones each time", "random numbers"
    )
    recursion_steps: int = spin(
        "RecursionSteps", 0, 0, MOST_STEPS, "most iterations of the solver; 0 for the network's own limit", "player"
    )
    recursion_tolerance: float = number(
        "RecursionTolerance",
        0.0,
        1.0,
        "residual at which the solver stops; 0 for the network's own; a change compiles the network again",
        "network",
    )
    score_type: ScoreType = combo("ScoreType", get_args(ScoreType), "scale of the number after `score cp`")
    verbose_move_stats: bool = check("VerboseMoveStats", False, "show policy and value of every move in lc0's format")
    think_ms: int = spin("ThinkTime", 0, 0, 60000, "least time for a move in ms, as far as the clock allows")
    log_file: Path | None = path("LogFile", "file to which every line of the protocol is appended", "log")

    def weights_request(self) -> WeightsRequest:
        """Returns the network that the settings ask for."""
        return WeightsRequest(self.weights_folder, self.threads, self.backend, self.recursion_tolerance)


OPTIONS: tuple[Option, ...] = tuple(
    dataclasses.replace(field.metadata["option"], field=field.name) for field in dataclasses.fields(Settings)
)
_BY_NAME = {option.name.lower(): option for option in OPTIONS}


def find_option(name: str) -> Option:
    """Returns the option with this name, in any case.

    Raises:
      UnknownOptionError: there is none.
    """
    option = _BY_NAME.get(name.lower())
    if option is None:
        names = ", ".join(option.name for option in OPTIONS)
        raise UnknownOptionError(f"expected the name of an option, got {shown(name)} (allowed: {names})")
    return option


def with_option(settings: Settings, option: Option, value: str) -> tuple[Settings, str]:
    """Returns the settings after `setoption`, and a problem if the value was changed to an allowed one, or "".

    Raises:
      OptionError: the text is no value of the option.
    """
    if option.kind == "button":
        presses = getattr(settings, option.field) + 1
        return dataclasses.replace(settings, **{option.field: presses}), ""
    read, problem = option.read(value)
    return dataclasses.replace(settings, **{option.field: read}), problem


def declarations(settings: Settings) -> list[str]:
    """Returns the lines that declare all options, with these settings as the defaults."""
    return [option.declaration(getattr(settings, option.field)) for option in OPTIONS]


def options_table() -> str:
    """Returns the table of options in Markdown, as docs/options.md holds it."""
    lines = ["| name | type | default | allowed | meaning |", "|---|---|---|---|---|"]
    for option in OPTIONS:
        allowed = "true, false" if option.kind == "check" else option.allowed
        if option.kind == "spin":
            allowed = f"{option.minimum} to {option.maximum}"
        elif option.kind == "combo":
            allowed = ", ".join(option.choices)
        default = "" if option.kind == "button" else f"`{written(option.default)}`"
        lines.append(f"| `{option.name}` | {option.kind} | {default} | {allowed} | {option.meaning} |")
    return "\n".join(lines)
