"""The formulas of Muesli in slow, obvious NumPy loops over float64 numbers."""

import numpy as np


def softmax(logits: np.ndarray, legal: np.ndarray) -> np.ndarray:
    """Returns probabilities over the legal actions, 0 elsewhere."""
    weights = np.zeros(len(logits))
    best = max(logits[a] for a in range(len(logits)) if legal[a])
    for a in range(len(logits)):
        if legal[a]:
            weights[a] = np.exp(logits[a] - best)
    return weights / weights.sum()


def two_hot(value: float, support: np.ndarray) -> np.ndarray:
    value = min(max(value, support[0]), support[-1])
    weights = np.zeros(len(support))
    for i in range(len(support) - 1):
        low, high = support[i], support[i + 1]
        if low <= value <= high:
            weights[i], weights[i + 1] = (high - value) / (high - low), (value - low) / (high - low)
            return weights
    raise AssertionError(value)


def categorical_loss(logits: np.ndarray, value: float, support: np.ndarray) -> float:
    probabilities = softmax(logits, np.ones(len(logits), bool))
    return -sum(w * np.log(p) for w, p in zip(two_hot(value, support), probabilities, strict=True) if w > 0)


def retrace(
    rewards: np.ndarray, discounts: np.ndarray, expected_q: np.ndarray, taken_q: np.ndarray, traces: np.ndarray
) -> np.ndarray:
    """Returns G_t written as a sum: the first estimate, then every later error, weighted by discounts and traces.

    Entry t of the last three belongs to the state after step t.
    """
    length = len(rewards)
    returns = np.zeros(length)
    for t in range(length):
        total = rewards[t] + discounts[t] * expected_q[t]
        weight = 1.0
        for s in range(t + 1, length):
            weight *= discounts[s - 1] * traces[s - 1]
            total += weight * (rewards[s] + discounts[s] * expected_q[s] - taken_q[s - 1])
        returns[t] = total
    return returns


def cmpo(prior: np.ndarray, advantage: np.ndarray, clip: float) -> np.ndarray:
    weights = np.array([p * np.exp(min(max(a, -clip), clip)) for p, a in zip(prior, advantage, strict=True)])
    return weights / weights.sum()


def sampled_weights(advantage: np.ndarray, clip: float) -> np.ndarray:
    count = len(advantage)
    weights = np.zeros(count)
    for k in range(count):
        normaliser = 1.0
        for i in range(count):
            if i != k:
                normaliser += np.exp(min(max(advantage[i], -clip), clip))
        weights[k] = np.exp(min(max(advantage[k], -clip), clip)) / (normaliser / count) / count
    return weights


def divergence(target: np.ndarray, policy: np.ndarray) -> float:
    return sum(t * np.log(t / p) for t, p in zip(target, policy, strict=True) if t > 0)


def muesli_terms(batch: dict, unroll_steps: int) -> dict[str, float]:
    """Returns every term of the loss for one batch.

    Args:
      batch: arrays `[B, T, ...]`: `logits`, `value_logits`, `model_policy_logits[k]`, `model_value_logits[k]`,
        `model_reward_logits[k]` for k = 1..K, `past_value_logits[k]` `[B, T, M, V]` for k = 0..K, `legal`, `action`,
        `log_behaviour`, `reward`, `is_terminal`, `is_truncated`, `target` (CMPO policy), `returns`,
        `past_returns` `[B, T, M]`, `advantage`, `anchor` (policy), `support`, `result_logits` and `result` `[B, T, 3]`.
      unroll_steps: K.
    """
    model = [_step_terms(batch, k) for k in range(1, unroll_steps + 1)]
    root = _root_terms(batch)
    past_values = [root.pop("past_value"), *(step.pop("past_value") for step in model)]
    means = {name: float(np.mean([step[name] for step in model])) for name in model[0]}
    return root | means | {"past_value": float(np.mean(past_values))}


def _root_terms(batch: dict) -> dict[str, float]:
    """Returns the terms of the positions themselves."""
    games, length = batch["action"].shape
    names = ("policy_gradient", "cmpo", "anchor", "value", "past_value", "result")
    terms: dict[str, list[float]] = {name: [] for name in names}
    for b in range(games):
        for t in range(length):
            policy = softmax(batch["logits"][b, t], batch["legal"][b, t])
            terms["cmpo"].append(divergence(batch["target"][b, t], policy))
            terms["anchor"].append(divergence(batch["anchor"][b, t], policy))
            if t == length - 1 or batch["is_truncated"][b, t]:
                continue
            taken = policy[batch["action"][b, t]]
            weight = min(1.0, taken / np.exp(batch["log_behaviour"][b, t]))
            terms["policy_gradient"].append(-weight * batch["advantage"][b, t] * np.log(taken))
            value_loss = categorical_loss(batch["value_logits"][b, t], batch["returns"][b, t], batch["support"])
            terms["value"].append(value_loss)
            terms["past_value"].append(_past_value_loss(batch, b, t, 0, batch["past_returns"][b, t]))
            result = softmax(batch["result_logits"][b, t], np.ones(3, bool))
            terms["result"].append(-float(np.sum(batch["result"][b, t] * np.log(result))))
    return {name: float(np.mean(losses)) for name, losses in terms.items()}


def _step_terms(batch: dict, k: int) -> dict[str, float]:
    """Returns the terms of the model k steps after every position."""
    support, rewards = batch["support"], np.array([-1.0, 0.0, 1.0])
    games, length = batch["action"].shape
    terms: dict[str, list[float]] = {name: [] for name in ("reward", "model_value", "past_value", "model_policy")}
    for b in range(games):
        for t in range(length):
            # The k-th action must have been played in the same game, and inside the sequence.
            over = batch["is_terminal"][b] | batch["is_truncated"][b]
            if t + k - 1 >= length or any(over[t : t + k - 1]):
                continue
            reward_logits = batch["model_reward_logits"][k][b, t]
            terms["reward"].append(categorical_loss(reward_logits, batch["reward"][b, t + k - 1], rewards))
            value_logits = batch["model_value_logits"][k][b, t]
            if batch["is_terminal"][b, t + k - 1]:
                terms["model_value"].append(categorical_loss(value_logits, 0.0, support))
                terms["past_value"].append(_past_value_loss(batch, b, t, k, np.zeros(batch["past_returns"].shape[2])))
                continue
            if t + k >= length or batch["is_truncated"][b, t + k - 1]:
                continue
            if t + k < length - 1 and not batch["is_truncated"][b, t + k]:
                terms["model_value"].append(categorical_loss(value_logits, batch["returns"][b, t + k], support))
                terms["past_value"].append(_past_value_loss(batch, b, t, k, batch["past_returns"][b, t + k]))
            policy = softmax(batch["model_policy_logits"][k][b, t], batch["legal"][b, t + k])
            terms["model_policy"].append(divergence(batch["target"][b, t + k], policy))
    return {name: float(np.mean(losses)) for name, losses in terms.items()}


def _past_value_loss(batch: dict, b: int, t: int, k: int, returns: np.ndarray) -> float:
    """Returns the loss of the values under past policies k steps after position t, summed over these policies."""
    logits = batch["past_value_logits"][k][b, t]
    return sum(categorical_loss(logits[m], value, batch["support"]) for m, value in enumerate(returns))
