"""A sweep makes every record of its grid once, whatever ends it on the way."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import light
import pytest
from light import Light, grid, sweep_once

from morlbench import cli, console, launch, live, registry, sweep
from morlbench.errors import BadInput
from morlbench.executor import Event, Job, Processes, Serial, _Worker
from morlbench.record import find, without_costs

TESTS = Path(__file__).parent
ENTRIES = "[morlbench.methods]\nhonest = honest:HonestMethod\n[morlbench.tasks]\nhonest = honest:HonestTask\n"
KILLS = 20
HERE = Serial(light.NAME)


@pytest.fixture(autouse=True)
def _honest_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the honest method and task by entry points, for this process and those it starts."""
    info = tmp_path / "site" / "honest-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: honest\nVersion: 1\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(ENTRIES, encoding="utf-8")
    monkeypatch.syspath_prepend(str(info.parent))
    monkeypatch.setenv("PYTHONPATH", f"{info.parent}{os.pathsep}{TESTS}")
    monkeypatch.setenv("LIGHT_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("LIGHT_FAULT", str(tmp_path / "fault"))
    registry.forget()
    yield
    registry.forget()


def records(out: Path) -> dict[str, tuple[str, bytes]]:
    """Return, by place, all of every record that equal runs agree on."""
    paths = find([out])
    return {str(path.relative_to(out)): (without_costs(path), path.with_suffix(".parquet").read_bytes()) for path in paths}


def begun(tmp_path: Path) -> Counter[str]:
    """Return how often each record's run was begun."""
    log = tmp_path / "log"
    return Counter(line.split()[0] for line in log.read_text(encoding="utf-8").splitlines()) if log.exists() else Counter()


def start(out: Path, how: str = "serial", seeds: str = "0..5") -> subprocess.Popen[str]:
    """Start a sweep in a process group of its own; return when it has loaded everything and waits for a word."""
    process = subprocess.Popen(
        [sys.executable, str(TESTS / "light.py"), str(out), how, seeds],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def end(process: subprocess.Popen[str]) -> int:
    with process:
        return process.wait(300)


@pytest.mark.parametrize(("how", "seeds"), [("serial", "0..5"), pytest.param("processes", "0..1", marks=pytest.mark.slow)])
def test_a_sweep_killed_at_random_moments_ends_with_the_records_of_an_undisturbed_one(
    how: str, seeds: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIGHT_SECONDS", "0.02")  # so that the work, not starting and ending, is where kills fall
    process, begin = start(tmp_path / "whole", how, seeds), time.monotonic()
    go(process)
    assert end(process) == 0
    longest, expected = time.monotonic() - begin, records(tmp_path / "whole")
    rng, killed, reached = random.Random(0), 0, set[int]()
    for rounds in range(3 * KILLS):
        out, code = tmp_path / f"killed-{rounds}", -signal.SIGKILL
        while code and killed < KILLS:
            group = how == "serial" or rng.random() < 0.5  # else its processes live on until they notice
            code = killed_after(rng.uniform(0, longest), start(out, how, seeds), whole_group=group)
            killed += code == -signal.SIGKILL
            reached.add(len(list(out.rglob("seed-*.parquet"))))
        if code == 0:  # it ended before its kill: the machine is faster than when the whole sweep was timed
            longest *= 0.8
        sweep_once(out, HERE if how == "serial" else Processes(2, 1, light.NAME), seeds)
        assert records(out) == expected
        assert not list(out.rglob("*.part"))
        if killed == KILLS:
            break
    assert killed == KILLS
    assert len(reached - {0, len(expected)}) >= 2  # kills fell amid the work, not only before and after it


@pytest.mark.parametrize(
    ("visible", "cards", "scorers", "own"),
    [
        ("", 2, "", [None] * 3),  # all are hidden
        ("3,GPU-7", 0, "", ["3", "GPU-7", "3"]),
        (None, 2, "cuda", ["0", "1", "0"]),
        (None, 2, "cuda:1", [None] * 3),  # that card must stay in sight
        (None, 0, "", [None] * 3),
    ],
)
def test_each_process_of_a_sweep_gets_one_gpu_in_turn(
    visible: str | None, cards: int, scorers: str, own: list[str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setenv("MORLBENCH_HUB_DEVICE", scorers)
    monkeypatch.setattr("morlbench.executor._CARDS", tmp_path / "cards")
    (tmp_path / "cards" / "nvidiactl").mkdir(parents=True)  # no card
    for i in range(cards):
        (tmp_path / "cards" / f"nvidia{i}").mkdir(parents=True)
    given: list[str | None] = []

    class Noted(_Worker):
        def take(self, job: Job) -> None:
            mine = self._environment.get("CUDA_VISIBLE_DEVICES")
            given.append(None if mine == visible else mine)
            self._events.put(Event(job, "made"))

    monkeypatch.setattr("morlbench.executor._Worker", Noted)
    list(Processes(3).run([Job(launch.Request("base", "exact-flat"), tmp_path / f"{i}.json", 1) for i in range(3)]))
    assert sorted(given, key=str) == sorted(own, key=str)


@pytest.mark.parametrize("whole_group", [True, False])
def test_a_sweep_of_processes_killed_amid_its_work_ends_with_the_records_of_an_undisturbed_one(whole_group: bool, tmp_path: Path) -> None:
    sweep_once(tmp_path / "whole", HERE, "0")
    (tmp_path / "log").unlink()
    process = start(tmp_path / "out", "processes", "0")
    go(process)
    wait_for(lambda: begun(tmp_path))
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGKILL)
    assert end(process) == -signal.SIGKILL
    sweep_once(tmp_path / "out", HERE, "0")
    assert records(tmp_path / "out") == records(tmp_path / "whole")


def killed_after(seconds: float, process: subprocess.Popen[str], *, whole_group: bool) -> int:
    """Let the sweep go, kill it then (or leave the processes it started to notice), and return how it ended."""
    go(process)
    time.sleep(seconds)
    if process.poll() is None:
        (os.killpg if whole_group else os.kill)(process.pid, signal.SIGKILL)
    code = end(process)
    assert code in (0, -signal.SIGKILL)
    return code


def test_records_that_differ_in_one_answer_are_told_apart(tmp_path: Path) -> None:
    sweep_once(tmp_path / "a", HERE, "0")
    sweep_once(tmp_path / "b", HERE, "1")
    for path in (tmp_path / "b").rglob("seed-1.*"):
        path.rename(path.with_name(path.name.replace("seed-1", "seed-0")))
    assert records(tmp_path / "a").keys() == records(tmp_path / "b").keys()
    assert records(tmp_path / "a") != records(tmp_path / "b")


@pytest.mark.parametrize("locked", [True, False])
def test_two_sweeps_at_once_compute_no_run_twice_thanks_to_the_locks(locked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIGHT_SECONDS", "0.02")
    if not locked:
        monkeypatch.setenv("LIGHT_UNLOCKED", "1")
    both = [start(tmp_path / "out", seeds="0..3") for _ in range(2)]
    for process in both:
        go(process)
    assert [end(process) for process in both] == [0, 0]
    times = begun(tmp_path)
    assert len(times) == 16
    assert (set(times.values()) == {1}) is locked


def test_processes_have_their_threads_set_before_any_library_and_make_the_records_of_a_serial_sweep(tmp_path: Path) -> None:
    sweep_once(tmp_path / "serial", HERE, "0")
    (tmp_path / "log").unlink()
    progress = sweep_once(tmp_path / "apart", Processes(2, 3, light.NAME), "0")
    assert records(tmp_path / "apart") == records(tmp_path / "serial")
    lines = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert all("threads=3 torch=False" in line for line in lines)
    assert len({line.rpartition("pid=")[2] for line in lines}) == len(lines) == progress.count("made") == 4


TRAINER = """
import sys, time
from contextlib import nullcontext
from pathlib import Path
from morlbench.store import Store
root, locked = Path(sys.argv[1]), sys.argv[2] == "True"
print("ready", flush=True)
sys.stdin.readline()
with Store(root).lock("expert", "key") if locked else nullcontext():
    if not (root / "adapter").exists():
        with (root / "trained").open("a") as log:
            log.write("once\\n")
        time.sleep(0.3)
        (root / "adapter").touch()
"""


@pytest.mark.parametrize("locked", [True, False])
def test_an_expert_that_several_processes_want_at_once_is_trained_once_thanks_to_its_lock(locked: bool, tmp_path: Path) -> None:
    words = [sys.executable, "-c", TRAINER, str(tmp_path), str(locked)]
    all_of_them = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for process in all_of_them:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in all_of_them:
        go(process)
    assert [end(process) for process in all_of_them] == [0, 0, 0]
    trained = (tmp_path / "trained").read_text(encoding="utf-8").splitlines()
    assert (len(trained) == 1) is locked


def test_a_killed_sweep_leaves_no_process_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIGHT_SECONDS", "60")
    process = start(tmp_path / "out", "processes", "0")
    go(process)
    wait_for(lambda: len(begun(tmp_path)) == 2)
    at_work = [Path(path) for path in begun(tmp_path)]
    assert all(launch.busy(path) for path in at_work)
    process.kill()
    end(process)
    wait_for(lambda: not any(launch.busy(path) for path in at_work))


def wait_for(fact, seconds: float = 180) -> None:
    limit = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < limit, "it did not come true"
        time.sleep(0.05)


def test_a_second_sweep_makes_only_what_the_first_lacks(tmp_path: Path) -> None:
    sweep_once(tmp_path / "out", HERE, "0..1")
    victim = sorted((tmp_path / "out").rglob("seed-1.parquet"))[0]
    victim.write_bytes(victim.read_bytes()[:100])
    (tmp_path / "log").unlink()
    progress = sweep_once(tmp_path / "out", HERE, "0..2")
    assert (progress.count("found"), progress.count("made")) == (7, 5)
    assert {Path(name) for name in begun(tmp_path)} == {victim.with_suffix(".json"), *(tmp_path / "out").rglob("seed-2.json")}


def test_a_record_of_another_base_is_not_taken_for_this_one(tmp_path: Path) -> None:
    class Changed(Light):
        def identity(self, base: str) -> str:
            return f"{base}-retrained"

    sweep_once(tmp_path, HERE, "0")
    todo = sweep.jobs(grid(tmp_path, "0"))
    assert sweep.survey(todo, Light(), retry=False).waiting == ()
    assert sweep.survey(todo, Changed(), retry=False).waiting == todo


@pytest.mark.parametrize(
    ("fault", "executor", "reason"),
    [
        ("sentence", HERE, "a planted fault"),
        ("raises", HERE, "ValueError: a planted fault"),
        ("raises", Processes(2, 1, light.NAME), "ValueError: a planted fault"),
        ("killed", Processes(2, 1, light.NAME), "its process was ended by signal SIGKILL; perhaps the machine ran out of memory"),
        ("exits", Processes(2, 1, light.NAME), "its process ended with exit code 0 before the run was over"),
    ],
)
def test_a_failure_is_kept_with_its_reason_and_tried_again_only_on_request(
    fault: str, executor: Serial | Processes, reason: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (tmp_path / "fault").write_text(f"1 {fault}", encoding="utf-8")
    one = sweep.Grid(("honest",), ("honest",), "0..1", out=out)
    progress = sweep.survey(sweep.jobs(one), Light(), retry=False)
    sweep.sweep(progress, executor)
    assert (progress.count("made"), progress.count("failed")) == (1, 1)
    kept = out / "honest" / "honest" / "seed-1.failed.json"
    assert json.loads(kept.read_text(encoding="utf-8"))["reason"] == reason
    assert [path.name for path in find([out])] == ["seed-0.json"]  # a failure is not taken for a record

    (tmp_path / "fault").unlink()
    again = sweep.survey(sweep.jobs(one), Light(), retry=False)
    assert again.waiting == ()
    assert again.latest[kept.with_name("seed-1.json")].reason.startswith(reason)
    retried = sweep.survey(sweep.jobs(one), Light(), retry=True)
    sweep.sweep(retried, HERE)
    assert (retried.count("made"), retried.count("found"), kept.exists()) == (1, 1, False)


def test_the_last_words_kept_of_a_killed_run_are_its_own_and_the_next_run_is_made_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "fault").write_text("1 killed", encoding="utf-8")
    progress = sweep.survey(sweep.jobs(sweep.Grid(("honest",), ("honest",), "0..2", out=tmp_path / "out")), Light(), retry=False)
    sweep.sweep(progress, Processes(1, 1, light.NAME))
    assert (progress.count("made"), progress.count("failed")) == (2, 1)
    kept = json.loads((tmp_path / "out" / "honest" / "honest" / "seed-1.failed.json").read_text(encoding="utf-8"))
    assert kept["trace"] == "seed 1 at work"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"methods": ("honset",)}, "did you mean 'honest'"),
        ({"methods": ("honest,honest",)}, "twice"),
        ({"methods": ("honest", "honest+share=0.5")}, "twice"),  # .5 is the default: one run under two names
        ({"methods": ("a,honest+share=0.1",)}, "an --methods of its own"),
        ({"methods": ("honest+share=2",)}, "'share'"),
        ({"tasks": ("honest-*",)}, "the nearest is 'honest'"),
        ({"tasks": ("honest,",)}, "empty name"),
        ({"seeds": "3..1"}, "count upwards"),
        ({"budgets": ("quik",)}, "unknown budget 'quik'"),
    ],
)
def test_a_bad_word_in_the_grid_is_answered_by_one_sentence(changes: dict[str, object], sentence: str, tmp_path: Path) -> None:
    words: dict[str, object] = {"methods": ("honest",), "tasks": ("honest",), "out": tmp_path / "out", **changes}
    with pytest.raises(BadInput) as caught:
        sweep.jobs(sweep.Grid(**words))  # type: ignore[arg-type]
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_pattern_stands_for_every_name_it_matches_and_a_thousands_comma_for_no_list(tmp_path: Path) -> None:
    found = sweep.jobs(sweep.Grid(("hon*+share=0.1",), ("hone?t",), "4", ("smoke,quick", "2,048"), out=tmp_path))
    assert [job.budget for job in found] == [256, 4096, 2048]
    assert found[1].path == tmp_path / "honest" / "honest+share=0.1" / "seed-4.json"


def test_time_left_counts_the_responses_ahead_at_the_pace_so_far() -> None:
    jobs = tuple(Job(launch.Request("m", "t"), Path(f"t/m/seed-{i}.json"), 100) for i in range(5))
    progress = sweep.Progress(jobs)
    assert live.time_left(progress, 1.0) is None
    progress.update(Event(jobs[0], "found"))
    progress.update(Event(jobs[1], "failed"))
    assert live.time_left(progress, 1.0) is None  # neither says how fast a run is
    progress.update(Event(jobs[2], "made"))
    progress.update(Event(jobs[3], "running", responses=50))
    assert live.time_left(progress, 30.0) == pytest.approx(30 * 150 / 150)  # 150 done; ahead: 50 of one and 100 of the other
    assert live.rows(progress) == [("t", "m", "2", "1", "1", "seed-3 50% starting")]
    progress.update(Event(jobs[4], "running", "expert one", 20))
    assert live.rows(progress)[0][-1] == "seed-3 50% starting\nseed-4 20% expert one"
    progress.latest.pop(jobs[4].path)
    assert live.summary(progress) == "5 runs: 1 made, 1 found, 1 failed, 1 running"


@pytest.mark.parametrize("width", [70, 100, 160])
def test_the_live_table_keeps_its_counts_however_narrow_the_terminal(width: int) -> None:
    from rich.console import Console

    where = Path("exact-competing/moe-cmab+rate=0.001+budget=smoke")
    jobs = tuple(Job(launch.Request("m", "t"), where / f"seed-{i}.json", 256) for i in range(4))
    more = tuple(Job(launch.Request("m", "t"), Path(f"task-{i}/mod/seed-0.json"), 256) for i in range(40))
    progress = sweep.Progress(jobs + more)
    progress.update(Event(jobs[0], "made"))
    progress.update(Event(jobs[1], "running", "expert first projected 0.3", 64))
    progress.update(Event(jobs[2], "running"))
    table = live.LiveTable(progress)
    table._console = Console(width=width, height=20, highlight=False)
    with table._console.capture() as caught:
        table._console.print(table._table())
    lines = caught.get().splitlines()
    assert lines[0].split() == ["task", "method", "done", "failed", "waiting", "running"]
    assert lines[1].startswith("exact-competing")
    assert [word for word in lines[1].split() if word.isdigit()] == ["1", "0", "1"]
    assert "seed-1 25% e" in lines[1]
    assert "seed-2 start" in lines[2]
    assert len(lines) <= 20
    assert lines[-2] == f"and {40 - sum(line.startswith('task-') for line in lines)} more"
    assert lines[-1].startswith("44 runs: 1 made, 2 running; about ")


def test_the_command_says_how_each_run_stands_and_fails_if_one_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launch, "Training", Light)
    (tmp_path / "fault").write_text("1 sentence", encoding="utf-8")
    words = [
        "sweep",
        "--methods",
        "honest",
        "--tasks",
        "honest",
        "--seeds",
        "0..1",
        "--out",
        str(tmp_path / "out"),
        "--jobs",
        "0",
        "--json",
    ]
    assert console.guarded(lambda: cli.app(words)) == console.FAILED
    said = capsys.readouterr()
    assert [(row["state"], row["reason"]) for row in json.loads(said.out)] == [("made", ""), ("failed", "a planted fault")]
    assert "seed-1.json: a planted fault" in said.err
    (tmp_path / "fault").unlink()
    assert console.guarded(lambda: cli.app([*words, "--retry"])) == console.DONE
    assert [row["state"] for row in json.loads(capsys.readouterr().out)] == ["found", "made"]
