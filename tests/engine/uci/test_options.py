import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.uci.option import Option, OptionError, with_option
from engine.uci.options import OPTIONS, find_option
from engine.uci.settings import Settings

_KEYWORDS = re.compile(r"\b(name|type|default|min|max|var|value)\b")


def _set(name: str, text: str) -> Settings:
    return with_option(Settings(), find_option(name), text)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_declarations_can_be_read_by_every_program(option: Option) -> None:
    line = option.declaration(Settings())
    match = re.fullmatch(
        r"option name (?P<name>.+) type (?P<kind>check|spin|combo|button|string)"
        r"( default (?P<default>.+?))?( min (?P<min>-?\d+) max (?P<max>-?\d+))?(?P<vars>( var \S+)*)",
        line,
    )
    assert match is not None
    assert not _KEYWORDS.search(match["name"]) and not _KEYWORDS.search(match["default"] or "")
    if option.kind == "button":
        assert match["default"] is None
    elif option.kind == "spin":
        low, high = int(match["min"]), int(match["max"])
        assert -(2**31) <= low <= int(match["default"]) <= high < 2**31
    else:
        assert match["default"] and match["min"] is None
    choices = match["vars"].replace(" var ", " ").split()
    assert (match["default"] in choices) if option.kind == "combo" else not choices


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_default_can_be_set_and_changes_nothing(option: Option) -> None:
    match = re.search(r" default (.+?)( min .*| var .*)?$", option.declaration(Settings()))
    text = match[1] if match else ""
    assert with_option(Settings(), option, text) == Settings()


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_is_described(option: Option) -> None:
    assert option.meaning


def test_names_are_found_in_any_case() -> None:
    assert _set("mOvE oVeRhEaD", "7").overhead_ms == 7


@pytest.mark.parametrize(("text", "multipv"), [("500", 500), ("501", 500), ("0", 1), ("-9999999999", 1)])
def test_numbers_are_clamped(text: str, multipv: int) -> None:
    assert _set("MultiPV", text).multipv == multipv


def test_values_get_their_types() -> None:
    assert _set("Temperature", "0.6").temperature == 0.6
    assert _set("UCI_ShowWDL", "TRUE").show_wdl is True
    assert _set("WeightsFile", "/a b/c").weights_folder == Path("/a b/c")
    assert _set("WeightsFile", "<empty>").weights_folder is None
    assert _set("WeightsFile", "").weights_folder is None
    assert _set("WeightsFile", "<autodiscover>").weights_folder is None
    assert [_set("Temperature", text).temperature for text in ("0,6", "60%", "60,5%")] == [0.6, 0.6, 0.605]
    assert _set("UCI_Opponent", "GM 2800 human A B").opponent == "GM 2800 human A B"
    assert _set("UCI_EngineAbout", "something else") == Settings()


def test_a_file_of_a_network_stands_for_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "network.json"
    file.write_text("{}")
    for text in (str(tmp_path), str(file)):
        assert _set("WeightsFile", text).weights_folder == tmp_path


@pytest.mark.parametrize(
    ("name", "text"),
    [("Hash", "much"), ("Hash", ""), ("UCI_ShowWDL", "1"), ("Temperature", "warm"),
     ("Temperature", "nan"), ("Temperature", "%%"),
     ("Temperature", "nan%"), ("Temperature", "-1"), ("Temperature", "inf"), ("Nonsense", "1")],
)  # fmt: skip
def test_what_is_no_value_is_refused_with_one_line(name: str, text: str) -> None:
    with pytest.raises(OptionError, match="^expected [^\n]*, got ") as error:
        _set(name, text)
    assert name in str(error.value)


@given(st.sampled_from(OPTIONS), st.text(max_size=40))
def test_any_text_gives_settings_or_an_option_error(option: Option, text: str) -> None:
    try:
        settings = with_option(Settings(), option, text)
    except OptionError:
        return
    if option.kind == "spin" and option.field is not None:
        assert option.minimum <= getattr(settings, option.field) <= option.maximum
