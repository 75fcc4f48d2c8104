"""morlbench: benchmark and leaderboard for multi-objective reinforcement learning of language models.

Start at `morlbench.run` (the page that everything serves) or at the contracts: `morlbench.task`, `.method`, `.metric`.
Importing this package loads nothing.
"""

__version__ = "0.1.0"
