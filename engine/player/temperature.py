"""How the temperature of move choice falls in the course of a game; the names and rules are those of lc0."""


def temperature_at(move_number: int, temperature: float, decay_moves: int, cutoff_move: int) -> float:
    """Returns the temperature of one move.

    Args:
      move_number: of the move to be made, the first is 1.
      temperature: of the first move.
      decay_moves: moves after which a linear fall reaches 0; 0: no fall.
      cutoff_move: move number from which on the temperature is 0; 0: none.
    """
    if cutoff_move and move_number >= cutoff_move:
        return 0.0
    if not decay_moves:
        return temperature
    return temperature * max(0, decay_moves - (move_number - 1)) / decay_moves
