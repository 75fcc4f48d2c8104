"""morlbench: benchmark and leaderboard for multi-objective reinforcement learning of language models."""
