"""Put the pages of boards in a folder, and serve a folder to a browser on this machine."""

import re
from collections.abc import Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path

from morlbench import board, console
from morlbench.board import Board
from morlbench.errors import BadInput
from morlbench.gather import rank_folder
from morlbench.leaderboard import Ranking
from morlbench.site.pack import packs
from morlbench.site.pages import environment, front_page, pages
from morlbench.site.payload import payloads
from morlbench.store import write_bytes

STATIC = ("site.css", "rerank.js", "board.js", "front.js", "answers.js")
MARK = "morlbench-site.txt"  # names every file of the site, so that a later build removes what it no longer makes
OWN = re.compile(r"[\w.-]+(/[\w.-]+)*")


def build(rankings: Sequence[Ranking]) -> dict[str, bytes]:
    """Return every file of the site by its path; equal rankings and records give equal bytes."""
    env = environment()
    made = {"index.html": front_page(rankings, env).encode()}
    for name in STATIC:
        made[f"static/{name}"] = (files("morlbench.site") / "static" / name).read_bytes()
    for ranking in rankings:
        name, found = ranking.board.name, packs(ranking)
        made |= {f"{name}/{path}": text.encode() for path, text in pages(ranking, found, env).items()}
        made |= {f"{name}/data/{path}": data for path, data in payloads(ranking, found).items()}
    return made | {MARK: "".join(f"{path}\n" for path in sorted(made)).encode()}


def write(made: dict[str, bytes], folder: Path) -> None:
    """Write the site to a folder; raise BadInput where the folder holds something else."""
    mark = folder / MARK
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not mark.is_file())):
        raise BadInput(f"{folder} exists and is not a site of morlbench; give an empty or a new folder with --out")
    old = mark.read_text(encoding="utf-8").split("\n") if mark.is_file() else []
    for path in (path for path in old if path not in made and OWN.fullmatch(path) and ".." not in path.split("/")):
        (folder / path).unlink(missing_ok=True)
    for path in (MARK, *(path for path in made if path != MARK)):  # the mark first: a build that was stopped can be repeated
        write_bytes(folder / path, made[path])


def command(names: Sequence[str], out: Path, *, serve: bool, port: int) -> None:
    """Build the site of these boards (none given: every board) in a folder, and serve it if asked, until interrupted."""
    rankings = [rank_folder(found) for found in _apart([board.find(name) for name in names or board.names()])]
    for ranking in rankings:
        for sentence in ranking.left_out:
            console.complain(sentence)
    made = build(rankings)
    write(made, out)
    console.say(f"{out / 'index.html'}: {len(made)} files, {sum(map(len, made.values())) / 1e6:.1f} MB")
    if serve:
        with server(out, port) as running:
            console.say(f"http://127.0.0.1:{running.server_address[1]}/ (stop with Ctrl-C)")
            running.serve_forever()


def _apart(boards: Sequence[Board]) -> Sequence[Board]:
    """Return the boards; raise BadInput where two would have their pages in one folder."""
    folders: dict[str, Path] = {}
    for one in boards:
        if one.name in folders:
            raise BadInput(f"{folders[one.name]} and {one.folder} would share the site's folder {one.name!r}; give one of them")
        folders[one.name] = one.folder
    return boards


def server(folder: Path, port: int) -> ThreadingHTTPServer:
    """Return a server of that folder that only this machine can reach; raise BadInput where the port is taken."""
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    except OSError as error:
        raise BadInput(f"port {port} cannot be used ({error.strerror}); give another with --port") from None
