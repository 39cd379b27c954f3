"""A package, so that `tests.reference` means ours: the wheel of pgx installs a package of that name too."""
