"""Every random stream comes from here: a run's seed and the labels of its use make a new seed."""

import hashlib


def derive(seed: int, *labels: str | int) -> int:
    """Return a 63-bit seed that depends on `seed` and every label, and on nothing else."""
    text = "\x1f".join([str(seed), *map(str, labels)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
