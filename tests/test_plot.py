"""Figures: the same files for the same records, everything drawn that a reader needs, one colour per method."""

import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from evidence import record

from morlbench import dots, plot
from morlbench.errors import BadInput
from morlbench.panels import FIXED, PALETTE, colour


def words(figure):
    texts = [figure.get_suptitle(), *(text.get_text() for text in figure.texts)]
    for ax in figure.axes:
        texts += [ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left"), *(text.get_text() for text in ax.texts)]
    return "\n".join(texts + [text.get_text() for legend in figure.legends for text in legend.get_texts()])


def test_equal_records_give_equal_files_without_a_date(tmp_path):
    records = [record(method=name, prompts=20) for name in ("moe-cmab", "base")]
    first, again = plot.plot_front(records, tmp_path / "a"), plot.plot_front(records, tmp_path / "b")
    assert [path.name for path in first] == ["a.png", "a.svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    assert not re.search(r"\d{4}-\d\d-\d\dT", first[1].read_text(encoding="utf-8"))


def test_identifiers_in_an_svg_are_numbers_and_still_point_at_what_they_name():
    drawn = b'<clipPath id="p0123456789"/><g clip-path="url(#p0123456789)"/><path id="mabcdef0123"/><use xlink:href="#mabcdef0123"/>'
    other = drawn.replace(b"0123456789", b"9876543210")  # as another processor hashes the same clip
    assert plot._numbered(drawn) == plot._numbered(other)
    assert plot._numbered(drawn) == b'<clipPath id="p0"/><g clip-path="url(#p0)"/><path id="m1"/><use xlink:href="#m1"/>'


def test_a_figure_names_axes_direction_base_reference_point_and_preferences():
    runs = [record(method="mod", prompts=40, reference_front=True).evidence]
    text = words(plot.front_figure(runs))
    for needed in (
        "objective-1",
        "objective-2",
        "higher is better",
        "base",
        "reference point",
        "reference front",
        "mod",
        "w=0",
        "w=0.5",
        "w=1",
    ):
        assert needed in text


def test_a_confidence_region_holds_the_true_mean_in_95_of_100_cases():
    from matplotlib.figure import Figure

    from morlbench.panels import _region

    hits, axes = 0, Figure().subplots()
    for seed in range(300):
        _region(axes, np.random.default_rng(seed).multivariate_normal([0.5, 0.5], [[0.04, 0.02], [0.02, 0.03]], 30), "k", alpha=0.1)
        ellipse = axes.patches[-1]
        hits += bool(ellipse.contains_point(axes.transData.transform((0.5, 0.5))))
    assert 275 <= hits <= 295


@pytest.mark.parametrize(("k", "panels"), [(2, 1), (3, 3), (4, 6), (5, 1)])
def test_more_objectives_are_drawn_pair_by_pair_and_then_side_by_side(k, panels):
    figure = plot.front_figure([record(k=k, prompts=6, adapt=False).evidence])
    assert len(figure.axes) == panels


def test_exact_tasks_show_regularised_returns_against_the_true_front():
    figure = plot.front_figure([record(prompts=10, exact=True).evidence])
    assert len(figure.axes) == 2
    assert "true front" in words(figure)


def test_several_tasks_get_a_figure_each(tmp_path):
    paths = plot.plot_front([record(task="one", prompts=5), record(task="two", prompts=5)], tmp_path / "front")
    assert [path.name for path in paths] == ["front-one.png", "front-one.svg", "front-two.png", "front-two.svg"]


def test_runs_of_other_budgets_or_bases_get_a_figure_of_their_own_that_says_so(tmp_path, monkeypatch):
    def drawn(records):
        found = {}
        monkeypatch.setattr(plot, "save", lambda figure, stem: [found.setdefault(stem.name, words(figure))])
        plot.plot_front(records, tmp_path / "front")
        return found

    on_nano = [record(budget=budget, prompts=5) for budget in (4096, 256)]
    elsewhere = [replace(run, evidence=replace(run.evidence, base="other-0a")) for run in on_nano]
    budgets = drawn(on_nano)
    assert list(budgets) == ["front+budget=256", "front+budget=4096"]
    assert "synthetic · 256 scored responses · seed 0" in budgets["front+budget=256"]
    assert "base nano" not in budgets["front+budget=256"]
    every = drawn([*on_nano, *elsewhere])
    assert list(every) == [f"front+base={base}+budget={budget}" for base in ("nano", "other-0a") for budget in (256, 4096)]
    assert "base other-0a" in every["front+base=other-0a+budget=256"]
    assert list(drawn([*on_nano, record(task="one", prompts=5)])) == ["front-one", *(f"front-synthetic+budget={n}" for n in (256, 4096))]


def test_labels_of_one_panel_do_not_overlap():
    records = [record(method=name, gain=gain, prompts=60) for name, gain in (("moe-cmab", 0.3), ("mod", 0.29), ("rewarded-soups", 0.28))]
    figure = plot.front_figure([r.evidence for r in records])
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) >= 3
    assert not [1 for a, b in combinations(boxes, 2) if a.overlaps(b)]


def test_a_method_keeps_its_colour_and_the_known_ones_differ():
    assert colour("a-new-method") == colour("a-new-method")
    assert len({colour(name) for name in FIXED}) == len(FIXED) == len(PALETTE)


def test_a_variant_under_a_short_label_has_its_methods_colour_and_a_mark_of_its_own(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(dots, "save", lambda figure, stem: drawn.append(figure) or [])
    methods = {"mod": "", "protected-experts": "projected 0.3", "protected-experts+experts=anchored": "anchored", "combine": "hidden-pre"}
    some = [dots.Dot("a", method, 0.1, 0.05, 0.2, label) for method, label in methods.items()]
    dots.dots(some, tmp_path / "gap", title="gap", unit="gap")
    marks = [line for line in drawn[0].axes[0].lines if len(line.get_xdata()) == 1]
    assert [line.get_color() for line in marks] == [colour(name) for name in ("mod", "protected-experts", "protected-experts", "combine")]
    assert [text.get_text() for text in drawn[0].axes[0].get_yticklabels()] == ["mod", "projected 0.3", "anchored", "hidden-pre"]
    assert marks[1].get_marker() != marks[2].get_marker()


def test_differences_are_held_against_a_line_on_one_axis_that_shows_every_panels_values(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(dots, "save", lambda figure, stem: drawn.append(figure) or [])
    some = [dots.Dot("a", "mod", -0.2, -0.3, -0.1), dots.Dot("b", "mod", 0.4, 0.3, 0.5)]
    dots.dots(some, tmp_path / "gap", title="gap", unit="gap", line=0.0)
    left, right = drawn[0].axes
    assert left.get_xlim() == right.get_xlim()
    assert left.get_xlim()[0] < -0.3 < 0.5 < left.get_xlim()[1]
    assert all([0.0, 0.0] in [list(line.get_xdata()) for line in ax.lines] for ax in (left, right))


def test_a_name_with_a_dollar_is_drawn_as_it_is(tmp_path):
    odd = record(prompts=10)
    facts = replace(odd.evidence.task, objectives=("$\\frac$", *odd.evidence.task.objectives[1:]))
    paths = plot.plot_front([replace(odd, evidence=replace(odd.evidence, task=facts))], tmp_path / "front")
    assert all(path.stat().st_size for path in paths)


@pytest.mark.parametrize("stem", [".", "", "..", "a/.."])
def test_a_path_that_names_no_file_is_a_sentence(stem):
    with pytest.raises(BadInput, match="names no file"):
        plot.plot_front([record(prompts=10)], Path(stem))


def test_seeds_that_were_asked_different_questions_are_a_sentence():
    odd = [record(seed=0, prompts=10), record(seed=1, prompts=8)]
    with pytest.raises(BadInput, match="hold different questions"):
        plot.front_figure([one.evidence for one in odd])


def test_nothing_to_plot_is_a_sentence():
    with pytest.raises(BadInput, match="no record to plot"):
        plot.plot_front([], None)
