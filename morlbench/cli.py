"""The command line: arguments only. Every body is in another module and is imported when its command runs.

Exit codes: 0 done, 1 a check or a run failed, 2 bad arguments, 130 interrupted.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, TypeVar

import typer

import morlbench
from morlbench import console
from morlbench.errors import BadInput, unknown
from morlbench.registry import Kind

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)  # fmt: skip

Json = Annotated[bool, typer.Option("--json", help="Print only JSON on stdout.")]
Records = Annotated[list[Path], typer.Argument(help="Record files (seed-N.json) or folders that hold some.")]
Plugin = Annotated[str, typer.Argument(help="What kind of plugin: method, task or metric.")]
_KINDS: dict[str, Kind] = {"method": "methods", "task": "tasks", "metric": "metrics"}
_LISTED: dict[str, Kind | None] = {"methods": "methods", "tasks": "tasks", "metrics": "metrics", "bases": None}


Found = TypeVar("Found")


def _known(kind: str, kinds: dict[str, Found]) -> Found:
    """Return what a kind of plugin stands for, or raise BadInput with what there is."""
    if kind not in kinds:
        raise BadInput(unknown("kind", kind, kinds))
    return kinds[kind]


def _version(asked: bool) -> None:
    if asked:
        console.say(f"morlbench {morlbench.__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Benchmark and leaderboard for multi-objective reinforcement learning of language models."""


@app.command("list")
def list_(kind: Annotated[str, typer.Argument(help="What to list: methods, tasks, metrics or bases.")], json: Json = False) -> None:
    """List what there is, with one line about each."""
    from morlbench import commands

    commands.list_names(_known(kind, _LISTED), json)


@app.command()
def run(
    method: Annotated[str, typer.Option(help="A method's name; see `morlbench list methods`.")],
    task: Annotated[str, typer.Option(help="A task's name; see `morlbench list tasks`.")],
    base: Annotated[str, typer.Option(help="A base's name, a local folder or a Hugging Face id.", show_default="the task's")] = "",
    budget: Annotated[str, typer.Option(help="smoke, quick, standard, full, or a number of scored responses.")] = "quick",
    seed: Annotated[int | None, typer.Option(help="One seed.", min=0, show_default="0")] = None,
    seeds: Annotated[str | None, typer.Option(help="Several seeds instead, e.g. 0..4.", show_default=False)] = None,
    preference: Annotated[str, typer.Option(help="The stated user of a single-policy method, e.g. .7,.3.", show_default="the task's")] = "",
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be repeated.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for records and plots.")] = Path("runs"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Run again even where an equal record exists.")] = False,
    json: Json = False,
) -> None:
    """Train a method on a task, ask its policy at every preference, keep the record, print and plot the scores."""
    from morlbench import commands
    from morlbench.launch import Request

    if seeds is not None and seed is not None:
        raise BadInput("give --seed or --seeds, not both")
    words = Request(method, task, base, budget, str(seed or 0) if seeds is None else seeds, preference, tuple(set_ or ()), out)
    commands.run(words, as_json=json, fresh=fresh)


@app.command()
def sweep(
    methods: Annotated[list[str], typer.Option(help="Names, a,b; patterns; or one with settings, name+key=value. May be repeated.")],
    tasks: Annotated[list[str], typer.Option(help="Names, a,b, or patterns such as 'exact-*'. May be repeated.")],
    seeds: Annotated[str, typer.Option(help="Seeds, e.g. 0..4 or 0,3.")] = "0",
    budgets: Annotated[list[str] | None, typer.Option(help="Budgets as in `morlbench run`; may be repeated.", show_default="quick")] = None,
    base: Annotated[str, typer.Option(help="A base for every task.", show_default="each task's")] = "",
    out: Annotated[Path, typer.Option(help="Folder for records and failures.")] = Path("runs"),
    jobs: Annotated[int, typer.Option(help="Runs at once, a process each; 0 runs one after another in this process.", min=0)] = 1,
    threads: Annotated[int, typer.Option(help="Threads of each process.", min=1)] = 1,
    retry: Annotated[bool, typer.Option("--retry", help="Run again what failed in an earlier sweep.")] = False,
    json: Json = False,
) -> None:
    """Run a grid of methods, tasks, seeds and budgets; give the same command again after a stop and it goes on."""
    from morlbench import commands
    from morlbench.sweep import Grid

    grid = Grid(tuple(methods), tuple(tasks), seeds, tuple(budgets or ["quick"]), base, out)
    if not commands.sweep(grid, slots=jobs, threads=threads, retry=retry, as_json=json):
        raise typer.Exit(console.FAILED)


@app.command()
def score(records: Records, json: Json = False) -> None:
    """Compute every metric of stored records."""
    from morlbench import commands

    if not commands.score(records, as_json=json):
        raise typer.Exit(console.FAILED)


@app.command()
def plot(records: Records, out: Annotated[Path, typer.Option(help="Path of the figure, without its ending.")] = Path("front")) -> None:
    """Draw the front of stored records as PNG and SVG; of a board's name or folder, all its figures where they belong."""
    from morlbench import commands

    if not commands.plot(records, out):
        raise typer.Exit(console.FAILED)


