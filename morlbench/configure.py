"""From words to values: `--set key=value`, `--budget`, `--seeds` and a method's variant name, each checked at the door.

A setting is validated by the method's own fields, so its type and bounds are written once, in the method. Leaves out
preferences, which `morlbench.preference` reads.
"""

import hashlib
import json
import math
import re
from collections.abc import Sequence

from annotated_types import Ge, Gt, Le, Lt
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from morlbench.bench import BUDGETS
from morlbench.errors import BadInput, unknown
from morlbench.method import Method

THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+")  # one number, not a list


def configure(cls: type[Method], assignments: Sequence[str] = ()) -> Method:
    """Return the method with the settings of `key=value` texts, or raise BadInput naming field, bounds and value."""
    texts: dict[str, str] = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not key:
            raise BadInput(f"--set {text!r} is not of the form key=value")
        if key in texts:
            raise BadInput(f"--set gives {key!r} twice")
        texts[key] = value.strip()
    return build(cls, {key: _literal(cls, key, text) for key, text in texts.items()})


def build(cls: type[Method], values: dict[str, object]) -> Method:
    """Return the method with these settings; an unknown or invalid one raises BadInput."""
    known = fields(cls)
    for key in values:
        if key not in known:
            raise BadInput(_no_such_setting(cls, key, known))
    try:
        method = TypeAdapter(cls).validate_python(values)
    except ValidationError as error:
        raise BadInput(_sentence(cls, known, error)) from None
    for key in known:
        value = getattr(method, key)
        if isinstance(value, float) and math.isnan(value):
            raise BadInput(f"method {cls.name!r}, setting {key!r}: must be a number, not nan")
    return method


def fields(cls: type[Method]) -> dict[str, FieldInfo]:
    """Return the settings of a method class; one that forgot `@settings` has none and cannot be configured."""
    found = vars(cls).get("__pydantic_fields__")
    if not isinstance(found, dict):
        raise BadInput(f"method {cls.__name__} is not decorated with @settings (from morlbench.method)")
    return found


def changed(method: Method) -> dict[str, object]:
    """Return the settings that differ from the method's defaults, in the order of its fields."""
    default = build(type(method), {})
    pairs = {name: (getattr(method, name), getattr(default, name)) for name in fields(type(method))}
    return {name: mine for name, (mine, usual) in pairs.items() if mine != usual}


def variant(name: str, changes: dict[str, object]) -> str:
    """Return a folder name such as 'moe-cmab+gate=linucb'; what a file name cannot hold is replaced and told apart by a hash."""
    plain = "+".join([name, *(f"{key.replace('_', '-')}={text_of(value)}" for key, value in changes.items())])
    safe = re.sub(r"[^A-Za-z0-9._,=+-]+", "-", plain)[:100]
    return safe if safe == plain else f"{safe}~{hashlib.sha256(plain.encode()).hexdigest()[:8]}"


def text_of(value: object) -> str:
    """Return a setting's value as a board or a folder name writes it: floats in six digits where those say all of it."""
    if isinstance(value, list | tuple):
        return ",".join(map(text_of, value))
    if not isinstance(value, float):
        return str(value)
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def parse_budget(text: str) -> int:
    """Read a budget's name or a number of scored responses."""
    if text in BUDGETS:
        return BUDGETS[text]
    try:
        number = int(text.replace(",", "") if THOUSANDS.fullmatch(text) else text)
    except ValueError:
        raise BadInput(f"unknown budget {text!r}; expected one of {', '.join(BUDGETS)}, or a whole number of scored responses") from None
    if number < 1:
        raise BadInput(f"budget {number} is too small; expected at least 1 scored response, or one of {', '.join(BUDGETS)}")
    return number


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read '0..4' (both ends included) or '0,3,5' as seeds, each once."""
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,9})(?:\.\.(\d{1,9}))?\s*", part)
        if not found:
            raise BadInput(f"seeds {text!r}: {part!r} is not a seed; expected e.g. 0..4 or 0,1,2")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first or last - first >= 1000:
            raise BadInput(f"seeds {text!r}: {part!r} must count upwards, by at most 1000 seeds")
        seeds += range(first, last + 1)
    if len(set(seeds)) != len(seeds):
        raise BadInput(f"seeds {text!r}: a seed is given twice")
    return tuple(seeds)


def _literal(cls: type[Method], key: str, text: str) -> object:
    """Return the text itself where the field takes it, else what it says as JSON: numbers, words, lists, true and null all work."""
    if key not in fields(cls) or _takes(cls, key, text):
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if _takes(cls, key, value) else text


def _takes(cls: type[Method], key: str, value: object) -> bool:
    try:
        TypeAdapter(cls).validate_python({key: value})
    except ValidationError as error:
        return all(found["loc"][:1] != (key,) for found in error.errors())
    except BadInput:
        return True  # it does not fit beside the defaults of the others; `build` judges all that is given together
    return True


def _sentence(cls: type[Method], known: dict[str, FieldInfo], error: ValidationError) -> str:
    first = error.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    if key not in known:
        return f"method {cls.name!r}: {_lower(first['msg'])}"
    same = [found for found in error.errors() if found["loc"][:1] == (key,)]
    reasons = " or ".join(dict.fromkeys(_lower(found["msg"]) for found in same))
    bounds = _bounds(known[key])
    return f"method {cls.name!r}, setting {key!r}: {reasons}{f' (bounds: {bounds})' if bounds else ''}; given {first['input']!r}"


def _bounds(field: FieldInfo) -> str:
    found: list[str] = []
    for extra in field.metadata:
        match extra:
            case Ge(ge=bound):
                found.append(f">= {bound}")
            case Gt(gt=bound):
                found.append(f"> {bound}")
            case Le(le=bound):
                found.append(f"<= {bound}")
            case Lt(lt=bound):
                found.append(f"< {bound}")
    return ", ".join(found)


def _no_such_setting(cls: type[Method], key: str, known: dict[str, FieldInfo]) -> str:
    if not known:
        return f"method {cls.name!r} has no settings; given {key!r}"
    names = [name.replace("_", "-") for name in known]  # `unknown` compares kebab-case names
    return f"{unknown('setting', key, names).replace('-', '_')} (of method {cls.name!r})"


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
