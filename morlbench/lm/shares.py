"""Into how many trainings a budget is divided: as many as are wanted, unless much of it would stay unspent.

A training takes whole batches, and whole checkpoints where the store keeps it, so of a short share much may be left over: of 4,096
responses eleven trainings of 372 would take 256 each. Leaves out unequal shares.
"""

from collections.abc import Callable

from morlbench.lm.train import whole_steps
from morlbench.lm.trained import Settings

SPARE = 0.1  # of the responses, at most, that equal shares may leave unspent
FEWEST, MOST = 8, 256  # dev answers that measure a training


def trainings(responses: int, least: int, most: int, spent: Callable[[int], int]) -> int:
    """Return into how many equal shares responses are divided: the most that leave a tenth of them unspent or less, else what leaves least.

    spent: what so many trainings take in all.

    >>> trainings(4096, 2, 11, lambda count: count * (4096 // count // 256 * 256))
    8
    """
    left = {count: responses - spent(count) for count in range(most, least - 1, -1)}
    return next((count for count, rest in left.items() if rest <= SPARE * responses), min(left, key=left.__getitem__))


def looks(share: int, part: float) -> int:
    """Return how many answers of a share measure on dev what came of the training: `part` of it, within FEWEST and MOST."""
    return min(max(int(share * part), FEWEST), MOST)


def measured(share: int, part: float, settings: Settings, *, stored: bool = True) -> int:
    """Return what a training, in whole checkpoints if it is stored, and its measure take of a share."""
    answers = looks(share, part)
    left = share - answers
    return answers + (whole_steps(left, settings) if stored else left // settings.batch * settings.batch)
