"""Folders that are whole or not there."""

from pathlib import Path

import pytest

from engine.files.new_folder import new_folder


def test_a_folder_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    with new_folder(tmp_path / "a" / "b" / "set") as folder:
        (folder / "file").write_text("new", encoding="utf-8")
        assert not (tmp_path / "a" / "b" / "set").exists()
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["set"]


def test_what_fails_leaves_the_old_folder_and_nothing_new(tmp_path: Path) -> None:
    with new_folder(tmp_path / "set") as folder:
        (folder / "file").write_text("old", encoding="utf-8")
    with pytest.raises(OSError, match="No space left"), new_folder(tmp_path / "set") as folder:
        raise OSError(28, "No space left on device")
    assert (tmp_path / "set" / "file").read_text(encoding="utf-8") == "old"
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "a" / "b" / "set"):
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_folders_that_others_use_by_now_stay(tmp_path: Path) -> None:
    with pytest.raises(ValueError), new_folder(tmp_path / "a" / "set"):
        (tmp_path / "a" / "other").mkdir()
        raise ValueError
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["other"]


def test_an_old_folder_is_replaced_and_what_a_killed_process_left_is_deleted(tmp_path: Path) -> None:
    for name in ("set", ".set.partial", ".set.retired"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "old").write_text("", encoding="utf-8")
    with new_folder(tmp_path / "set") as folder:
        (folder / "new").write_text("", encoding="utf-8")
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["set", "set/new"]
