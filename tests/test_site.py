"""The site's files: the browser's ranks are Python's, nothing is lost or mixed, nothing from a record becomes markup, bytes are stable."""

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import numpy as np
import pytest
from scipy import stats as scipy_stats
from site_board import ATTACK, TASKS, THRESHOLDS, Site, make, node

from morlbench import cli, comparison, console, gather, legend
from morlbench.errors import BadInput, BadRecord
from morlbench.history import GRADES
from morlbench.preference import Array, Utility
from morlbench.record import load
from morlbench.site import card, pack, rerank, write
from morlbench.site.pages import scale
from morlbench.site.rerank import Wish
from morlbench.stats import Interval
from morlbench.store import write_bytes

STATIC = Path(write.__file__).parent / "static"
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
RUN = """
const fs = require("fs"), vm = require("vm"), [code, folder] = process.argv.slice(1);
vm.runInThisContext(fs.readFileSync(code, "utf8"));
const seen = new Map(), receive = morlbench.receive;
morlbench.receive = (name, data) => { seen.set(name, data); receive(name, data); };
for (const file of fs.readdirSync(folder)) vm.runInThisContext(fs.readFileSync(`${folder}/${file}`, "utf8"));
const board = seen.get("board"), asked = JSON.parse(fs.readFileSync(0, "utf8"));
const found = asked.map(({ tasks, methods, view, wish }) => {
  const answers = (task, method) => {
    const held = seen.get(`rewards-${task.name}`);
    return morlbench.bytes(method === null ? held.base : held.methods[method][view]);
  };
  return morlbench.rerank(tasks.map((name) => board.tasks[name]), methods, view, wish, board.draws, answers);
});
console.log(JSON.stringify(found));
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make(tmp_path_factory.mktemp("site"))


def wishes(count: int) -> list[tuple[list[str], str, Wish]]:
    """Random preferences over tasks of two and three objectives, in both tracks, under every utility, with and without KL."""
    rng = np.random.default_rng(0)
    made = []
    for i in range(count):
        tasks, view = [(["pair"], "front"), (["exact-competing", "pair"], "front"), (["triple"], "front"), (["pair"], "single")][i % 4]
        if i % 8 == 1:  # a task given again is one more task: four and five are averaged in two ways
            tasks = tasks * 2 + tasks[: i % 16 // 8]
        w = rng.dirichlet(np.ones(TASKS[tasks[0]]))
        if i % 10 == 0:
            w = np.eye(len(w))[i // 10 % len(w)]
        name = ("linear", "chebyshev", "soft-threshold", "hard-threshold")[i // 4 % 4]
        made.append((tasks, view, Wish(tuple(w.tolist()), name, charged=i % 3 == 0)))
    return made


def able(site: Site, tasks: list[str], view: str) -> list[str]:
    board = site.ranking.board
    names = dict.fromkeys(row.method for s in site.ranking.standings for row in s.rows)
    return [m for m in names if all(m in site.packs[t].methods and pack.whole(site.packs[t].methods[m], view, board) for t in tasks)]


@needs_node
def test_the_browsers_ranks_are_pythons_on_160_random_preferences(site: Site) -> None:
    asked = [(tasks, view, wish, able(site, tasks, view)) for tasks, view, wish in wishes(160)]
    words = [
        {
            "tasks": tasks, "methods": methods, "view": view,
            "wish": {"preference": wish.preference, "utility": wish.utility, "charged": wish.charged},
        }
        for tasks, view, wish, methods in asked
    ]  # fmt: skip
    browser = json.loads(node(RUN, json.dumps(words), STATIC / "rerank.js", site.folder / "planted" / "data"))
    several = 0
    for (tasks, view, wish, methods), found in zip(asked, browser, strict=True):
        python = rerank.rerank([site.packs[task] for task in tasks], methods, view, wish)
        assert [(p.method, p.group) for p in python] == [(f["method"], f["group"]) for f in found]
        ours = np.array([(p.gain, p.rank, p.low, p.high) for p in python])
        theirs = np.array([(f["gain"], f["rank"], f["low"], f["high"]) for f in found])
        np.testing.assert_allclose(ours, theirs, atol=1e-9)
        several += len({p.group for p in python}) > 1
    assert several > 40  # the comparison is not one of ties alone


@needs_node
def test_without_the_bases_answers_neither_ranks_anybody(site: Site) -> None:
    board = json.loads((site.folder / "planted" / "data" / "board.js").read_text().split("(", 1)[1].split(",", 1)[1].rsplit(")", 1)[0])
    pack, wish = site.packs["pair"], Wish((0.3, 0.7))
    task = board["tasks"]["pair"] | {"base": [None, None]}
    script = """
    require("vm").runInThisContext(require("fs").readFileSync(process.argv[1], "utf8"));
    const { task, methods, wish, draws } = JSON.parse(require("fs").readFileSync(0));
    console.log(JSON.stringify(morlbench.rerank([task], methods, "front", wish, draws, () => null)));
    """
    methods = able(site, ["pair"], "front")
    words = {"task": task, "methods": methods, "draws": board["draws"], "wish": {"preference": [0.3, 0.7], "utility": "linear"}}
    assert json.loads(node(script, json.dumps(words | {"task": board["tasks"]["pair"]}), STATIC / "rerank.js"))
    assert json.loads(node(script, json.dumps(words), STATIC / "rerank.js")) == []
    assert rerank.rerank([replace(pack, base=np.full(2, np.nan))], methods, "front", wish) == []


@needs_node
def test_students_p_values_are_scipys() -> None:
    script = """
    require("vm").runInThisContext(require("fs").readFileSync(process.argv[1], "utf8"));
    console.log(JSON.stringify(JSON.parse(require("fs").readFileSync(0)).map(([t, v]) => morlbench.studentP(t, v))));
    """
    places = [(t, v) for t in (0.0, 0.3, -1.5, 2.776, 12.0) for v in (1, 2, 3, 4, 5, 9, 20)]
    found = json.loads(node(script, json.dumps(places), STATIC / "rerank.js"))
    np.testing.assert_allclose(found, [2 * scipy_stats.t.sf(abs(t), v) for t, v in places], atol=1e-12)


def direct(site: Site, method: str, task: str, wish: Wish) -> Array:
    """The utility per seed straight from the records, with rewards as they are stored."""
    found = []
    for entry, records in gather.by_entry(site.ranking.board):
        for run in (r.evidence for r in records if entry == method and r.evidence.task.name == task):
            probe, w = run.probe("front"), np.array(wish.preference)
            row = int(np.abs(probe.preferences - w).sum(1).argmin())
            limits = THRESHOLDS[task] if wish.utility.endswith("threshold") else ()
            found.append(Utility(wish.utility, limits)(probe.rewards[row], w).mean())
    return np.array(found)


@pytest.mark.parametrize(("name", "slope"), [("linear", 1), ("chebyshev", 1.05), ("soft-threshold", 5)])
def test_a_packed_utility_is_the_records_within_the_rounding_of_a_byte(site: Site, name: str, slope: float) -> None:
    wish = Wish((0.33, 0.67), name)
    for method in ("mod", "base"):
        view = site.packs["pair"].methods[method].views["front"]
        packed = rerank.utility_of(view, site.packs["pair"], site.packs["pair"].asked, wish)
        assert np.abs(packed - direct(site, method, "pair", wish)).max() < slope / 510


def test_an_answer_at_the_threshold_meets_it_whatever_rounding_does(site: Site) -> None:
    at = np.array([0.1, 0.3, 0.5, 0.5814, 0.7])
    assert (pack.stepped(at - 1.01 / 255) < pack.stepped(at)).all()
    assert (pack.stepped(np.float32(at).astype(float)) >= pack.stepped(at)).all()  # records hold 32 bits
    task = replace(site.packs["pair"], thresholds=(0.581, 0.3))
    met, missed = np.array([[0.5814, 0.3]]), np.array([[0.5814, 0.29]])
    wish = Wish((0.5, 0.5), "hard-threshold")
    assert [rerank._worth(pack.stepped(one), task, wish).tolist() for one in (met, missed)] == [[1.0], [0.0]]


def test_planted_orders_and_ties_are_found(site: Site) -> None:
    places = rerank.rerank([site.packs["exact-competing"]], ["base", "twin-b", "twin-a", "moe-cmab"], "front", Wish((0.5, 0.5)))
    assert [p.method for p in places] == ["moe-cmab", "twin-b", "twin-a", "base"]
    assert places[1].group == places[2].group < places[3].group
    assert places[1].rank == places[2].rank == 2.5
    gain = dict(zip([p.method for p in places], [p.gain for p in places], strict=True))
    assert gain["twin-a"] == pytest.approx(0.28 * np.sqrt(0.5), abs=1e-6)  # exact values: start + gain sqrt(w), less start
    assert gain["base"] == pytest.approx(0, abs=1e-6)


def test_few_tasks_are_averaged_plainly_by_the_slider_too(site: Site) -> None:
    names, wish = ["exact-competing", "exact-competing", "exact-competing", "pair"], Wish((0.2, 0.8))
    each = [rerank.gains(site.packs[name], "mod", "front", wish).mean() for name in names]
    found = rerank.rerank([site.packs[name] for name in names], ["mod"], "front", wish)
    assert found[0].gain == pytest.approx(np.mean(each))
    assert abs(each[0] - each[3]) > 1e-3  # else cutting the ends would change nothing
    assert "it is their mean, from five tasks on their interquartile mean" in site.files["planted/index.html"].decode()


@pytest.mark.parametrize("utility", ["chebyshev", "soft-threshold", "hard-threshold"])
def test_the_base_gains_nothing_over_itself_on_any_number_of_tasks(site: Site, utility: str) -> None:
    """Each seed has a base of its own: over five tasks, cut at both ends, a mean of seeds would leave a difference."""
    alike = [one for one in site.packs.values() if len(one.base) == 2]
    of_base = []
    for one in alike:
        answers = np.repeat(one.base_answers[:, None], len(one.asked), 1)
        view = replace(one.methods["base"].views["front"], answers=answers)
        of_base.append(replace(one, methods={"base": replace(one.methods["base"], views={"front": view})}))
    wish = Wish((0.3, 0.7), utility, charged=False)
    (place,) = rerank.rerank((of_base * 3)[:5], ["base"], "front", wish)
    assert place.gain == 0
    seeds = np.array([rerank.base_utility(pack, wish) for pack in of_base])
    assert np.ptp(seeds, axis=1).max() > 0


def test_charging_kl_costs_beta_for_every_nat(site: Site) -> None:
    task = site.packs["exact-competing"]  # 2 nats at beta .05
    free, charged = (rerank.gains(task, "mod", "front", Wish((0.2, 0.8), charged=c)) for c in (False, True))
    np.testing.assert_allclose(free - charged, 0.1, atol=1e-9)


def test_draws_without_repetition_give_the_boards_own_rank_intervals() -> None:
    scores = np.random.default_rng(3).normal(0, 1, (6, 5))
    counts, times = rerank.drawn(5)
    assert len(np.unique(counts, axis=0)) == len(counts) <= 126  # 5 seeds out of 5 with repetition: 9 choose 4
    assert times.sum() == len(comparison.seed_draws(5))
    means = scores @ counts.T / 5
    ranks = np.repeat((-means).argsort(0).argsort(0) + 1, times, axis=1)
    expected = comparison.rank_intervals(scores)
    ordered = np.sort(ranks, axis=1)  # of 2000; .025 * 1999 = 49.975 is rounded outwards
    np.testing.assert_array_equal(ordered[:, [49, 1950]], [[e.low, e.high] for e in expected])


def test_a_single_seed_tells_nothing_apart() -> None:
    assert rerank.groups({"a": np.array([0.9]), "b": np.array([0.1])}) == [["a", "b"]]


def test_the_same_records_give_the_same_bytes(site: Site) -> None:
    again = write.build([gather.rank_folder(site.ranking.board)])
    assert again == site.files
    assert all((site.folder / path).read_bytes() == data for path, data in site.files.items())


class Page(HTMLParser):
    """The links, ids, tags and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.links += [value for name in ("href", "src") if (value := found.get(name))]
        self.ids += [value for name in ("id",) if (value := found.get(name))]

    def handle_data(self, data: str) -> None:
        self.text += data


