"""The games of self-play by the rules of Pgx, and fixed opponents."""
