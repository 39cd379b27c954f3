"""The opening book and the endgame tables that the options name, opened once each."""

from pathlib import Path

from engine.player.endgame_tables import EndgameTables, TablesError
from engine.player.polyglot_book import BookError, PolyglotBook
from engine.uci.protocol_streams import ProtocolOutput
from engine.uci.settings import Settings


class ReferenceFiles:
    """Follows the settings: what is not named is closed, what cannot be opened is said once. For one thread."""

    def __init__(self, output: ProtocolOutput) -> None:
        self._output = output
        self._book_file: Path | None = None
        self._syzygy_path = ""
        self.book: PolyglotBook | None = None
        self.tables: EndgameTables | None = None

    def follow(self, settings: Settings) -> None:
        """Opens and closes files where the settings have changed."""
        if settings.book_file != self._book_file:
            self._book_file = settings.book_file
            self._change_book()
        if settings.syzygy_path != self._syzygy_path:
            self._syzygy_path = settings.syzygy_path
            self._change_tables()

    def _change_book(self) -> None:
        if self.book is not None:
            self.book.close()
            self.book = None
        if self._book_file is not None:
            try:
                self.book = PolyglotBook(self._book_file)
            except BookError as error:
                self._output.write_error(str(error))

    def _change_tables(self) -> None:
        if self.tables is not None:
            self.tables.close()
            self.tables = None
        if self._syzygy_path:
            try:
                self.tables = EndgameTables(self._syzygy_path)
                self._output.write(f"info string endgame tables with up to {self.tables.largest} men")
            except TablesError as error:
                self._output.write_error(str(error))