def html(site: Site) -> dict[str, Page]:
    return {path: Page(data.decode()) for path, data in site.files.items() if path.endswith(".html")}


def broken(pages: dict[str, Page], files: dict[str, bytes]) -> list[str]:
    """Return each link that leads nowhere or to another host than the project's own pages and cards name."""
    found = []
    for path, page in pages.items():
        for link in page.links:
            if link.startswith(("http://", "https://", "data:,")):
                continue
            target, _, anchor = unquote(link).partition("#")
            place = str(Path("/", path).parent.joinpath(target).resolve().relative_to("/")) if target else path
            if place not in files or (anchor and anchor not in pages[place].ids and not place.endswith("answers.html")):
                found.append(f"{path}: {link}")
    return found


def test_every_link_leads_somewhere(site: Site) -> None:
    pages = html(site)
    assert len(pages) == 3 + 10 + 3  # first, board, answers; ten methods; three tasks
    assert broken(pages, site.files) == []
    assert broken({"index.html": Page('<a href="gone.html">x</a>')}, site.files) == ["index.html: gone.html"]


def test_nothing_is_fetched_from_elsewhere(site: Site) -> None:
    for path, data in site.files.items():
        text = data.decode()
        assert not re.search(r"""(src|srcset|action)=["']?(https?:)?//|@import|url\(\s*["']?http|\bfetch\(|XMLHttpRequest""", text), path


