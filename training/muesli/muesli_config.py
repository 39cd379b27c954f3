"""The settings of Muesli; every term of the loss has a weight, and 0 switches it off."""

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True, kw_only=True)
class LossWeights:
    """Weights of the terms of the loss (Hessel et al. 2021, eq. 13, and table 5).

    The paper divides the values' weight by K + 1; here the value of the position has one share and the mean over the
    unrolled ones another, so that neither depends on K.
    """

    # Importance-weighted policy gradient on the Retrace return.
    policy_gradient: float = 1.0
    # Regulariser towards the CMPO policy, lambda in the paper.
    cmpo: float = 1.0
    # Policies of the unrolled model.
    model_policy: float = 1.0
    # Value of the position, k = 0.
    value: float = 0.25
    # Values of the unrolled model, k = 1..K: proper value equivalence for the current policy (Grimm et al. 2021).
    model_value: float = 0.25
    # Rewards of the unrolled model.
    reward: float = 1.0
    # Values of past policies, where `past_rates` names some.
    past_value: float = 0.05
    # Win, draw and loss of the position, for a network that shows them and began with random weights.
    result: float = 0.0
    # KL of the policy from that of the weights a run began with, against forgetting.
    anchor: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError for a negative weight."""
        for field in dataclasses.fields(self):
            if getattr(self, field.name) < 0:
                raise ValueError(f"expected {field.name} of at least 0, got {getattr(self, field.name)}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class MuesliConfig:
    """Targets and losses of Muesli."""

    # Terms of the loss.
    weights: LossWeights = LossWeights()
    # K, unroll steps of the model in the loss, at least 1.
    unroll_steps: int = 3
    # Which actions' values make the CMPO policy: those of all legal ones, of some drawn from the prior, or of its most
    # probable ones, which has little noise and counts the others as average.
    cmpo_mode: Literal["exact", "sampled", "best"] = "exact"
    # Actions that are drawn in mode `sampled` or chosen in mode `best`.
    cmpo_samples: int = 16
    # c, the bound on normalised advantages in the CMPO policy.
    cmpo_clip: float = 1.0
    # Factor on these advantages before the clip; above 1 where the values of a position's actions differ far less from
    # each other than returns do from values, whose scale they are divided by.
    cmpo_gain: float = 1.0
    # Where action values come from: one step of the learned model, or the rules, which know the reward and the position
    # after an action; that takes an evaluation of each candidate, which self-play then chooses when it plays.
    lookahead: Literal["model", "rules"] = "model"
    # lambda of Retrace; 0 gives one-step returns.
    retrace_lambda: float = 0.95
    # Values that Retrace bootstraps from: action values as above, or the values of positions, for a trained network
    # beside an untrained model, whose errors would otherwise become the returns that it learns from.
    bootstrap: Literal["model", "value"] = "model"
    # Whether advantages are divided by their running scale.
    normalises_advantages: bool = True
    # Decay of that scale's running mean, per update.
    advantage_decay: float = 0.99
    # Least scale, in units of value (-1 loss to 1 win).
    advantage_floor: float = 0.02
    # Share of the new parameters in the target network, per update.
    target_rate: float = 0.05
    # Such shares of past networks whose policies are evaluated too, slowest last; none by default.
    past_rates: tuple[float, ...] = ()
    # Share of the gradient that passes back through each step of the model.
    latent_gradient: float = 0.5

    @property
    def needs_model(self) -> bool:
        """Whether the model is learned or asked for action values; otherwise it is not computed at all."""
        weights = self.weights
        is_learned = max(weights.model_policy, weights.model_value, weights.reward) > 0
        return is_learned or self.lookahead == "model" or bool(self.past_rates)

    def __post_init__(self) -> None:
        """Raises ValueError for a value outside its range."""
        shares = (*self.past_rates, self.target_rate)
        for name, is_valid, allowed in (
            ("unroll_steps", self.unroll_steps >= 1, "at least 1"),
            ("cmpo_samples", self.cmpo_samples >= 1, "at least 1"),
            ("cmpo_clip", self.cmpo_clip > 0, "above 0"),
            ("cmpo_gain", self.cmpo_gain > 0, "above 0"),
            ("retrace_lambda", 0 <= self.retrace_lambda <= 1, "in [0, 1]"),
            ("advantage_decay", 0 <= self.advantage_decay < 1, "in [0, 1)"),
            ("advantage_floor", self.advantage_floor > 0, "above 0"),
            ("target_rate and past_rates", all(0 < share <= 1 for share in shares), "in (0, 1]"),
            ("latent_gradient", 0 <= self.latent_gradient <= 1, "in [0, 1]"),
        ):
            if not is_valid:
                raise ValueError(f"expected {name} {allowed}, got {getattr(self, name, shares)}")
        if self.lookahead == "rules" and self.cmpo_mode == "sampled":
            # Replayed draws are those of an older prior, which the estimate would pull the policy back to.
            raise ValueError("expected cmpo_mode exact or best with lookahead rules, got sampled")
        if self.cmpo_mode == "best" and self.bootstrap == "model":
            # The mean over the most probable actions is not the value of the policy.
            raise ValueError("expected bootstrap value with cmpo_mode best, got model")