@app.command()
def rank(
    board: Annotated[str, typer.Argument(help="A board's name or folder; see the folders of leaderboards.")],
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 and name what is stale.")] = False,
    export: Annotated[Path | None, typer.Option(help="Write csv, parquet, JSON, YAML and LaTeX there instead.", show_default=False)] = None,
) -> None:
    """Rank a board from its records and write its table, page and plots; all of them can be rebuilt."""
    from morlbench import publish

    if check and export:
        raise BadInput("give --check or --export, not both")
    if not publish.command(board, check=check, export=export):
        raise typer.Exit(console.FAILED)


@app.command()
def site(
    boards: Annotated[list[str] | None, typer.Argument(help="Boards by name or folder.", show_default="every board")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the pages.")] = Path("site"),
    serve: Annotated[bool, typer.Option("--serve", help="Serve the pages to a browser on this machine until interrupted.")] = False,
    port: Annotated[int, typer.Option(help="Port of --serve; 0 takes a free one.", min=0, max=65535)] = 8000,
) -> None:
    """Write boards as static web pages with a preference slider, fronts to explore and answers to read."""
    from morlbench.site import write

    write.command(boards or [], out, serve=serve, port=port)


@app.command()
def relation(
    task: Annotated[str, typer.Argument(help="A task's name; see `morlbench list tasks`.")],
    base: Annotated[str, typer.Option(help="A base's name, a local folder or a Hugging Face id.", show_default="the task's")] = "",
    responses: Annotated[int, typer.Option(help="Scored responses for each expert; 0 trains none.", min=0)] = 2_048,
    draws: Annotated[int, typer.Option(help="The base's answers to each dev prompt.", min=2)] = 8,
    seed: Annotated[int, typer.Option(help="Seed of the samples and the experts.", min=0)] = 0,
    out: Annotated[Path, typer.Option(help="Path of the figure, without its ending.")] = Path("relation"),
    json: Json = False,
) -> None:
    """Measure how a task's objectives relate: correlation, gradients, transfer between experts, loss of the ideal point."""
    from morlbench import commands
    from morlbench.relation import Effort

    commands.relation(task, base, Effort(draws, responses, seed), out, as_json=json)


@app.command()
def study(
    name: Annotated[str, typer.Argument(help="aggregation, relation, direct, experts or scale; their pages are in docs/findings.")],
    seeds: Annotated[str, typer.Option(help="Seeds, e.g. 0..4.")] = "0..4",
    budget: Annotated[str, typer.Option(help="A budget as in `morlbench run`.")] = "standard",
    text: Annotated[str, typer.Option(help="Run the text task too, at this budget; a text run takes minutes at quick.")] = "",
    jobs: Annotated[int, typer.Option(help="Runs at once, a process each; 0 runs one after another in this process.", min=0)] = 1,
    tables: Annotated[bool, typer.Option("--tables", help="Only write the tables and the figure of the records there are.")] = False,
) -> None:
    """Run a study's grid as far as records lack, then write its tables and figure from the records."""
    from morlbench import study as studies

    if not studies.command(name, seeds=seeds, budget=budget, text=text, slots=jobs, tables=tables):
        raise typer.Exit(console.FAILED)


@app.command()
def verify(
    paths: Annotated[list[Path], typer.Argument(help="Records, folders that hold some, or a board's folder.")],
    against: Annotated[
        Path | None, typer.Option(help="An older state of the folder: only new records are verified, old ones must be unaltered.")
    ] = None,
    rerun: Annotated[int, typer.Option(metavar="COUNT", help="Repeat that many seeds of each group, and those with doubts.", min=0)] = 0,
    write: Annotated[bool, typer.Option("--write", help="Keep the levels in the levels.json of the records' board.")] = False,
    json: Json = False,
) -> None:
    """Hold records against their protocol and score every answer again; refuse what was edited, grant the rest a level."""
    from morlbench.verify import command

    if not command.run(paths, against=against, again=rerun, write=write, as_json=json):
        raise typer.Exit(console.FAILED)


@app.command()
def submit(
    method: Annotated[str, typer.Argument(help="A method as the board lists it: a name, or one with settings, name+key=value.")],
    board: Annotated[str, typer.Option(help="The board's name or folder.")],
    jobs: Annotated[int, typer.Option(help="Runs at once, a process each; 0 runs one after another in this process.", min=0)] = 1,
    out: Annotated[Path, typer.Option(help="Folder of runs; what it holds already is used.")] = Path("runs"),
) -> None:
    """Run what a board lacks of a method, gather and verify its records, and print the steps to a pull request."""
    from morlbench import submit as submission

    submission.command(method, board, jobs=jobs, out=out)


@app.command()
def check(
    kind: Plugin,
    name: Annotated[str, typer.Argument(help="Its name.")],
    json: Json = False,
) -> None:
    """Try every promise a plugin must keep; exit 1 if one is broken."""
    from morlbench import commands

    if not commands.check(_known(kind, _KINDS), name, as_json=json):
        raise typer.Exit(console.FAILED)


@app.command()
def new(
    kind: Plugin,
    name: Annotated[str, typer.Argument(help="Its name in kebab-case, e.g. my-method.")],
    into: Annotated[
        Path | None, typer.Option(help="Folder to write it in.", show_default="methods, tasks or metrics of this checkout")
    ] = None,
) -> None:
    """Write a small plugin that passes its check, to start from."""
    from morlbench import scaffold

    scaffold.command(_known(kind, _KINDS), name, into)


def main() -> None:
    """Run the command line and exit; the console script's entry point."""
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # torch asks for large pages for large tensors: they are cleared sooner
    sys.exit(console.guarded(app))


if __name__ == "__main__":
    main()
