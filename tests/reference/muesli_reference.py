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
        `model_reward_logits[k]` for k = 1..K, `legal`, `action`, `log_behaviour`, `reward`, `is_terminal`, `target`
        (CMPO policy), `returns`, `advantage`, `support`.
      unroll_steps: K.
    """
    support, rewards = batch["support"], np.array([-1.0, 0.0, 1.0])
    games, length = batch["action"].shape
    terms: dict[str, list[list[float]]] = {name: [[] for _ in range(unroll_steps + 1)] for name in ("policy", "value")}
    terms["reward"] = [[] for _ in range(unroll_steps + 1)]
    gradient, cmpo_terms = [], []
    for b in range(games):
        for t in range(length):
            policy = softmax(batch["logits"][b, t], batch["legal"][b, t])
            cmpo_terms.append(divergence(batch["target"][b, t], policy))
            if t < length - 1:
                taken = policy[batch["action"][b, t]]
                weight = min(1.0, taken / np.exp(batch["log_behaviour"][b, t]))
                gradient.append(-weight * batch["advantage"][b, t] * np.log(taken))
                loss = categorical_loss(batch["value_logits"][b, t], batch["returns"][b, t], support)
                terms["value"][0].append(loss)
            for k in range(1, unroll_steps + 1):
                # The k-th action must have been played in the same game, and inside the sequence.
                if t + k - 1 >= length or any(batch["is_terminal"][b, t : t + k - 1]):
                    break
                reward_logits = batch["model_reward_logits"][k][b, t]
                terms["reward"][k].append(categorical_loss(reward_logits, batch["reward"][b, t + k - 1], rewards))
                value_logits = batch["model_value_logits"][k][b, t]
                if batch["is_terminal"][b, t + k - 1]:
                    terms["value"][k].append(categorical_loss(value_logits, 0.0, support))
                    break
                if t + k >= length:
                    break
                if t + k < length - 1:
                    terms["value"][k].append(categorical_loss(value_logits, batch["returns"][b, t + k], support))
                policy = softmax(batch["model_policy_logits"][k][b, t], batch["legal"][b, t + k])
                terms["policy"][k].append(divergence(batch["target"][b, t + k], policy))

    def mean_over_steps(name: str) -> float:
        return float(np.mean([np.mean(losses) for losses in terms[name][1:]]))

    return {
        "policy_gradient": float(np.mean(gradient)),
        "cmpo": float(np.mean(cmpo_terms)),
        "value": float(np.mean(terms["value"][0])),
        "model_policy": mean_over_steps("policy"),
        "model_value": mean_over_steps("value"),
        "reward": mean_over_steps("reward"),
    }
