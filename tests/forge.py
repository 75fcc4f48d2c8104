"""Forgers of records: each takes a true record apart, changes one thing, and puts it together so that the rest still fits.

`FORGERS` maps a kind of forgery to the codes a verifier may refuse it with; those of `LEFT_OUT` and `UNCHECKED` may leave a record
`reported` at most; `vandal` kinds change anything at random.
"""

import copy
import hashlib
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from morlbench import record
from morlbench.lm.bases import WORDS
from morlbench.seeds import derive
from morlbench.store import key_of
from morlbench.task import Task

Rng = np.random.Generator


@dataclass
class Forgery:
    """A record in parts: the JSON as data, the rows; and what is done to the written files at the end."""

    head: dict[str, Any]
    rows: pa.Table
    name: str
    rekey: bool = True
    rehash: bool = True
    edit_json: Callable[[bytes], bytes] = lambda raw: raw
    edit_parquet: Callable[[bytes], bytes] = lambda raw: raw

    @classmethod
    def of(cls, path: Path) -> "Forgery":
        return cls(json.loads(path.read_bytes()), pq.read_table(path.with_suffix(".parquet")), path.name)

    def copy(self) -> "Forgery":
        return Forgery(copy.deepcopy(self.head), self.rows, self.name)

    def write(self, folder: Path) -> Path:
        head, sink = self.head, io.BytesIO()
        pq.write_table(self.rows, sink, compression="zstd")
        answers = sink.getvalue()
        edited = self.edit_parquet(answers)
        head["answers_sha256"] = hashlib.sha256(edited if self.rehash else answers).hexdigest()
        if self.rekey:
            m, t = head["method"], head["task"]
            head["key"] = key_of(
                method=[m["name"], m["version"], m["settings"]], task=[t["name"], t["version"], t["preference"]],
                base=head["base"], budget=head["budget"], seed=head["seed"], protocol=record.PROTOCOL,
            )  # fmt: skip
        path = folder / self.name
        for file in (path, path.with_suffix(".parquet")):
            file.unlink(missing_ok=True)
        path.write_bytes(self.edit_json(json.dumps(head).encode()))
        path.with_suffix(".parquet").write_bytes(edited)
        return path

    def column(self, name: str) -> np.ndarray:
        return np.array(self.rows[name].to_numpy(zero_copy_only=False))

    def put(self, name: str, values: Any) -> None:
        field = self.rows.schema.field(name)
        self.rows = self.rows.set_column(self.rows.schema.names.index(name), field, pa.array(values, field.type))

    def keep_probes(self, wanted: Callable[[str], bool]) -> None:
        """Drop all other probes with their rows and ledger lines."""
        keep = [i for i, probe in enumerate(self.head["probes"]) if wanted(probe["name"])]
        index = self.column("index")
        self.rows = self.rows.filter(pa.array(np.isin(index, keep)))
        self.put("index", [keep.index(i) for i in self.column("index").tolist()])
        self.head["probes"] = [self.head["probes"][i] for i in keep]
        names = {probe["name"] for probe in self.head["probes"]}
        parts = names | ({"rated answers"} if "adapt" in names else set())
        lines = self.head["costs"]["lines"]
        self.head["costs"]["lines"] = [line for line in lines if line["kind"] != "evaluation" or line["part"] in parts]

    def own_lines(self) -> list[dict[str, Any]]:
        return [line for line in self.head["costs"]["lines"] if line["kind"] in ("training", "search")]

    def line(self, *kinds: str) -> dict[str, Any]:
        return next(line["cost"] for line in self.head["costs"]["lines"] if line["kind"] in kinds and line["cost"]["responses"])


def prompt_of(forged: Forgery, task: Task, row: int) -> str:
    return task.prompts("test")[int(forged.column("prompt")[row])]


# each forger: (forgery, rng, task) -> None


def reward_edited(f: Forgery, rng: Rng, task: Task) -> None:
    name, row = f"r_{rng.integers(2) + 1}", rng.integers(f.rows.num_rows)
    values = f.column(name)
    values[row] = (values[row] + rng.uniform(0.01, 0.99)) % 1.0
    f.put(name, values)


