"""The experts of `moe-cmab`: one adapter per objective, each stepping so that the other objectives are not harmed."""

from morlbench.lm.meta import Experts
from morlbench.lm.meta import protected_experts as train_experts

__all__ = ["Experts", "train_experts"]