def test_ids_are_used_once_and_every_page_has_one_heading_of_the_first_level(site: Site) -> None:
    for path, page in html(site).items():
        assert len(page.ids) == len(set(page.ids)), path
        assert page.tags.count("h1") == 1, path


def test_what_records_and_boards_say_never_becomes_markup(site: Site) -> None:
    for path, data in site.files.items():
        assert b'<script>document.title="owned"' not in data, path
        assert b"<b>board</b>" not in data, path
    answers = site.files["planted/data/answers-pair.js"].decode("ascii")
    assert "<" not in answers
    held = json.loads(answers.removeprefix('morlbench.receive("answers-pair",').removesuffix(");\n"))
    assert held["methods"]["moe-cmab"]["front"][0][0][0] == ATTACK


@pytest.mark.parametrize(
    ("text", "forbidden"),
    [
        ("<img src=x onerror=alert(1)>", "<img"),
        ("a <script>x</script>", "<script"),
        ("[x](javascript:alert(1))", "href"),
        ("![x](https://elsewhere.example/pixel.png)", "src"),
        ("[x](../other.md)", "href"),
    ],
)
def test_a_card_shows_no_markup_of_its_own(text: str, forbidden: str) -> None:
    assert forbidden not in str(card.render(text))
    assert "generated" not in str(card.render("a <!-- generated\nby x --> b"))
    assert '<a href="https://example.org">' in str(card.render("[x](https://example.org)"))
    assert "<table>" in str(card.render("|a|b|\n|---|---|\n|1|2|"))