def rewards_shifted_a_little(f: Forgery, rng: Rng, task: Task) -> None:
    f.put("r_1", np.minimum(f.column("r_1") + rng.uniform(2e-5, 1e-3), 1))


def rewards_swapped(f: Forgery, rng: Rng, task: Task) -> None:
    one, two = f.column("r_1"), f.column("r_2")
    f.put("r_1", two)
    f.put("r_2", one)


def response_edited(f: Forgery, rng: Rng, task: Task) -> None:
    texts = f.rows["response"].to_pylist()
    while True:
        row = int(rng.integers(len(texts)))
        new = " ".join(rng.choice(WORDS, 4))
        if _apart(f, task, row, texts[row], new) > 0.01:
            texts[row] = new
            f.put("response", texts)
            return


def _apart(f: Forgery, task: Task, row: int, old: str, new: str) -> float:
    both = task.score((prompt_of(f, task, row),) * 2, (old, new))
    return float(np.abs(both[0] - both[1]).max())


def response_of_another_language(f: Forgery, rng: Rng, task: Task) -> None:
    texts = f.rows["response"].to_pylist()
    for row in rng.choice(len(texts), 5, replace=False):
        texts[int(row)] = ["", "an answer", "ba " * 9, "ba ce di", "x" * 5000][rng.integers(5)]
    scores = task.score(tuple(prompt_of(f, task, i) for i in range(len(texts))), tuple(texts))
    f.put("response", texts)
    f.put("r_1", scores[:, 0])
    f.put("r_2", scores[:, 1])


def better_base_answers(f: Forgery, rng: Rng, task: Task) -> None:
    texts, probes = f.rows["response"].to_pylist(), f.rows["probe"].to_pylist()
    mine = [row for row, probe in enumerate(probes) if probe == "base"]
    for row in mine:
        texts[row] = " ".join(rng.choice(WORDS, 4))
    scores = task.score(tuple(prompt_of(f, task, i) for i in mine), tuple(texts[i] for i in mine))
    f.put("response", texts)
    for i in range(2):
        values = f.column(f"r_{i + 1}")
        values[mine] = scores[:, i]
        f.put(f"r_{i + 1}", values)


