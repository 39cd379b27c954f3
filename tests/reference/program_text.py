"""What to look for in the text of a lowered program: transfers to the host, and numbers of 64 bits."""

import re

_TRANSFERS = re.compile(
    r"callback|infeed|outfeed|stablehlo\.send|stablehlo\.recv|xla_ffi_python|CustomCall.*host", re.I
)
_WIDE = re.compile(r"tensor<(?:[^>]*x)?(?:f64|i64|ui64|complex<f64>)>")
# Attributes, such as the axes of a slice, are written in 64 bits; nothing computes with them.
_ATTRIBUTE = re.compile(r"\b\w+ = (?:dense|array)<[^>]*>(?: : tensor<[\dx]+i64>)?")


def transfers(text: str) -> list[str]:
    """Returns all traces of anything that passes between device and host while the program runs."""
    return _TRANSFERS.findall(text)


def wide_numbers(text: str) -> list[str]:
    """Returns the types of all arrays of 64-bit numbers."""
    return _WIDE.findall(_ATTRIBUTE.sub("", text))
