"""Hold other people's records against what a true run leaves: files, protocol, ledger, and every answer scored again.

`verify` reads data only (JSON, parquet, TOML, safetensors) and runs none of it. A record with a fault is refused; any other is
granted a level: `reported` (the files are sound), `rescored` (this checkout's scorers give the stored rewards) or
`reproduced` (a repeated run gave the same). What each level leaves open is in docs/submitting.md.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from morlbench.errors import BadRecord

if TYPE_CHECKING:
    from morlbench.history import Level

Code = Literal[
    "file", "size", "json", "schema", "hash", "parquet", "name", "key", "task", "method", "base", "seed", "complete", "ledger", "kl",
    "exact", "weights", "answers", "rewards", "board", "history", "rerun", "internal",
]  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """Why a record is refused: what kind of fault, and one sentence."""

    code: Code
    sentence: str


class Refused(BadRecord):
    """A file cannot be read on safely; nothing after it was looked at."""

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.fault = Fault(code, sentence)


@dataclass
class Findings:
    """What a check found: faults refuse the record, doubts keep it at `reported`, notes say the rest."""

    faults: list[Fault] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Verdict:
    """What was found of one file: a level, or None where faults refuse it; notes say what kept a level from being higher."""

    path: Path
    level: "Level | None"
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
    key: str = ""

    @property
    def reason(self) -> str:
        """All faults and notes as one line."""
        return "; ".join([fault.sentence for fault in self.faults] + list(self.notes))
