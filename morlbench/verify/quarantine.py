"""Open a stranger's parquet first in a process of its own, with bounded memory and time.

The reader of parquet is large C++ code: a file made for it may ask for gigabytes or end the process. So a child with an
address space of MEMORY bytes reads the whole file and says whether that went well; only then does anyone else. The child
imports nothing from the folder it is started in, lives on for the next file and is replaced when it dies. On systems
without such a limit only size and time are bounded.
"""

import json
import os
import select
import subprocess
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from morlbench.errors import MorlbenchError
from morlbench.verify import Refused

if TYPE_CHECKING:
    import pyarrow as pa

MEMORY = 3 * 1024**3  # bytes of address space; the reader's own libraries take about 1
SECONDS = 30.0  # for one file
START = 300.0  # for the child's imports on a busy machine
INFLATED = 64 * 1024**2  # bytes of a table in memory
LONGEST = 200  # characters of a word in a dictionary: the names of probes and utilities
GROUPS = 64


class Quarantine:
    """A child that reads parquet; use as a context, or call `close`."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def check(self, raw: bytes, rows: int, objectives: int, name: str) -> None:
        """Refuse bytes that are no parquet of exactly a record's columns and this many rows, or that the child does not survive."""
        child = self._started()
        head = json.dumps([len(raw), rows, objectives]).encode() + b"\n"
        answer = self._ask(child, head + raw)
        if answer is None:
            self.close()
            raise Refused("parquet", f"{name}: reading it took more than {SECONDS:g} s or {MEMORY >> 30} GiB, or ended the reader")
        if answer:
            raise Refused("parquet", f"{name}: {answer}")

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._child is None:
            environment = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "PYTHONPATH", "VIRTUAL_ENV")}
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", "morlbench.verify.quarantine"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, env=environment | {"OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"},
            )  # fmt: skip
            if _line(self._child, START) != b'"ready"\n':
                self.close()
                raise MorlbenchError("the process that reads parquet did not start; is pyarrow installed?")
        return self._child

    def _ask(self, child: "subprocess.Popen[bytes]", message: bytes) -> str | None:
        """Return the child's answer ('' is well), or None if it died or took too long."""
        assert child.stdin is not None  # made with a pipe
        try:
            child.stdin.write(message)
            child.stdin.flush()
            return str(json.loads(_line(child, SECONDS)))
        except (OSError, ValueError):
            return None


def _line(child: "subprocess.Popen[bytes]", seconds: float) -> bytes:
    """Return one line of the child's, or what came of it before the time was over."""
    assert child.stdout is not None  # made with a pipe
    until, line = time.monotonic() + seconds, b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([child.stdout], [], [], max(0.0, until - time.monotonic()))
        more = os.read(child.stdout.fileno(), 4096) if ready else b""
        if not more:
            break
        line += more
    return line


def judge(raw: bytes, rows: int, objectives: int) -> str:
    """Return what is wrong with the parquet, '' if nothing: what its footer claims is bounded before anything is read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from morlbench.table import misfit

    try:
        file = pq.ParquetFile(pa.BufferReader(raw), memory_map=False)
        facts = file.metadata
        if odd := misfit(file.schema_arrow, objectives):
            return odd
        if facts.num_rows != rows:
            return f"it claims {facts.num_rows:,} rows; its JSON file demands {rows:,}"
        groups = [facts.row_group(i) for i in range(min(facts.num_row_groups, GROUPS + 1))]
        size = sum(max(group.total_byte_size, 0) for group in groups)
        if len(groups) > GROUPS or size > INFLATED:
            return f"it claims {len(groups)} groups and {size:,} bytes; the limits are {GROUPS} and {INFLATED:,}"
        table = file.read(use_threads=False)
        table.validate(full=True)
        if table.num_rows != rows or table.nbytes > INFLATED:
            return f"it holds {table.num_rows:,} rows and {table.nbytes:,} bytes; expected {rows:,} rows"
        if long := _long_words(table):
            return f"column {long[0]!r} holds a word of more than {LONGEST} characters"
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, MemoryError, OverflowError) as error:
        return f"not readable as parquet ({' '.join(str(error).split())[:120]})"
    return ""


def _long_words(table: "pa.Table") -> list[str]:
    """Return the dictionary columns that hold a long word: it is kept once, and made plain it is there in every row."""
    import pyarrow as pa

    words = {name: table[name].chunks for name in table.schema.names if pa.types.is_dictionary(table[name].type)}
    return [name for name, chunks in words.items() if any(len(word) > LONGEST for chunk in chunks for word in chunk.dictionary.to_pylist())]


def main() -> None:
    """Answer a line per file on stdout until stdin ends."""
    sys.modules["pandas"] = None  # type: ignore[assignment]  # pyarrow would load it for nothing
    import morlbench.table  # noqa: F401  with the reader of parquet, before memory is bounded

    _bound()
    _say("ready")
    while head := sys.stdin.buffer.readline():
        size, rows, objectives = json.loads(head)
        _say(judge(sys.stdin.buffer.read(size), rows, objectives))


def _bound() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        return  # a system without such limits


def _say(text: str) -> None:
    sys.stdout.write(json.dumps(text) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
