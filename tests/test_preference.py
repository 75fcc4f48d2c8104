"""The preferences every method is evaluated at: how many of each kind the protocol asks for."""

import numpy as np
import pytest

from morlbench.errors import BadInput
from morlbench.preference import INTERIOR, Array, held_out, lattice


def kinds(points: Array) -> dict[str, int]:
    """Count vertices, middles of two objectives, the centroid and what lies inside; the rest is 'other'."""
    k = points.shape[1]
    shares = {(1.0,): "vertex", (0.5, 0.5): "pair"}
    found = {"vertex": 0, "pair": 0, "centroid": 0, "inside": 0, "other": 0}
    for w in points:
        positive = tuple(np.sort(w[w > 0]).tolist())
        inside = "inside" if (w >= INTERIOR).all() else "other"
        found["centroid" if np.allclose(w, 1 / k) else shares.get(positive, inside)] += 1
    return found


@pytest.mark.parametrize(
    ("k", "vertex", "pair", "inside"),
    [(5, 5, 10, 19), (10, 10, 0, 44)],  # 35 and 55 with the centroid: the protocol of `preference.lattice`
)
def test_beyond_four_objectives_preferences_are_vertices_pairs_the_centroid_and_interior_points(
    k: int, vertex: int, pair: int, inside: int
) -> None:
    assert kinds(lattice(k)) == {"vertex": vertex, "pair": pair, "centroid": 1, "inside": inside, "other": 0}
    assert len(lattice(k)) == {5: 35, 10: 55}[k]


def test_two_objectives_have_eleven_preferences_a_tenth_apart_and_three_have_twenty_one_a_fifth_apart() -> None:
    assert lattice(2) == pytest.approx(np.array([[i / 10, 1 - i / 10] for i in range(11)]))
    assert len(lattice(3)) == 21
    assert np.abs(lattice(3) * 5 - np.round(lattice(3) * 5)).max() < 1e-9
    with pytest.raises(BadInput, match="at least 2"):
        lattice(1)


@pytest.mark.parametrize("k", [2, 3, 4, 5, 6, 7, 10])
def test_preferences_lie_on_the_simplex_and_none_is_asked_twice(k: int) -> None:
    points = lattice(k)
    assert points.min() >= 0
    assert points.sum(1) == pytest.approx(1)
    assert np.abs(points[:, None] - points).sum(-1)[~np.eye(len(points), dtype=bool)].min() > 0.02
    assert (points.max(1) == 1).sum() == k
    assert points.tolist() == lattice(k).tolist()


def test_interior_preferences_lie_far_apart() -> None:
    """No two of ten objectives' 44 are as near as the nearest two of 44 that are drawn."""

    def nearest(points: Array) -> float:
        return float(np.abs(points[:, None] - points).sum(-1)[~np.eye(len(points), dtype=bool)].min())

    inside = lattice(10)[11:]
    assert nearest(inside) > 1.5 * max(nearest(np.random.default_rng(seed).dirichlet(np.ones(10), 44)) for seed in range(10))


def test_a_tasks_eight_held_out_preferences_are_its_own() -> None:
    assert held_out("a", 3).shape == (8, 3)
    assert held_out("a", 3).sum(1) == pytest.approx(1, abs=2e-4)
    assert held_out("a", 3).tolist() == held_out("a", 3).tolist()
    assert held_out("a", 3).tolist() != held_out("b", 3).tolist()
