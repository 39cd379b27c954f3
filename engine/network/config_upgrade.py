"""Settings of networks as older versions wrote them, brought to today's form; what they say stays the same.

Reading settings is strict, so that a folder from other code fails and does not play differently. Fields that came later
are therefore added here, with the value that means what older code did.
"""

from collections.abc import Mapping
from typing import Any


def upgraded(config: object) -> object:
    """Returns a network's settings in today's form: those that name no core are of the equilibrium core.

    Args:
      config: decoded JSON.
    """
    if not isinstance(config, Mapping) or "core" in config:
        return config
    today: dict[str, Any] = {**config, "core": {"kind": "deq"}}
    gradient = config.get("gradient")
    if isinstance(gradient, Mapping):
        today["gradient"] = {**gradient, "kept": {"schedule": "state", "places": 4}}
    return today
