"""Public reward models as scorers: classifiers of transformers, and score models with one linear head on the last token.

What a model reads is declared (`reads`) and so is which of its outputs counts (`output`), after the models' cards and the
code of Rewards-in-Context (Yang et al. 2024) and Safe-RLHF (Dai et al. 2024); dialogues are without the blank that both put
before "Assistant:". Batches are padded on the right and sorted by length; a text is cut at the model's longest input. The
marks a tokenizer keeps for itself are taken out of prompts and answers, so that no answer can end or part what the model
reads. Checkpoints with code of their own are refused, and so are those that lack a tensor of the model they are read as:
transformers would fill it with random numbers.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import huggingface_hub
import numpy as np
import torch
from safetensors import safe_open
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from morlbench.errors import BadInput, MorlbenchError
from morlbench.lm.rewards.loading import Load
from morlbench.lm.rewards.memo import Floats, Memo, by_length
from morlbench.lm.rewards.text import plain
from morlbench.preference import Array
from morlbench.task import Texts

Reads = Literal["dialogue", "response", "summary", "faithful", "conversation"]
LONGEST = 1_024  # tokens
UNSTATED = 10**9
PADDED = 2  # positions that RoBERTa and its kin keep for padding
HEAD = "score_head"


@dataclass(frozen=True)
class Judge:
    """What a reward model reads, which output counts, and whether it is a score model with a head of its own name.

    dialogue: "Human: prompt, Assistant:" and the response as two texts. response: the response alone. summary: response, the
    tokenizer's first special token, post. faithful: response and post as two texts. conversation: Safe-RLHF's one line and the
    end mark, at which its models were trained to be read; it stays where the line is cut.
    """

    reads: Reads
    output: int = 0
    labels: int = 1  # how many outputs the model has
    head: bool = False
    prefix: str = ""  # what stands before the post in a prompt


class HeadModel(torch.nn.Module):
    """A backbone with a linear head read at the last token of each row."""

    def __init__(self, backbone: PreTrainedModel, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
        self.head.weight.data.copy_(weight)
        if bias is not None:
            self.head.bias.data.copy_(bias)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return scores (b, outputs) of right-padded rows."""
        hidden = self.backbone(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        last = attention_mask.sum(1) - 1
        return torch.as_tensor(self.head(hidden[torch.arange(len(last), device=last.device), last].to(self.head.weight.dtype)))


def load_judge(path: str, commit: str, judge: Judge, options: Load) -> Callable[[Texts, Texts], Array]:
    """Return a reward model as a scorer of prompts and answers (n) to raw values (n,); raise BadInput if it cannot be read."""
    with _reading(path):
        tokenizer = _tokenizer(path, commit)
        model: PreTrainedModel | HeadModel = _model(path, commit, judge, options.dtype)
        if isinstance(model, PreTrainedModel) and judge.head:
            tensors = _head(path, _folder(path, commit))
            model = HeadModel(model, tensors[f"{HEAD}.weight"].float(), tensors.get(f"{HEAD}.bias"))
        torch.nn.Module.to(model, options.device).train(False)
    marks = [str(token) for token in tokenizer.all_special_tokens if str(token)]
    tokenizer.padding_side = "right"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
    if isinstance(model, PreTrainedModel):
        model.config.pad_token_id = tokenizer.pad_token_id  # a classifier looks for the last token that is not padding
    memo = Memo(lambda keys: _finite(path, _score(model, tokenizer, judge, [json.loads(key) for key in keys], options)))

    def score(prompts: Texts, responses: Texts) -> Array:
        pairs = zip(prompts, responses, strict=True)
        return memo([json.dumps([_bare(text, marks) for text in pair]) for pair in pairs])[:, 0].astype(float)

    return score


def fault(folder: str, judge: Judge) -> str:
    """Return in one sentence why a reward model in a folder cannot be read, '' where it can; opens its files but reads no weights."""
    try:
        with _reading(folder):
            _tokenizer(folder, "")
            _model(folder, "", judge, torch.float32, place="meta")
            if judge.head:
                _head(folder, Path(folder))
    except BadInput as lack:
        return str(lack)
    return ""


def texts_of(judge: Judge, prompt: str, response: str, mark: str) -> tuple[str, str | None]:
    """Return what the model reads as one or two texts; `mark` is the tokenizer's first special token."""
    prompt, response = plain(prompt), plain(response)
    post = prompt.removeprefix(judge.prefix)
    if judge.reads == "dialogue":
        return f"\n\nHuman: {prompt}\n\nAssistant:", response
    if judge.reads == "summary":
        return f"{response} {mark} {post}", None
    if judge.reads == "faithful":
        return response, post
    if judge.reads == "conversation":
        return f"BEGINNING OF CONVERSATION: USER: {prompt} ASSISTANT:{response}", None
    return response, None


def _bare(text: str, marks: Sequence[str]) -> str:
    """Return the text without the marks, nor those that taking one out puts together."""
    while found := [mark for mark in marks if mark in text]:
        for mark in found:
            text = text.replace(mark, "")
    return text


def _finite(path: str, values: Floats) -> Floats:
    if not np.isfinite(values).all():
        raise MorlbenchError(f"reward model {path} gave a score that is no number; try MORLBENCH_HUB_DTYPE=float32")
    return values


def _ids(tokenizer: PreTrainedTokenizerBase, judge: Judge, read: tuple[str, str | None], limit: int) -> list[int]:
    """Return what the model reads as ids, at least one, cut at its longest input."""
    stated = int(tokenizer.model_max_length)  # 1e30 where a tokenizer states none
    longest = min(stated if stated < UNSTATED else limit, LONGEST)
    first, second = read
    ends = [int(tokenizer.eos_token_id)] if judge.reads == "conversation" and tokenizer.eos_token_id is not None else []
    ids: list[int] = tokenizer(first, second, truncation=True, max_length=longest - len(ends))["input_ids"]
    return (ids if ids[-1:] == ends else [*ids, *ends]) or [int(tokenizer.pad_token_id)]


@torch.inference_mode()
def _score(model: torch.nn.Module, tokenizer: PreTrainedTokenizerBase, judge: Judge, pairs: list[list[str]], options: Load) -> Floats:
    mark = str(tokenizer.bos_token or tokenizer.eos_token or "")
    config = (model.backbone if isinstance(model, HeadModel) else model).config
    limit = int(getattr(config, "max_position_embeddings", LONGEST + PADDED)) - PADDED
    rows = [_ids(tokenizer, judge, texts_of(judge, prompt, response, mark), limit) for prompt, response in pairs]
    values = np.zeros((len(rows), 1), dtype=np.float32)
    for chosen in by_length([len(row) for row in rows], options.batch):
        width = max(len(rows[i]) for i in chosen)
        ids = torch.tensor([rows[i] + [int(tokenizer.pad_token_id)] * (width - len(rows[i])) for i in chosen], device=options.device)
        mask = torch.tensor([[1] * len(rows[i]) + [0] * (width - len(rows[i])) for i in chosen], device=options.device)
        out = model(input_ids=ids, attention_mask=mask)
        scores = out if isinstance(out, torch.Tensor) else out.logits
        values[chosen, 0] = scores[:, judge.output].float().cpu().numpy()
    return values


@contextmanager
def _reading(path: str) -> Iterator[None]:
    """Say in one sentence what went wrong while a reward model was read."""
    try:
        yield
    except BadInput:
        raise
    except Exception as error:  # broken files raise errors of json, pickle, safetensors and transformers, of no common class
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BadInput(f"reward model {path} could not be read ({first})") from None


def _where(commit: str) -> dict[str, str]:
    return {"revision": commit} if commit else {}


def _tokenizer(path: str, commit: str) -> PreTrainedTokenizerBase:
    """Return the tokenizer; without its files transformers makes one that knows nothing but its own marks, which is refused."""
    found: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(path, trust_remote_code=False, **_where(commit))
    if len(found) <= len(found.all_special_tokens):
        raise BadInput(f"reward model {path} has no tokenizer files, such as tokenizer.json")
    return found


def _model(path: str, commit: str, judge: Judge, dtype: torch.dtype, place: str | None = None) -> PreTrainedModel:
    """Return the classifier or the backbone under a head, at a place (`meta` holds no numbers); raise BadInput if it is not whole."""
    kind = AutoModel if judge.head else AutoModelForSequenceClassification
    outputs = {} if judge.head else {"num_labels": judge.labels}
    model, report = kind.from_pretrained(
        path, dtype=dtype, device_map=place, ignore_mismatched_sizes=True, output_loading_info=True, trust_remote_code=False,
        **outputs, **_where(commit),
    )  # fmt: skip
    return _whole(path, model, report)


def _whole(path: str, model: PreTrainedModel, report: dict[str, Iterable[object]]) -> PreTrainedModel:
    """Return the model; raise BadInput where a tensor was not in the checkpoint, or in another shape: it would be random."""
    lost, other = (sorted(map(_name, report[f"{kind}_keys"])) for kind in ("missing", "mismatched"))
    if not lost and not other:
        return model
    what = f"has no trained {_few(lost)}" if lost else f"holds {_few(other)} in another shape"
    raise BadInput(f"reward model {path} {what} where it is read as {type(model).__name__}; scores would be random")


def _name(key: object) -> str:
    """Return a tensor's name; of a mismatch transformers gives the name and the two shapes."""
    return str(key[0] if isinstance(key, tuple) else key)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _folder(path: str, commit: str) -> Path:
    return Path(huggingface_hub.snapshot_download(path, revision=commit)) if commit else Path(path)


def _head(path: str, folder: Path) -> dict[str, torch.Tensor]:
    """Return the head's tensors by name; raise BadInput where there is no weight."""
    found: dict[str, torch.Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            found |= {name: tensors.get_tensor(name) for name in tensors.keys() if name.startswith(f"{HEAD}.")}  # noqa: SIM118
    for file in sorted(folder.glob("pytorch_model*.bin")) if not found else ():
        found |= {n: t for n, t in torch.load(file, map_location="cpu", weights_only=True).items() if n.startswith(f"{HEAD}.")}
    if f"{HEAD}.weight" not in found:
        raise BadInput(f"reward model {path} has no tensor {HEAD}.weight")
    return found
