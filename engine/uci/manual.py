"""What `help` and `license` print."""

HELP = (
    "RecurseZero plays chess without search: one evaluation of the position gives the move.",
    "The Universal Chess Interface: uci, isready, ucinewgame, setoption name N value V,",
    "  position startpos|fen F [moves ...], go [limits], stop, ponderhit, debug on|off, quit",
    "For people:",
    "  d             shows the position",
    "  eval          shows the policy, the expected result and the solver's record",
    "  bench         evaluates fixed positions: speed, and a checksum of the outputs",
    "  perft N       counts the positions after N half-moves, as go perft N does",
    "  license       shows the terms of use",
    "  version       shows the version",
    "  help          shows this",
)

LICENCE = (
    "RecurseZero is free software: you can redistribute it and/or modify it under the terms of the GNU General",
    "Public License as published by the Free Software Foundation, either version 3 of the License, or (at your",
    "option) any later version. It is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY;",
    "without even the implied warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.",
    "The text of the license is in the file LICENSE, and at https://www.gnu.org/licenses/.",
)
