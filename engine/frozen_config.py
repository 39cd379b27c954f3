"""Frozen keyword-only dataclasses to and from JSON, and typed `field=value` overrides.

A field may be a bool, int, float, str, `Literal`, tuple, nested config, or one of these or `None`; or one of several
configs, told apart by their field `kind`, a `Literal` of one name.
Reading is strict: a weights folder written by other code must fail here, not play differently.
"""

import dataclasses
import math
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ConfigT = TypeVar("ConfigT", bound="DataclassInstance")

_DESCRIPTIONS: dict[object, str] = {
    bool: "true or false",
    int: "an int",
    float: "a finite float",
    str: "a text",
    type(None): "null",
}


class ConfigError(ValueError):
    """A config or an override is not what its dataclass declares; the text is one line."""


def to_json_dict(config: "DataclassInstance") -> dict[str, Any]:
    """Returns the config as nested dicts, lists and plain values that JSON can hold.

    Args:
      config: a frozen dataclass instance.
    """
    return {field.name: _to_json_value(getattr(config, field.name)) for field in dataclasses.fields(config)}


def from_json_dict(cls: type[ConfigT], data: object, *, fills_defaults: bool = False) -> ConfigT:
    """Returns the config that `to_json_dict` wrote.

    Args:
      cls: the dataclass to build.
      data: decoded JSON.
      fills_defaults: give missing fields their defaults, at every depth, where they have one; otherwise every field
        must be present.

    Raises:
      ConfigError: a key is unknown or missing, or a value has the wrong type. A `ValueError` of
        the dataclass's own `__post_init__` passes through.
    """
    return _read_config(cls, data, cls.__name__, fills_defaults)


def with_overrides(config: ConfigT, overrides: Sequence[str]) -> ConfigT:
    """Returns a copy of the config with some fields replaced, later overrides winning.

    All are applied before validation, so fields that depend on each other can change together.

    Args:
      config: the config to start from; it is not changed.
      overrides: texts `field=value` or `group.field=value`. A tuple is written with commas
        (empty text: no elements), an absent optional value as `none`. One of several configs is chosen by its
        kind, `field=kind`, with its defaults.

    Raises:
      ConfigError: an override is malformed, names no field, or its value has the wrong type.
    """
    cls = type(config)
    data = to_json_dict(config)
    for override in overrides:
        path, equals, text = override.partition("=")
        if not equals:
            raise ConfigError(
                f"expected an override field=value for {cls.__name__}, got {override!r} "
                f"(allowed fields: {_field_names(cls)})"
            )
        _set_field(cls, data, path.strip().split("."), text.strip(), cls.__name__)
    return from_json_dict(cls, data)


def describe_settings(settings: "DataclassInstance | type[DataclassInstance]") -> list[str]:
    """Returns a line for each field that `with_overrides` can set: `field=value`, and which values are allowed.

    Args:
      settings: a config, whose values are shown, or a config class, whose defaults are.
    """
    rows = list(_settings(settings, ""))
    width = max((len(assignment) for assignment, _ in rows), default=0)
    return [f"{assignment:{width}}  {allowed}" for assignment, allowed in rows]


