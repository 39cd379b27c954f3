import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.uci.option_kinds import Option, OptionError
from engine.uci.options import OPTIONS, Settings, declarations, find_option, options_table, with_option

_KEYWORDS = re.compile(r"\b(name|type|default|min|max|var|value)\b")


def _set(name: str, text: str) -> Settings:
    settings, problem = with_option(Settings(), find_option(name), text)
    assert not problem
    return settings


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_declarations_can_be_read_by_every_program(option: Option) -> None:
    line = option.declaration(option.default)
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
    match = re.search(r" default (.+?)( min .*| var .*)?$", option.declaration(option.default))
    if option.kind == "button":
        assert match is None and with_option(Settings(), option, "")[0].hash_clears == 1
    else:
        assert match is not None and with_option(Settings(), option, match[1]) == (Settings(), "")


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_is_described(option: Option) -> None:
    assert option.meaning


def test_names_are_found_in_any_case() -> None:
    assert _set("mOvE oVeRhEaD", "7").overhead_ms == 7


@pytest.mark.parametrize(("text", "multipv"), [("501", 500), ("0", 1), ("-9999999999", 1)])
def test_numbers_out_of_range_become_the_nearest_one_and_are_reported(text: str, multipv: int) -> None:
    settings, problem = with_option(Settings(), find_option("MultiPV"), text)
    assert settings.multipv == multipv
    assert problem == f"expected an integer for MultiPV, got '{text}' (allowed: 1 to 500); {multipv} is used"
    assert _set("MultiPV", "500").multipv == 500


def test_the_default_of_a_session_is_declared() -> None:
    lines = declarations(Settings(weights_folder=Path("mine")))
    assert "option name WeightsFile type string default mine" in lines and len(lines) == len(OPTIONS)


def test_the_document_holds_the_table_of_options() -> None:
    text, _, _ = (Path(__file__).resolve().parents[3] / "docs" / "options.md").read_text().partition("## Details")
    rows = "\n".join(line for line in text.splitlines() if line.startswith("|"))
    assert rows == options_table(), "write what engine.uci.options.options_table returns into docs/options.md"
    for option in OPTIONS:
        assert f"| `{option.name}` | {option.kind} |" in rows


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
        settings, _ = with_option(Settings(), option, text)
    except OptionError:
        return
    if option.kind == "spin":
        assert option.minimum <= getattr(settings, option.field) <= option.maximum
