"""Anderson acceleration of one sample in plain NumPy: the bordered system, solved in float64."""

from collections.abc import Callable

import numpy as np


def bordered_weights(residuals: np.ndarray, ridge: float) -> np.ndarray:
    """Minimises |sum_j w_j g_j|^2 + r |w|^2 under sum w = 1 by its Lagrange system.

    residuals is [m, N] and holds filled slots only.
    """
    count = len(residuals)
    gram = np.empty((count, count))
    for i in range(count):
        for j in range(count):
            gram[i, j] = np.dot(residuals[i], residuals[j])
    system = np.zeros((count + 1, count + 1))
    system[0, 1:] = 1.0
    system[1:, 0] = 1.0
    system[1:, 1:] = gram + ridge * np.mean(np.diag(gram)) * np.eye(count)
    right = np.zeros(count + 1)
    right[0] = 1.0
    return np.linalg.solve(system, right)[1:]


def anderson_images(
    f: Callable[[np.ndarray], np.ndarray],
    z0: np.ndarray,
    *,
    steps: int,
    memory: int,
    ridge: float,
    damping: float,
) -> np.ndarray:
    """Returns f(z_0), f(z_1), ... as [steps, N] for one sample z0 [N]."""
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    images = []
    z = np.asarray(z0, np.float64)
    for _ in range(steps):
        image = f(z)
        images.append(image)
        pairs = [*pairs, (z, image)][-memory:]
        weights = bordered_weights(np.array([b - a for a, b in pairs]), ridge)
        z = np.zeros_like(z)
        for weight, (old_z, old_image) in zip(weights, pairs, strict=True):
            z = z + weight * (damping * old_image + (1.0 - damping) * old_z)
    return np.array(images)