def base_answer_edited(f: Forgery, rng: Rng, task: Task) -> None:
    """Replace one to two of the base's answers, rewards and all: less than a tenth of them."""
    texts, probes = f.rows["response"].to_pylist(), f.rows["probe"].to_pylist()
    mine = [row for row, probe in enumerate(probes) if probe == "base"]
    for row in rng.choice(mine, max(1, len(mine) // 12), replace=False).tolist():
        old = texts[row]
        while texts[row] == old:
            texts[row] = " ".join(rng.choice(WORDS, 4))
        (scores,) = task.score((prompt_of(f, task, row),), (texts[row],))
        for i in range(2):
            values = f.column(f"r_{i + 1}")
            values[row] = scores[i]
            f.put(f"r_{i + 1}", values)
    f.put("response", texts)


def swapped_seed(f: Forgery, rng: Rng, task: Task) -> None:
    f.head["seed"] += int(rng.integers(1, 9))
    f.name = f"seed-{f.head['seed']}.json"


def seed_against_its_name(f: Forgery, rng: Rng, task: Task) -> None:
    f.head["seed"] += int(rng.integers(1, 9))


def odd_seed(f: Forgery, rng: Rng, task: Task) -> None:
    f.head["seed"] = [-1, 10**12, -(10**6)][rng.integers(3)]


def scores_of_another_task(f: Forgery, rng: Rng, task: Task) -> None:
    """Random monotone distortions stand for other scorers; one in four is shuffled among answers."""
    values = np.stack([f.column("r_1"), f.column("r_2")], 1)
    other = rng.permutation(values) if rng.integers(4) == 0 else values ** rng.uniform(0.3, 0.8)
    f.put("r_1", other[:, 0])
    f.put("r_2", other[:, 1])


def name_of_another_task(f: Forgery, rng: Rng, task: Task) -> None:
    f.head["task"]["name"] = ["exact-independent", "exact-correlated", "exact-flat"][rng.integers(3)]


def evaluation_cost_lowered(f: Forgery, rng: Rng, task: Task) -> None:
    cost = f.line("evaluation")
    cost["responses"] -= int(rng.integers(1, 20))
    cost["tokens"] = 4 * cost["responses"]


def evaluation_tokens_lowered(f: Forgery, rng: Rng, task: Task) -> None:
    f.line("evaluation")["tokens"] -= int(rng.integers(1, 50))


def evaluation_line_dropped(f: Forgery, rng: Rng, task: Task) -> None:
    lines = f.head["costs"]["lines"]
    mine = [i for i, line in enumerate(lines) if line["kind"] == "evaluation"]
    del lines[mine[rng.integers(len(mine))]]


def training_responses_lowered(f: Forgery, rng: Rng, task: Task) -> None:
    f.line("training", "search")["responses"] -= int(rng.integers(1, 60))


def cost_lowered_everywhere(f: Forgery, rng: Rng, task: Task) -> None:
    """Lower responses and tokens, steps and seconds together: alone it cannot be told from a method that stopped early."""
    share = rng.uniform(0.2, 0.9)
    for line in f.own_lines():
        cost = line["cost"]
        cost["responses"] = int(cost["responses"] * share)
        cost |= {"tokens": task.decoding.max_tokens * cost["responses"], "seconds": cost["seconds"] * share}
        cost |= {"steps": max(1, int(cost["steps"] * share)), "backward": max(1, int(cost["backward"] * share))}


def training_lines_dropped(f: Forgery, rng: Rng, task: Task) -> None:
    f.head["costs"]["lines"] = [line for line in f.head["costs"]["lines"] if line["kind"] not in ("training", "search")]


def training_counts_emptied(f: Forgery, rng: Rng, task: Task) -> None:
    """No responses and tokens, or no steps and passes, or no parameters."""
    pick = rng.integers(3)
    names = [("responses", "tokens"), ("steps", "backward"), ()][pick]
    for line in f.own_lines():
        line["cost"] |= dict.fromkeys(names, 0)
    if pick == 2:
        f.head["costs"]["trainable_parameters"] = 0


def training_in_no_time(f: Forgery, rng: Rng, task: Task) -> None:
    for line in f.own_lines():
        line["cost"]["seconds"] = [0.0, 1e-12][rng.integers(2)]


def run_in_no_time(f: Forgery, rng: Rng, task: Task) -> None:
    costs = f.head["costs"]
    pick = rng.integers(5)
    if pick < 3:
        costs[["wall_seconds", "cpu_seconds", "peak_memory_bytes"][pick]] = 0
    elif pick == 3:
        costs["speed"]["tokens_per_second"] = [1e15, 11 * costs["speed"]["base_tokens_per_second"]][rng.integers(2)]
    else:
        costs["speed"]["base_first_token_seconds"] = 0.0


def one_objective_more(f: Forgery, rng: Rng, task: Task) -> None:
    """Something that has a number per objective gets one more."""
    facts, pick = f.head["task"], rng.integers(4)
    if pick == 0:
        probe = f.head["probes"][rng.integers(len(f.head["probes"]))]
        probe["preferences"] = [[*row, 0.0] for row in probe["preferences"]]
    elif pick == 1:
        facts["reference_point"] = [*facts["reference_point"], 0.1]
    elif pick == 2:
        facts["preference"] = [*facts["preference"], 0.0]
    else:
        f.head["exact"]["returns"] = [[*row, 0.5] for row in f.head["exact"]["returns"]]


def negative_cost(f: Forgery, rng: Rng, task: Task) -> None:
    field = ["responses", "tokens", "steps", "backward", "seconds"][rng.integers(5)]
    f.line("evaluation")[field] = -int(rng.integers(1, 100))


def over_budget(f: Forgery, rng: Rng, task: Task) -> None:
    more = f.head["budget"] + int(rng.integers(1, 100))
    cost = {"responses": more, "tokens": 4 * more, "steps": 1, "backward": 1, "seconds": 0.0, "cached": False}
    f.head["costs"]["lines"].append({"part": "more", "kind": "training", "cost": cost})


def faster_than_its_parts(f: Forgery, rng: Rng, task: Task) -> None:
    cost = {"responses": 0, "tokens": 0, "steps": 0, "backward": 0, "seconds": float(rng.uniform(1e3, 1e6)), "cached": False}
    f.head["costs"]["lines"].append({"part": "slow", "kind": "search", "cost": cost})


def no_speed(f: Forgery, rng: Rng, task: Task) -> None:
    if rng.integers(2):
        f.head["costs"]["speed"] = None
    else:
        f.head["costs"]["speed"]["base_tokens_per_second"] = [0.0, -5.0][rng.integers(2)]


def impossible_kl(f: Forgery, rng: Rng, task: Task) -> None:
    values = f.column("kl")
    values[rng.integers(len(values))] = [-0.5, 1e6, -1e-3][rng.integers(3)]
    f.put("kl", values)


def weights_off_the_simplex(f: Forgery, rng: Rng, task: Task) -> None:
    """States one weight as something else, or both so that they sum to more than 1."""
    values = f.column("w_1").astype(float)
    stated = np.isfinite(values)
    values[stated] = [-5.0, 1e30, 1e-40, values[stated] + 0.3][rng.integers(4)]
    f.put("w_1", [None if np.isnan(value) else value for value in values])


def weights_of_some_probes(f: Forgery, rng: Rng, task: Task) -> None:
    gone = np.array(f.rows["probe"].to_pylist()) == ["front", "held-out"][rng.integers(2)]
    for name in ("w_1", "w_2"):
        f.put(name, [None if out or np.isnan(value) else value for out, value in zip(gone, f.column(name).astype(float), strict=True)])


def kl_of_some_probes(f: Forgery, rng: Rng, task: Task) -> None:
    gone = np.array(f.rows["probe"].to_pylist()) == ["front", "held-out"][rng.integers(2)]
    f.put("kl", [None if out else value for out, value in zip(gone, f.column("kl").tolist(), strict=True)])


def missing_kl(f: Forgery, rng: Rng, task: Task) -> None:
    values = f.column("kl").astype(object)
    for row in rng.choice(len(values), 3, replace=False):
        values[row] = [None, float("nan"), float("inf")][rng.integers(3)]
    f.put("kl", list(values))


def kl_of_the_base(f: Forgery, rng: Rng, task: Task) -> None:
    values, base = f.column("kl"), np.array(f.rows["probe"].to_pylist()) == "base"
    values[base] += rng.uniform(0.01, 3)
    f.put("kl", values)


def exact_rewards_without_kl(f: Forgery, rng: Rng, task: Task) -> None:
    exact = f.head["exact"]
    rewards = np.minimum(np.array(exact["rewards"]) + rng.uniform(0.03, 0.2), 1)
    _restate(exact, rewards, np.array(exact["kl"]), task.beta)


def exact_kl_lowered(f: Forgery, rng: Rng, task: Task) -> None:
    exact = f.head["exact"]
    _restate(exact, np.array(exact["rewards"]), np.array(exact["kl"]) - rng.uniform(0.3, 2), task.beta)


def exact_parts_that_do_not_add_up(f: Forgery, rng: Rng, task: Task) -> None:
    field = ["value", "kl"][rng.integers(2)]
    f.head["exact"][field][rng.integers(11)] += rng.uniform(0.01, 0.5)


def easier_optimum(f: Forgery, rng: Rng, task: Task) -> None:
    field = ["optimum", "base"][rng.integers(2)]
    f.head["exact"][field] = [value - rng.uniform(0.01, 0.1) for value in f.head["exact"][field]]


def another_front(f: Forgery, rng: Rng, task: Task) -> None:
    points = record.unpack(f.head["exact"]["front"], 2)
    f.head["exact"]["front"] = record.pack(points * rng.uniform(0.5, 0.99))


def _restate(exact: dict[str, Any], rewards: np.ndarray, kl: np.ndarray, beta: float) -> None:
    returns = rewards - beta * kl[:, None]
    value = (returns * np.array(exact["preferences"])).sum(1)
    exact |= {"rewards": rewards.tolist(), "kl": kl.tolist(), "returns": returns.tolist(), "value": value.tolist()}


def huge_json(f: Forgery, rng: Rng, task: Task) -> None:
    f.edit_json = lambda raw: raw + b" " * (1024**2 + 1)


def huge_parquet(f: Forgery, rng: Rng, task: Task) -> None:
    f.edit_parquet = lambda raw: raw + bytes(8 * 1024**2)


def path_in_a_name(f: Forgery, rng: Rng, task: Task) -> None:
    name = ["../../evil", "..", "/etc/passwd", "a/b", "exact..", "Exact", "", "x" * 200, "a\n", "a\x00b"][rng.integers(10)]
    f.head[["task", "method"][rng.integers(2)]]["name"] = name


def deep_json(f: Forgery, rng: Rng, task: Task) -> None:
    deep = int(rng.choice([13, 200, 100_000]))
    f.edit_json = lambda raw: raw.replace(b'"settings":', b'"settings": {"x": ' + b"[" * deep + b"]" * deep + b'}, "other":', 1)


def doubled_key(f: Forgery, rng: Rng, task: Task) -> None:
    place = [b'"seed":', b'"key":', b'"version":', b'"responses":'][rng.integers(4)]
    f.edit_json = lambda raw: raw.replace(place, place + b" 0, " + place, 1)


def not_a_number(f: Forgery, rng: Rng, task: Task) -> None:
    word = [b"NaN", b"Infinity", b"-Infinity", b"1e999"][rng.integers(4)]
    f.edit_json = lambda raw: raw.replace(b'"wall_seconds": ', b'"wall_seconds": ' + word + b', "was": ', 1)


def truncated_json(f: Forgery, rng: Rng, task: Task) -> None:
    share = rng.uniform(0, 0.999)
    f.edit_json = lambda raw: raw[: int(len(raw) * share)]


def truncated_parquet(f: Forgery, rng: Rng, task: Task) -> None:
    share = rng.uniform(0, 0.999)
    f.rehash = bool(rng.integers(2))
    f.edit_parquet = lambda raw: raw[: int(len(raw) * share)]


def stale_hash(f: Forgery, rng: Rng, task: Task) -> None:
    f.rehash = False
    where = rng.uniform()
    f.edit_parquet = lambda raw: _flip(raw, int(where * len(raw)), 1)


def stale_key(f: Forgery, rng: Rng, task: Task) -> None:
    f.rekey = False
    f.head[["budget", "seed"][rng.integers(2)]] += 1


def wrong_type(f: Forgery, rng: Rng, task: Task) -> None:
    name, kind = [
        ("r_1", pa.float64()),
        ("kl", pa.float64()),
        ("prompt", pa.int64()),
        ("response", pa.large_string()),
        ("step", pa.int8()),
    ][rng.integers(5)]
    i = f.rows.schema.names.index(name)
    f.rows = f.rows.set_column(i, name, f.rows[name].cast(kind))


def other_columns(f: Forgery, rng: Rng, task: Task) -> None:
    pick, names = rng.integers(4), f.rows.schema.names
    if pick == 0:
        f.rows = f.rows.append_column("bonus", pa.array(np.ones(f.rows.num_rows)))
    elif pick == 1:
        f.rows = f.rows.drop_columns([names[rng.integers(len(names))]])
    elif pick == 2:
        f.rows = f.rows.rename_columns(["r_3" if name == "r_2" else name for name in names])
    else:
        f.rows = f.rows.append_column("r_1", f.rows["r_1"])


def other_rows(f: Forgery, rng: Rng, task: Task) -> None:
    n, pick = f.rows.num_rows, rng.integers(4)
    if pick == 0:
        f.rows = f.rows.slice(0, n - int(rng.integers(1, n)))
    elif pick == 1:
        f.rows = pa.concat_tables([f.rows, f.rows.slice(0, int(rng.integers(1, n)))])
    elif pick == 2:
        f.rows = f.rows.take(rng.permutation(n))
    else:
        f.put("index", f.column("index") + np.arange(n) % 2 * 100)


def null_cells(f: Forgery, rng: Rng, task: Task) -> None:
    name = ["r_1", "response", "prompt", "index"][rng.integers(4)]
    values = f.rows[name].to_pylist()
    values[rng.integers(len(values))] = None
    f.put(name, values)


def bomb(f: Forgery, rng: Rng, task: Task) -> None:
    """A few kilobytes that would fill 100 MB."""
    f.put("response", ["a" * (100_000_000 // f.rows.num_rows)] * f.rows.num_rows)


def other_schema(f: Forgery, rng: Rng, task: Task) -> None:
    pick = rng.integers(5)
    if pick == 0:
        f.head["schema"] = [0, 2, "1", None][rng.integers(4)]
    elif pick == 1:
        del f.head[["provenance", "costs", "exact"][rng.integers(3)]]
    elif pick == 2:
        f.head["level"] = "rescored"
    elif pick == 3:
        f.head["provenance"] = [1, "x", None][rng.integers(3)]
    else:
        f.head["probes"] = [[], 5, [1], [{"name": "front"}]][rng.integers(4)]


def easier_task(f: Forgery, rng: Rng, task: Task) -> None:
    facts = f.head["task"]
    pick = rng.integers(6)
    if pick == 0:
        facts["reference_point"] = [0.0, float(rng.uniform(0, 0.1))]
    elif pick == 1:
        facts["beta"] = float(rng.uniform(0.2, 1))
    elif pick == 2:
        facts["kl_budget"] = float(rng.uniform(2, 9))
    elif pick == 3:
        facts["objectives"] = ["second", "first"]
    elif pick == 4:
        facts["max_tokens"] = int(rng.integers(5, 99))
    else:
        facts["version"] += int(rng.integers(1, 5))


def other_method(f: Forgery, rng: Rng, task: Task) -> None:
    facts = f.head["method"]
    pick = rng.integers(6)
    if pick == 0:
        facts["settings"]["unheard_of"] = int(rng.integers(9))
    elif pick == 1:
        facts["family"] = ["unknown", "<b>meta-policy</b>", "single-policy"][rng.integers(3)]
    elif pick == 2:
        facts["track"] = ["single", "both"][rng.integers(2)]
    elif pick == 3:
        facts["version"] += int(rng.integers(1, 9))
    elif pick == 4:
        facts["version"] = -int(rng.integers(0, 9))
    else:
        facts["utilities"] = [*facts["utilities"], "other"]


def another_method(f: Forgery, rng: Rng, task: Task) -> None:
    """A method that this checkout lacks, with any settings and version."""
    facts = f.head["method"]
    facts |= {"name": "my-wonder", "version": int(rng.integers(1, 99))}
    facts["settings"] = [{}, {"anything": "goes"}][rng.integers(2)]
    facts["family"] = ["single-policy", "multi-policy", "meta-policy", "control"][rng.integers(4)]


def no_exact_values(f: Forgery, rng: Rng, task: Task) -> None:
    f.head["exact"] = None


def no_kl_but_the_bases(f: Forgery, rng: Rng, task: Task) -> None:
    f.head["exact"] = None
    base = np.array(f.rows["probe"].to_pylist()) == "base"
    f.put("kl", [value if mine else None for mine, value in zip(base, f.column("kl").tolist(), strict=True)])


def no_hidden_users(f: Forgery, rng: Rng, task: Task) -> None:
    f.keep_probes(lambda name: name not in ("adapt", "told"))


def no_deletion_test(f: Forgery, rng: Rng, task: Task) -> None:
    f.keep_probes(lambda name: not name.startswith("without-"))


def another_base(f: Forgery, rng: Rng, task: Task) -> None:
    f.head["base"] = ["exact-000000000000", "nano", "org/model-1", "../weights"][rng.integers(4)]


def probe_dropped(f: Forgery, rng: Rng, task: Task) -> None:
    probes = f.head["probes"]
    gone = int(rng.integers(len(probes)))
    del probes[gone]
    index = f.column("index")
    f.rows = f.rows.filter(pa.array(index != gone))
    f.put("index", [i - (i > gone) for i in f.column("index").tolist()])


def other_questions(f: Forgery, rng: Rng, task: Task) -> None:
    probe = f.head["probes"][int(rng.integers(len(f.head["probes"])))]
    pick = rng.integers(3)
    if pick == 0:
        probe["preferences"] = [[1.0, 0.0] for _ in probe["preferences"]] if len(probe["preferences"]) > 1 else [[0.9, 0.1]]
    elif pick == 1:
        probe["prompts"] = [i + 1 for i in probe["prompts"]]
        index = f.column("index") == f.head["probes"].index(probe)
        f.put("prompt", f.column("prompt") + index)
    else:
        probe["draws"], probe["prompts"] = 2, probe["prompts"][: len(probe["prompts"]) // 2]


FORGERS: dict[Callable[[Forgery, Rng, Task], None], set[str]] = {
    reward_edited: {"rewards"}, rewards_shifted_a_little: {"rewards"}, rewards_swapped: {"rewards"}, response_edited: {"rewards"},
    response_of_another_language: {"ledger", "answers"}, better_base_answers: {"seed"}, swapped_seed: {"seed"},
    seed_against_its_name: {"seed"}, odd_seed: {"seed"}, scores_of_another_task: {"rewards"}, name_of_another_task: {"task", "complete"},
    evaluation_cost_lowered: {"ledger"}, evaluation_tokens_lowered: {"ledger"}, evaluation_line_dropped: {"ledger"},
    negative_cost: {"ledger"}, over_budget: {"ledger"}, faster_than_its_parts: {"ledger"}, no_speed: {"ledger"}, impossible_kl: {"kl"},
    missing_kl: {"parquet"}, kl_of_the_base: {"kl"}, exact_rewards_without_kl: {"kl"}, exact_kl_lowered: {"kl"},
    exact_parts_that_do_not_add_up: {"exact"}, easier_optimum: {"exact"}, another_front: {"exact"}, huge_json: {"size"},
    huge_parquet: {"size"}, path_in_a_name: {"name"}, deep_json: {"json"}, doubled_key: {"json"}, not_a_number: {"json"},
    truncated_json: {"json"}, truncated_parquet: {"hash", "parquet"}, stale_hash: {"hash"}, stale_key: {"key"}, wrong_type: {"parquet"},
    other_columns: {"parquet"}, other_rows: {"parquet"}, null_cells: {"parquet"}, other_schema: {"schema", "size"},
    easier_task: {"task"}, other_method: {"method"}, another_base: {"base"}, probe_dropped: {"complete"},
    other_questions: {"complete", "parquet"}, base_answer_edited: {"seed"}, run_in_no_time: {"ledger"},
    one_objective_more: {"schema"},
}  # fmt: skip
TRAINED: dict[Callable[[Forgery, Rng, Task], None], set[str]] = {  # need a method that trains and states weights
    training_responses_lowered: {"ledger"}, training_lines_dropped: {"ledger"}, training_counts_emptied: {"ledger"},
    training_in_no_time: {"ledger"}, weights_off_the_simplex: {"weights"},
    weights_of_some_probes: {"complete"}, kl_of_some_probes: {"kl"},
}  # fmt: skip
LEFT_OUT = (no_exact_values, no_kl_but_the_bases, no_hidden_users, no_deletion_test)  # of a method that learns from ratings
UNCHECKED = (*LEFT_OUT, another_method)  # leave a record at `reported`


# vandals: anything may come of them but a crash or a false number


def bytes_flipped(f: Forgery, rng: Rng, task: Task) -> None:
    where, bit, target = rng.uniform(), int(rng.integers(1, 256)), rng.integers(2)

    def flip(raw: bytes) -> bytes:
        return _flip(raw, int(where * len(raw)), bit)

    if target:
        f.edit_json = flip
    else:
        f.edit_parquet = flip


def leaf_changed(f: Forgery, rng: Rng, task: Task) -> None:
    """Change one value somewhere in the JSON by a little, a lot, or to another type."""
    place: Any = f.head
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = keys[rng.integers(len(keys))]
        if not isinstance(place[key], dict | list):
            break
        place = place[key]
    value = place[key]
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    options = [None, "x", [], {}, True, -1, 10**30, 0.5] + ([value + 1, value * 2, str(value), value * 0.9] if numeric else [])
    place[key] = options[rng.integers(len(options))]
    f.rekey = False


def _flip(raw: bytes, where: int, bit: int) -> bytes:
    return raw[:where] + bytes([raw[where] ^ bit]) + raw[where + 1 :]


VANDALS = (bytes_flipped, leaf_changed)


def seeded(number: int, label: str) -> Rng:
    return np.random.default_rng(derive(number, "forge", label))


def linked(path: Path) -> None:
    """Replace a file by a symbolic link to what it was."""
    real = path.with_name(f"real{path.suffix}")
    path.rename(real)
    os.symlink(real, path)