def test_missing_cells_are_shown_and_tracks_have_tables_of_their_own(site: Site) -> None:
    page = site.files["planted/index.html"].decode()
    front, single = (re.search(rf'<table class="sortable" id="table-{name}">.*?</table>', page, re.S)[0] for name in ("front", "single"))
    rows = {m[1]: m[0] for m in re.finditer(r'<tr data-method="([^"]+)".*?</tr>', front, re.S)}
    assert "not ranked: pair: no record of seeds 3, 4" in rows["emorl"]
    assert "(3 of 5 seeds)" in rows["emorl"]
    assert "absent" not in rows
    assert 'No record here yet: <a href="method/absent.html">absent</a>' in page
    assert 'data-ranked="yes"' in rows["mod"]
    assert "mgda" not in front
    assert "emorl" not in single
    data = site.files["planted/data/board.js"].decode()
    board = json.loads(data.removeprefix('morlbench.receive("board",').removesuffix(");\n"))
    assert board["tasks"]["pair"]["methods"]["emorl"]["whole"] == []
    assert [d["view"] for d in board["divisions"]] == ["front", "single"]
    assert [d["absent"] for d in board["divisions"]] == [["absent"], []]


def test_why_a_value_is_missing_is_text_below_its_table_and_no_hint(site: Site) -> None:
    def reasons(path: str, table: str) -> dict[str, str]:
        """Return each marked cell's text, without its number, with the reason that the number leads to."""
        held = re.search(rf"{table}.*?</table></div>\s*<p[^>]*>Why a value[^<]*</p>\s*<ol[^>]*>(.*?)</ol>", site.files[path].decode(), re.S)
        listed = re.findall("<li>(.*?)</li>", held[1])
        marked = re.findall(r'<span class="missing">([^<]*)<sup>(\d+)</sup></span>', held[0])
        assert {int(number) for _, number in marked} == set(range(1, len(listed) + 1))
        return {listed[int(number) - 1]: text for text, number in marked}

    assert reasons("planted/index.html", 'id="table-front"') == {"no record of seeds 3, 4": "0.159 (3 of 5 seeds)"}
    unweighted = {"the policy states no weights": "–"}
    assert reasons("planted/task/pair.html", "<caption>Mean over seeds") == unweighted
    asked = {"the policy was not asked at the stated preference [0.333, 0.333, 0.333]": "–"}
    assert reasons("planted/method/emorl.html", "<caption>Mean over seeds") == unweighted | asked
    profile = {"needs exact-scale-* tasks of at least 3 sizes; given 0": "–", "exact-competing: the policy states no weights": "–"}
    assert reasons("planted/index.html", "<caption>Mean over tasks") == profile
    assert not any(b'title="' in data for path, data in site.files.items() if path.endswith(".html"))


