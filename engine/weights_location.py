"""Finds the weights of the shipped network, whatever the working directory is."""

import json
import os
import sys
from pathlib import Path

ENVIRONMENT_VARIABLE = "RECURSEZERO_WEIGHTS"
DEFAULT_NETWORK = "wide"


class WeightsNotFoundError(ValueError):
    """There is no folder with weights in any of the usual places; the text is one line."""


def default_weights_folder() -> Path:
    """Returns the folder of the network that plays unless another one is named.

    The environment variable RECURSEZERO_WEIGHTS, if set, names the network's folder. Otherwise it
    is `weights/wide` next to the package `engine` (a checkout, or an installation), or else
    `share/recursezero/weights/wide` under the Python installation.

    Raises:
      WeightsNotFoundError: none of these is a folder.
    """
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        places = [Path(os.path.expanduser(named))]
    else:
        places = [
            Path(__file__).resolve().parent.parent / "weights" / DEFAULT_NETWORK,
            Path(sys.prefix) / "share" / "recursezero" / "weights" / DEFAULT_NETWORK,
        ]
    for place in places:
        if place.is_dir():
            return place
    tried = ", ".join(str(place) for place in places)
    source = f"{ENVIRONMENT_VARIABLE}" if named else "the shipped network"
    raise WeightsNotFoundError(
        f"expected a folder with weights for {source}, got none (tried: {tried}; "
        f"set WeightsFile, --weights or {ENVIRONMENT_VARIABLE})"
    )


def network_label(folder: Path | None) -> str:
    """Returns a short name of a network, its folder and the start of its checksum, or "" if it has no checksum.

    Args:
      folder: of the network, None for the shipped one.
    """
    try:
        folder = folder or default_weights_folder()
        checksum = str(json.loads((folder / "network.json").read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, TypeError, KeyError):
        return ""  # loading it reports the reason
    return f"{folder.name} {checksum[:8]}"
