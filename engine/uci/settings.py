"""The values of all options of a session; a go keeps those it started with."""

from dataclasses import dataclass
from pathlib import Path

from engine.player.backend import Backend
from engine.player.choice import MoveSelection
from engine.player.strength import HIGHEST_ELO
from engine.uci.score_types import ScoreType
from engine.version import VERSION

ABOUT = f"RecurseZero {VERSION}, a chess engine without search"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The values of the options, with their defaults; the table in options.py says what each means."""

    # The network
    weights_folder: Path | None = None  # None: the shipped one
    backend: Backend = "auto"
    threads: int = 1
    recursion_steps: int = 0  # 0: the network's own
    recursion_tolerance: float = 0.0  # 0: the network's own
    hash_mb: int = 64
    # The choice of moves
    selection: MoveSelection = "policy"
    repetition_guard: bool = True
    temperature: float = 0.0
    temp_decay_moves: int = 0  # 0: no decay
    temp_cutoff_move: int = 0  # 0: none
    seed: int = -1  # -1: fresh random numbers
    limit_strength: bool = False
    elo: int = HIGHEST_ELO
    own_book: bool = False
    book_file: Path | None = None
    syzygy_path: str = ""
    # Time
    overhead_ms: int = 100
    think_ms: int = 0
    ponder: bool = False
    # What is shown
    multipv: int = 1
    show_wdl: bool = False
    score_type: ScoreType = "centipawn"
    verbose_move_stats: bool = False
    log_file: Path | None = None
    # The game
    chess960: bool = False
    analyse_mode: bool = False
    opponent: str = ""
    about: str = ABOUT