def test_the_boards_page_says_what_signatures_and_levels_mean(site: Site) -> None:
    page = site.files["planted/index.html"].decode()
    box = re.search(r'<details id="legend">.*?</details>', page, re.S)[0]
    raised = {flag.partition(" ")[0] for s in site.ranking.standings for row in s.rows for flag in row.flags}
    assert raised
    for word in (*raised, *GRADES):
        assert f"<dt>{word}</dt>" in box
    for sentence in (legend.SCORE, legend.BRACKETS, legend.TIES):
        assert sentence.replace("'", "&#39;") in box
    assert page.count('href="#legend"') > 1
    assert 'href="../index.html#legend"' in site.files["planted/method/mod.html"].decode()


def test_no_header_is_empty(site: Site) -> None:
    for path in (path for path in site.files if path.endswith(".html")):
        assert not re.search(r"<th[^>]*>\s*</th>", site.files[path].decode()), path


def test_a_tasks_page_has_its_prompts_where_that_version_is_installed(site: Site) -> None:
    assert "24 prompts of the test split" in site.files["planted/task/exact-competing.html"].decode()
    assert "not installed" in site.files["planted/task/pair.html"].decode()
    assert pack.installed("exact-competing", 999) == ()


def test_the_first_page_is_light(site: Site) -> None:
    parts = ("planted/index.html", "planted/data/board.js", "static/site.css", "static/rerank.js", "static/board.js")
    assert sum(len(site.files[part]) for part in parts) < 1_500_000


