"""Sentences of this project's own from which labelled pairs are put together: the better and the worse way to say it.

Written by hand in `lines.toml`, apart from the answers of the corpus. `{}` is filled with a topic or with a difficulty in the
second person.
"""

import tomllib
from pathlib import Path

_READ = tomllib.loads((Path(__file__).parent / "lines.toml").read_text(encoding="utf-8"))
WARM = tuple(_READ["warm"])
COLD = tuple(_READ["cold"])
BRIGHT = tuple(_READ["bright"])
DARK = tuple(_READ["dark"])
FORMAL = tuple(_READ["formal"])
CASUAL = tuple(_READ["casual"])
PLAIN = tuple(_READ["plain"])
HARD = tuple(_READ["hard"])
PADDING = tuple(_READ["padding"])
GENERIC = tuple(_READ["generic"])
RESTATING = tuple(_READ["restating"])
DECLINING = tuple(_READ["declining"])
COMPLYING = tuple(_READ["complying"])
REFUSING = tuple(_READ["refusing"])
DRESSED = tuple(_READ["dressed"])
INSULTING = tuple(_READ["insulting"])
REFLECTING = tuple(_READ["reflecting"])
ADVISING = tuple(_READ["advising"])
OF_ONESELF = tuple(_READ["of_oneself"])
CARING = tuple(_READ["caring"])
DISMISSING = tuple(_READ["dismissing"])
DENYING = tuple(_READ["denying"])
BLAMING = tuple(_READ["blaming"])
OPPOSITE: dict[str, str] = _READ["opposite"]
HARDER: dict[str, str] = _READ["harder"]