def _settings(settings: Any, prefix: str, kinds_above: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yields assignments and allowed values of the fields that exist where the kinds above are chosen."""
    condition = f" (where {', '.join(kinds_above)})" if kinds_above else ""
    cls = settings if isinstance(settings, type) else type(settings)
    for name, hint in _field_types(cls).items():
        path, value = prefix + name, _default_of(cls, name) if cls is settings else getattr(settings, name)
        kinds = _kinds_of(hint)
        if kinds:
            chosen = getattr(value, "kind", None)
            yield f"{path}={chosen or ''}", f"one of {', '.join(kinds)}{condition}"
            for kind, option in kinds.items():
                known = value if kind == chosen else option
                yield from _settings(known, f"{path}.", (*kinds_above, f"{path}={kind}"))
        elif _is_config(hint):
            yield from _settings(hint if value is dataclasses.MISSING else value, f"{path}.", kinds_above)
        elif dataclasses.is_dataclass(value):
            yield from _settings(value, f"{path}.", kinds_above)
        elif not (kinds_above and name == "kind"):
            yield f"{path}={_to_text(value)}", _describe(hint) + condition


def _default_of(cls: type, name: str) -> Any:
    (field,) = (field for field in dataclasses.fields(cls) if field.name == name)
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _to_text(value: object) -> str:
    """Returns the text that `_parse_text` reads as the value; nothing for a value that is missing."""
    if value is dataclasses.MISSING:
        return ""
    if isinstance(value, tuple):
        return ",".join(_to_text(element) for element in value)
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _to_json_value(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_json_dict(value)
    if isinstance(value, tuple):
        return [_to_json_value(element) for element in value]
    return value


def _read_config(cls: type[ConfigT], data: object, where: str, fills: bool) -> ConfigT:
    hints = _field_types(cls)
    if not isinstance(data, Mapping):
        raise ConfigError(f"expected an object for {where}, got {data!r} (allowed fields: {_field_names(cls)})")
    for key in data:
        if key not in hints:
            raise ConfigError(f"expected a field of {where}, got unknown {key!r} (allowed: {_field_names(cls)})")
    for name, hint in hints.items():
        if name not in data and not (fills and _default_of(cls, name) is not dataclasses.MISSING):
            raise ConfigError(
                f"expected {_describe(hint)} for {where}.{name}, got no such key "
                f"(all are required: {_field_names(cls)})"
            )
    read = {name: _read_value(hints[name], value, f"{where}.{name}", fills) for name, value in data.items()}
    return cls(**read)


def _read_value(hint: Any, value: object, where: str, fills: bool) -> Any:
    if _is_config(hint):
        return _read_config(hint, value, where, fills)
    kinds = _kinds_of(hint)
    if kinds:
        return _read_config(kinds[_kind_of(kinds, value, where)], value, where, fills)
    optional = _optional_of(hint)
    if optional is not None:
        return None if value is None else _read_value(optional, value, where, fills)
    if get_origin(hint) is tuple and isinstance(value, list | tuple):
        hints = _element_types(hint, len(value))
        if len(hints) == len(value):
            elements = enumerate(zip(hints, value, strict=True))
            return tuple(_read_value(h, v, f"{where}[{i}]", fills) for i, (h, v) in elements)
    elif get_origin(hint) is Literal:
        # Types are compared too, because True == 1 == 1.0.
        for choice in get_args(hint):
            if choice == value and type(choice) is type(value):
                return choice
    elif hint is float and type(value) in (int, float) and math.isfinite(value):  # type: ignore[arg-type]
        return float(value)  # type: ignore[arg-type]
    elif hint in (bool, int, str) and type(value) is hint:
        return value
    raise ConfigError(f"expected {_describe(hint)} for {where}, got {value!r}")


def _set_field(cls: type, data: dict[str, Any], path: list[str], text: str, where: str) -> None:
    name, *rest = path
    hints = _field_types(cls)
    if name not in hints:
        raise ConfigError(f"expected a field of {where}, got unknown {name!r} (allowed: {_field_names(cls)})")
    hint, here = hints[name], f"{where}.{name}"
    kinds = _kinds_of(hint)
    if kinds and not rest:
        data[name] = to_json_dict(kinds[_kind_of(kinds, {"kind": text}, here)]())
        return
    if kinds:
        hint = kinds[_kind_of(kinds, data[name], here)]
    if rest and data[name] is not None:
        hint = _optional_of(hint) or hint
    if not rest and not _is_config(hint):
        data[name] = _parse_text(hint, text, here)
    elif rest and _is_config(hint):
        _set_field(hint, data[name], rest, text, here)
    elif rest:
        raise ConfigError(f"expected {_describe(hint)} for {here}, got field {'.'.join(rest)!r}")
    else:
        raise ConfigError(
            f"expected a field of the group {here}, got {text!r} for the whole group (allowed: {_field_names(hint)})"
        )


def _parse_text(hint: Any, text: str, where: str) -> Any:
    """Returns the JSON value that `text` means; `_read_value` still checks it."""
    optional = _optional_of(hint)
    if optional is not None:
        return None if text.lower() == "none" else _parse_text(optional, text, where)
    if get_origin(hint) is tuple:
        texts = [element.strip() for element in text.split(",")] if text else []
        hints = _element_types(hint, len(texts))
        if len(hints) == len(texts):
            return [_parse_text(h, t, where) for h, t in zip(hints, texts, strict=True)]
    elif get_origin(hint) is Literal:
        for choice in get_args(hint):
            if str(choice) == text:
                return choice
    elif hint is str:
        return text
    elif hint is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    elif hint in (int, float):
        try:
            return hint(text)
        except ValueError:
            pass  # The error below names the field as well.
    raise ConfigError(f"expected {_describe(hint)} for {where}, got {text!r}")


def _field_types(cls: type) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _field_names(cls: type) -> str:
    return ", ".join(_field_types(cls))


def _kinds_of(hint: Any) -> dict[str, Any]:
    """Returns the configs of a union of several by their kinds, or nothing for any other type."""
    if get_origin(hint) not in (Union, types.UnionType) or not all(_is_config(option) for option in get_args(hint)):
        return {}
    return {get_args(get_type_hints(option)["kind"])[0]: option for option in get_args(hint)}


def _kind_of(kinds: Mapping[str, Any], data: object, where: str) -> str:
    kind = data.get("kind") if isinstance(data, Mapping) else None
    if kind not in kinds:
        raise ConfigError(f"expected {where}.kind to be one of {', '.join(kinds)}, got {kind!r}")
    return str(kind)


def _is_config(hint: Any) -> bool:
    return isinstance(hint, type) and dataclasses.is_dataclass(hint)


def _optional_of(hint: Any) -> Any:
    """Returns X of `X | None`, or None for any other type."""
    if get_origin(hint) not in (Union, types.UnionType):
        return None
    options = [option for option in get_args(hint) if option is not type(None)]
    if len(options) != 1:
        raise TypeError(f"a config field may be X or X | None, got the union {hint}")
    return options[0]


def _element_types(hint: Any, length: int) -> tuple[Any, ...]:
    arguments = get_args(hint)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return (arguments[0],) * length
    return arguments


def _describe(hint: Any) -> str:
    if _kinds_of(hint):
        return f"an object whose kind is one of {', '.join(_kinds_of(hint))}"
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(repr(choice) for choice in get_args(hint))
    optional = _optional_of(hint)
    if optional is not None:
        return f"{_describe(optional)} or none"
    if get_origin(hint) is tuple:
        arguments = get_args(hint)
        if arguments[-1] is Ellipsis:
            return f"a list, each element {_describe(arguments[0])}"
        return f"a list of {len(arguments)}: " + ", ".join(_describe(a) for a in arguments)
    return _DESCRIPTIONS.get(hint, f"an object {getattr(hint, '__name__', hint)}")