def test_the_command_writes_over_a_site_of_its_own_only(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def code() -> int:
        return console.guarded(lambda: cli.app(["site", str(site.ranking.board.folder), "--out", str(tmp_path / "out")]))

    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    assert code() == console.BAD_ARGUMENTS
    assert "is not a site of morlbench" in capsys.readouterr().err
    (tmp_path / "out" / "mine.txt").unlink()
    assert code() == 0
    mark = tmp_path / "out" / write.MARK
    mark.write_text(mark.read_text() + "planted/old.html\n../../outside.txt\n")
    (tmp_path / "out" / "planted" / "old.html").write_text("x")
    (tmp_path / "outside.txt").write_text("keep")
    write.write(site.files, tmp_path / "out")
    assert not (tmp_path / "out" / "planted" / "old.html").exists()
    assert (tmp_path / "outside.txt").exists()


def test_two_boards_of_one_name_are_refused_before_anything_is_written(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, other = site.ranking.board.folder, tmp_path / "planted"
    shutil.copytree(first, other, ignore=shutil.ignore_patterns("records"))
    code = console.guarded(lambda: cli.app(["site", str(first), str(other), "--out", str(tmp_path / "out")]))
    assert code == console.BAD_ARGUMENTS
    assert f"{first} and {other} would share the site's folder 'planted'; give one of them" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()


def test_a_build_that_was_stopped_is_repeated(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        if path.name == "index.html":
            raise OSError("no space left")
        write_bytes(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(write, "write_bytes", full)
        with pytest.raises(OSError, match="no space left"):
            write.write(site.files, tmp_path / "out")
    write.write(site.files, tmp_path / "out")
    assert {path: (tmp_path / "out" / path).read_bytes() for path in site.files} == site.files


def test_answers_are_those_of_the_record_that_counts(site: Site) -> None:
    entry, records = next(iter(gather.by_entry(site.ranking.board)))
    good = next(path for path in gather.folders(site.ranking.board)[0][entry] if load(path).key == records[0].key)
    broken = good.parent.with_name(f"{good.parent.name}+budget=a") / good.name
    broken.parent.mkdir()
    broken.write_text("{}", encoding="utf-8")
    try:
        found = pack.with_texts(records[0], [broken, good])
    finally:
        broken.unlink()
        broken.parent.rmdir()
    assert found.key == records[0].key
    assert any(probe.responses for probe in found.evidence.probes)
    with pytest.raises(BadRecord, match="its record is gone"):
        pack.with_texts(records[0], [path for path in gather.folders(site.ranking.board)[0][entry] if path != good])


def test_a_served_site_answers_on_this_machine_alone_and_a_taken_port_is_named(site: Site) -> None:
    with write.server(site.folder, 0) as first:
        host, port = first.server_address[:2]
        assert host == "127.0.0.1"
        with pytest.raises(BadInput, match=f"port {port} cannot be used"):
            write.server(site.folder, port)


def test_one_bad_method_does_not_shrink_the_bars_of_the_others() -> None:
    rows = [SimpleNamespace(score=Interval(value, value - 0.02, value + 0.02)) for value in (0.9, 0.85, 0.8, 0.75, -9.0)]
    standings = SimpleNamespace(rows=rows)
    drawn = [scale(standings, row) for row in rows]
    assert drawn[-1] is None
    assert drawn[3] == (6.0, 6.0, pytest.approx(6 + 108 * 0.02 / 0.17, abs=0.1))
    assert drawn[0] == (pytest.approx(6 + 108 * 0.15 / 0.17, abs=0.1), pytest.approx(6 + 108 * 0.13 / 0.17, abs=0.1), 114.0)
    assert scale(SimpleNamespace(rows=rows[:1]), rows[0]) == (6.0, 6.0, 114.0)
