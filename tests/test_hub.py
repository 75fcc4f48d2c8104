"""Hub tasks on small local data sets and randomly initialised reward models of the real architectures, saved to disk here."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from evidence import record
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoModelForSequenceClassification,
    BartConfig,
    BartForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from morlbench import cli, console, registry
from morlbench.errors import BadInput, MorlbenchError
from morlbench.facts import facts
from morlbench.lm import base, hub, hub_source
from morlbench.lm.bases import smollm2
from morlbench.lm.hub import HubTask
from morlbench.lm.hub_source import Source, find
from morlbench.lm.rewards.judge import LONGEST, Judge, _ids, fault, load_judge, texts_of
from morlbench.lm.rewards.loading import Load, load_options
from morlbench.lm.rewards.memo import forget
from morlbench.record import load as load_record

HUB_TASKS = ("hh-assistant", "tldr-summary", "safe-rlhf")
WORDS = [
    "<unk>",
    "<s>",
    "</s>",
    "<pad>",
    "how",
    "do",
    "i",
    "bake",
    "bread",
    "?",
    "mix",
    "flour",
    "and",
    "water",
    ".",
    ":",
    "human",
    "assistant",
]
SNAPSHOT = hub_source.huggingface_hub.snapshot_download
CPU = Load(4, torch.float32, torch.device("cpu"))
ODD = (
    "",
    " ",
    "\x00",
    "word " * 5_000,
    "烘焙",
    "half \ud83d pair",
    "mix flour and water .",
    "mix </s> flour",
    "<s></<s>s>",
    "<|endoftext|>",
)


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No network, no cache and no environment but the test's own."""
    for name in ("HUB", "HUB_BATCH", "HUB_DTYPE", "HUB_DEVICE"):
        monkeypatch.delenv(f"MORLBENCH_{name}", raising=False)
    monkeypatch.setenv("MORLBENCH_HOME", str(tmp_path / "home"))

    def refuse(*_: object, **__: object) -> str:
        raise OSError("no route to the hub")

    monkeypatch.setattr(hub_source.huggingface_hub, "snapshot_download", refuse)
    monkeypatch.setattr(hub_source.huggingface_hub.HfApi, "repo_info", refuse)
    find.cache_clear()
    for remembered in (hub_source.identity, hub._fault, hub_source.first_row):
        remembered.cache_clear()


def save_tokenizer(folder: Path, *, ends: bool = False, longest: int = 48) -> None:
    core = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    if ends:  # as BART's own tokenizer marks its texts
        pair = "<s> $A </s> </s> $B </s>"
        core.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair=pair, special_tokens=[("<s>", 1), ("</s>", 2)])
    marks = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    PreTrainedTokenizerFast(tokenizer_object=core, model_max_length=longest, **marks).save_pretrained(folder)


def gpt2(folder: Path, labels: int = 1) -> PreTrainedModel:
    config = GPT2Config(vocab_size=len(WORDS), n_positions=48, n_embd=16, n_layer=2, n_head=2, num_labels=labels)
    return keep(GPT2ForSequenceClassification(config), folder)


def bart(folder: Path) -> PreTrainedModel:
    size = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "num_labels": 2, "max_position_embeddings": 64}
    marks = {"pad_token_id": 3, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
    return keep(BartForSequenceClassification(BartConfig(vocab_size=len(WORDS), **size, **heads, **marks)), folder)


def distilbert(folder: Path) -> PreTrainedModel:
    config = DistilBertConfig(vocab_size=len(WORDS), dim=16, n_layers=1, n_heads=2, hidden_dim=16, max_position_embeddings=48, num_labels=2)
    return keep(DistilBertForSequenceClassification(config), folder)


def beaver(folder: Path) -> None:
    """Save a Llama backbone under `model.` with a score_head, as the beaver checkpoints are."""
    config = LlamaConfig(vocab_size=len(WORDS), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    keep(LlamaModel(config), folder)
    tensors = {f"model.{name}": value for name, value in load_file(folder / "model.safetensors").items()}
    head = {"score_head.weight": torch.randn(1, 16), "score_head.bias": torch.full((1,), 0.5)}
    save_file(tensors | head, folder / "model.safetensors", metadata={"format": "pt"})


def keep(model: PreTrainedModel, folder: Path) -> PreTrainedModel:
    model.train(False).save_pretrained(folder)
    save_tokenizer(folder, ends=model.config.model_type == "bart")
    return model


def repository(root: Path) -> Path:
    """Write small copies of every repository the hub tasks name."""
    torch.manual_seed(0)
    gpt2(root / "Ray2333/gpt2-large-helpful-reward_model")
    gpt2(root / "Ray2333/gpt2-large-harmless-reward_model")
    distilbert(root / "mohameddhiab/humor-no-humor")
    gpt2(root / "Tristan/gpt2_reward_summarization")
    bart(root / "CogComp/bart-faithful-summary-detector")
    beaver(root / "PKU-Alignment/beaver-7b-v1.0-reward")
    beaver(root / "PKU-Alignment/beaver-7b-v1.0-cost")
    turn = "\n\nHuman: How do I bake bread number {}?\n\nAssistant: Mix flour and water."
    long = turn + "\n\nHuman: And then?\n\nAssistant: Bake it."
    hh = [{"chosen": (long if i % 4 == 3 else turn).format(i), "rejected": ""} for i in range(40)]
    posts = [{"info": {"post": f"Post {i}. " + "I tried to bake bread and it did not rise at all. " * 4}} for i in range(40)]
    safe = [{"prompt": f"How do I bake bread number {i}?"} for i in range(40)]
    for name, found in (("Anthropic/hh-rlhf", hh), ("openai/summarize_from_feedback", posts), ("PKU-Alignment/PKU-SafeRLHF", safe)):
        (root / name).mkdir(parents=True)
        last = "validation" if "openai" in name else "test"
        for part, rows in (("train", found[:30]), (last, [*found[30:], found[0]])):
            (root / name / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repository(tmp_path_factory.mktemp("hub"))


def load(name: str, copies: Path, monkeypatch: pytest.MonkeyPatch) -> HubTask:
    monkeypatch.setenv("MORLBENCH_HUB", str(copies))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", copies / "cache")
    find.cache_clear()
    return registry.load("tasks", name)()


def cached(root: Path, source: Source, files: dict[str, str], commit: str = "a" * 40) -> Path:
    """Lay a source's files out as the hub's cache does, names linked to blobs; return the snapshot."""
    place = root / f"{source.kind}s--{source.repo.replace('/', '--')}"
    (place / "refs" / source.revision).parent.mkdir(parents=True)
    (place / "refs" / source.revision).write_text(commit)
    (place / "blobs").mkdir()
    (place / "snapshots" / commit).mkdir(parents=True)
    for i, (name, text) in enumerate(files.items()):
        (place / "blobs" / f"{i:040x}").write_text(text, encoding="utf-8")
        link = place / "snapshots" / commit / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(place / "blobs" / f"{i:040x}")
    return place / "snapshots" / commit


@pytest.fixture
def hub_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache that the hub's client reads, still without a network."""
    monkeypatch.setattr(hub_source.huggingface_hub, "snapshot_download", SNAPSHOT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets")
    return tmp_path / "hub"


@pytest.mark.parametrize("name", HUB_TASKS)
def test_without_network_or_copy_a_task_says_what_it_needs_and_how_to_get_it(name: str) -> None:
    cls = registry.load("tasks", name)
    lack = cls().missing()
    assert lack.count("\n") == 0
    assert all(source.repo in lack for source in cls()._sources())
    assert "(OSError: no route to the hub)" in lack
    assert "hf download" in lack
    assert "MORLBENCH_HUB" in lack


@pytest.mark.parametrize("words", ["run --method base --task hh-assistant", "relation safe-rlhf", "check task tldr-summary"])
def test_commands_refuse_before_any_work(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert console.guarded(lambda: cli.app(words.split())) == 2
    err = capfd.readouterr().err
    assert err.count("morlbench: ") == 1
    assert "needs" in err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", HUB_TASKS)
def test_splits_are_disjoint_unique_and_scores_lie_in_the_unit_interval(name: str, copies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = load(name, copies, monkeypatch)
    assert task.missing() == ""
    splits = {split: task.prompts(split) for split in ("train", "dev", "adapt", "test")}
    everything = [prompt for prompts in splits.values() for prompt in prompts]
    assert len(set(everything)) == len(everything)
    assert all(splits.values())
    prompts = (splits["test"][0],) * len(ODD)
    scores = task.score(prompts, ODD)
    assert scores.shape == (len(ODD), task.k)
    assert np.isfinite(scores).all()
    assert scores.min() >= 0
    assert scores.max() <= 1
    forget()  # else the second scoring reads what the first one left
    assert np.abs(task.score(prompts[::-1], ODD[::-1])[::-1] - scores).max() < 1e-3
    forget()
    alone = np.concatenate([task.score((prompts[0],), (odd,)) for odd in ODD])
    assert np.abs(alone - scores).max() < 1e-3
    assert task.score((), ()).shape == (0, task.k)
    assert set(json.loads((Path(hub.default_root()) / "hub" / f"{name}.json").read_text())) == {s.repo for s in task._sources()} | {
        "number format"
    }


def test_rewards_in_another_number_format_are_another_tasks(copies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = load("hh-assistant", copies, monkeypatch)
    plain = task.key
    monkeypatch.setenv("MORLBENCH_HUB_DTYPE", "bfloat16")
    assert task.key != plain
    assert task.sources["number format"] == "bfloat16"


def test_a_test_prompt_in_other_punctuation_is_in_no_other_split(copies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = load("hh-assistant", copies, monkeypatch)
    parts = {"train": [f"Is number {i} safe" for i in range(20)], "test": ["is number 3 safe?", "Is  Number 7 safe!"]}
    monkeypatch.setattr(type(task), "_unique", lambda _self, part: parts[part])
    kept = {prompt for split in ("train", "dev", "adapt") for prompt in task.prompts(split)}
    assert kept == set(parts["train"]) - {"Is number 3 safe", "Is number 7 safe"}


def test_dialogues_of_several_turns_are_left_out(copies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = load("hh-assistant", copies, monkeypatch)
    found = [prompt for split in ("train", "dev", "adapt", "test") for prompt in task.prompts(split)]
    assert "How do I bake bread number 3?" not in found
    assert len(found) == 30  # of 40, ten have two turns


def test_a_test_prompt_met_in_train_is_kept_out_of_train(copies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = load("safe-rlhf", copies, monkeypatch)
    assert "How do I bake bread number 0?" in task.prompts("test")
    assert "How do I bake bread number 0?" not in task.prompts("train") + task.prompts("dev") + task.prompts("adapt")


def test_a_classifier_batch_agrees_with_one_text_at_a_time_through_transformers(tmp_path: Path) -> None:
    torch.manual_seed(1)
    gpt2(tmp_path, labels=2)
    judge = load_judge(str(tmp_path), "", Judge("response", output=1, labels=2), CPU)
    answers = ("mix flour", "mix flour and water .", "bread", "how do i bake bread ?", "water and flour and water")
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path).train(False)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    with torch.inference_mode():
        slow = [model(**tokenizer(a, return_tensors="pt")).logits[0, 1].item() for a in answers]
    assert judge(("",) * 5, answers) == pytest.approx(slow, abs=1e-5)


def test_a_score_model_reads_the_head_at_the_end_mark(tmp_path: Path) -> None:
    torch.manual_seed(2)
    beaver(tmp_path)
    judge = load_judge(str(tmp_path), "", Judge("conversation", head=True), CPU)
    values = judge(("how do i bake bread ?",) * 3, ("mix flour", "mix flour and water .", "bread"))
    backbone = LlamaModel.from_pretrained(tmp_path).train(False)
    tensors, tokenizer = load_file(tmp_path / "model.safetensors"), PreTrainedTokenizerFast.from_pretrained(tmp_path)
    with torch.inference_mode():
        text, _ = texts_of(Judge("conversation"), "how do i bake bread ?", "mix flour", "")
        ids = [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]
        hidden = backbone(input_ids=torch.tensor([ids])).last_hidden_state[0, -1]
    assert values[0] == pytest.approx((hidden @ tensors["score_head.weight"][0]).item() + 0.5, abs=1e-4)
    assert len(set(values.round(5))) == 3


def test_the_end_mark_of_a_conversation_stays_where_it_is_cut(tmp_path: Path) -> None:
    save_tokenizer(tmp_path)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    long, short = (_ids(tokenizer, Judge("conversation"), ("mix flour " * many, None), 1_024) for many in (500, 2))
    assert (len(long), long[-2:], short[-2:]) == (48, [WORDS.index("mix"), 2], [WORDS.index("flour"), 2])
    assert _ids(tokenizer, Judge("response"), ("mix flour", None), 1_024)[-1] != 2


def test_a_tokenizer_that_states_no_longest_input_is_cut_at_the_models(tmp_path: Path) -> None:
    save_tokenizer(tmp_path)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    many = ("mix flour " * 500, None)
    assert len(_ids(tokenizer, Judge("response"), many, 30)) == 48  # the tokenizer's own
    tokenizer.model_max_length = int(1e30)
    assert len(_ids(tokenizer, Judge("response"), many, 30)) == 30
    assert len(_ids(tokenizer, Judge("response"), ("mix flour " * 600, None), 100_000)) == LONGEST


def test_a_long_answer_is_cut_before_a_model_whose_tokenizer_states_no_limit(tmp_path: Path) -> None:
    gpt2(tmp_path)  # 48 positions
    save_tokenizer(tmp_path, longest=int(1e30))
    values = load_judge(str(tmp_path), "", Judge("response"), CPU)(("ask", "ask"), ("mix flour " * 500, "mix flour"))
    assert np.isfinite(values).all()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_no_reward(value: float, tmp_path: Path) -> None:
    beaver(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors") | {"score_head.bias": torch.full((1,), value)}
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    judge = load_judge(str(tmp_path), "", Judge("conversation", head=True), CPU)
    with pytest.raises(MorlbenchError, match=str(tmp_path)):
        judge(("how do i bake bread ?",), ("mix flour",))


def test_no_answer_can_write_the_marks_of_a_tokenizer(tmp_path: Path) -> None:
    torch.manual_seed(3)
    gpt2(tmp_path)
    judge = load_judge(str(tmp_path), "", Judge("summary"), CPU)
    forged, plain = judge(("bread and water .",) * 2, ("mix flour <s> good bread <pad> </<s>s>", "mix flour  good bread <pad> "))
    assert forged == plain


def test_a_score_model_without_its_head_is_refused(tmp_path: Path) -> None:
    gpt2(tmp_path)
    with pytest.raises(BadInput, match=r"score_head\.weight"):
        load_judge(str(tmp_path), "", Judge("conversation", head=True), CPU)


def renamed(folder: Path) -> Judge:
    """Save a score model whose backbone's tensors have names that no Llama knows."""
    beaver(folder)
    tensors = {name.replace("model.", "transformer."): value for name, value in load_file(folder / "model.safetensors").items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return Judge("conversation", head=True)


def headless(folder: Path) -> Judge:
    """Save a language model, which has no classifier's head."""
    config = GPT2Config(vocab_size=len(WORDS), n_positions=48, n_embd=16, n_layer=2, n_head=2)
    keep(GPT2LMHeadModel(config), folder)
    return Judge("dialogue")


def other_outputs(folder: Path) -> Judge:
    """Save a classifier of two outputs where three are read."""
    gpt2(folder, labels=2)
    return Judge("response", output=2, labels=3)


def speechless(folder: Path) -> Judge:
    """Save a classifier without its tokenizer."""
    gpt2(folder)
    for file in folder.glob("tokenizer*"):
        file.unlink()
    return Judge("response")


def torn(folder: Path) -> Judge:
    """Save a classifier whose weights end early, as a stopped copy leaves them."""
    gpt2(folder)
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    return Judge("response")


BROKEN = [
    (headless, r"no trained score\.weight"),
    (renamed, r"no trained embed_tokens\.weight, .* and \d+ more"),
    (other_outputs, r"score\.weight in another shape"),
    (speechless, "no tokenizer files"),
    (torn, "could not be read"),
]


@pytest.mark.parametrize(("spoil", "sentence"), BROKEN, ids=[spoil.__name__ for spoil, _ in BROKEN])
def test_a_reward_model_that_is_not_whole_is_refused_in_one_sentence(spoil: Callable[[Path], Judge], sentence: str, tmp_path: Path) -> None:
    judge = spoil(tmp_path)
    with pytest.raises(BadInput, match=sentence) as raised:
        load_judge(str(tmp_path), "", judge, CPU)
    assert "\n" not in str(raised.value)
    assert fault(str(tmp_path), judge) == str(raised.value)  # known without reading a weight


@pytest.mark.parametrize(("make", "judge"), [(gpt2, Judge("dialogue")), (beaver, Judge("conversation", head=True))])
def test_a_whole_reward_model_has_no_fault(make: Callable[[Path], object], judge: Judge, tmp_path: Path) -> None:
    make(tmp_path)
    assert fault(str(tmp_path), judge) == ""


@pytest.mark.parametrize(
    ("judge", "expected"),
    [
        (Judge("dialogue"), ("\n\nHuman: ask: a post\n\nAssistant:", "fine")),
        (Judge("response"), ("fine", None)),
        (Judge("summary", prefix="ask: "), ("fine <s> a post", None)),
        (Judge("faithful", prefix="ask: "), ("fine", "a post")),
        (Judge("conversation"), ("BEGINNING OF CONVERSATION: USER: ask: a post ASSISTANT:fine", None)),
    ],
)
def test_every_model_reads_what_its_card_says(judge: Judge, expected: tuple[str, str | None]) -> None:
    assert texts_of(judge, "ask: a post", "fine", "<s>") == expected


OPTIONS = [
    ("BATCH", "0"),
    ("BATCH", "many"),
    ("BATCH", "²"),
    ("BATCH", "9" * 5_000),
    ("DTYPE", "int8"),
    ("DEVICE", "toaster"),
    ("DEVICE", "meta"),
]
OPTIONS += [] if torch.cuda.is_available() else [("DEVICE", "cuda")]


@pytest.mark.parametrize(("name", "value"), OPTIONS)
def test_a_loading_option_that_makes_no_sense_is_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"MORLBENCH_HUB_{name}", value)
    with pytest.raises(BadInput, match=f"MORLBENCH_HUB_{name}"):
        load_options()


def refused(words: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the one sentence with which a command ends before a base is loaded."""
    monkeypatch.setattr("morlbench.lm.base.load_base", lambda *_: pytest.fail("work had begun"))
    assert console.guarded(lambda: cli.app(words.split())) == 2
    err = capfd.readouterr().err
    assert err.count("morlbench: ") == 1
    assert "Traceback" not in err
    return err.partition("morlbench: ")[2]


@pytest.mark.parametrize("words", ["run --method base --task hh-assistant", "relation hh-assistant", "check task hh-assistant"])
@pytest.mark.parametrize(("name", "value"), [(name, value) for name, value in OPTIONS if len(value) < 10])
def test_an_option_is_refused_before_any_work(
    words: str, name: str, value: str, copies: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    load("hh-assistant", copies, monkeypatch)
    monkeypatch.setenv(f"MORLBENCH_HUB_{name}", value)
    assert refused(words, capfd, monkeypatch).startswith(f"MORLBENCH_HUB_{name} is ")


@pytest.mark.parametrize("commit", ["", "a" * 40])
def test_a_copy_that_cannot_be_used_is_refused_before_any_work(
    commit: str, copies: Path, hub_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A model without its tokenizer: as a local copy, and in the hub's cache."""
    monkeypatch.chdir(tmp_path)
    root = shutil.copytree(copies, tmp_path / "copies")
    task = load("hh-assistant", root, monkeypatch)
    source, _ = task.judges[0]
    speechless(root / source.repo)
    if commit:
        held = cached(hub_cache, source, {}, commit)
        for file in (root / source.repo).iterdir():
            shutil.move(file, held / file.name)
    find.cache_clear()
    sentence = refused("run --method base --task hh-assistant", capfd, monkeypatch)
    assert "no tokenizer files" in sentence
    assert f"hf download {source.repo}" in sentence


def test_a_data_set_without_its_column_is_refused_before_any_work(
    copies: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    root = shutil.copytree(copies, tmp_path / "copies")
    task = load("hh-assistant", root, monkeypatch)
    for part in ("train", "test"):
        (root / task.data.repo / f"{part}.jsonl").write_text('{"text": "How do I bake bread?"}\n' * 9)
    sentence = refused("run --method base --task hh-assistant", capfd, monkeypatch)
    assert "no column 'chosen'; it has text" in sentence
    with pytest.raises(BadInput, match="no column 'chosen'"):
        task.prompts("train")


def test_options_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("BATCH", "3"), ("DTYPE", "bfloat16"), ("DEVICE", "cpu")):
        monkeypatch.setenv(f"MORLBENCH_HUB_{name}", value)
    assert load_options() == Load(3, torch.bfloat16, torch.device("cpu"))


def test_the_base_of_hub_tasks_moves_to_a_gpu_and_the_small_ones_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[torch.nn.Module] = []
    model, tokenizer = gpt2(tmp_path), PreTrainedTokenizerFast.from_pretrained(tmp_path)
    monkeypatch.setattr(smollm2, "load", lambda dtype: (model, tokenizer))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.nn.Module, "cuda", moved.append)
    assert base._builtin("smollm2", torch.float32)[0] is model
    assert moved == [model]
    for small in ("nano", "exact"):
        base._builtin(small, torch.float32)
    assert moved == [model]


def test_a_cached_snapshot_gives_its_commit_and_an_empty_one_is_none(hub_cache: Path) -> None:
    model, data = Source("org/model"), Source("org/data", "dataset")
    assert [type(find(source)) for source in (model, data)] == [str, str]
    folder = cached(hub_cache, data, {"train.jsonl": "{}"}, "b" * 40)
    cached(hub_cache, model, {"model.safetensors": ""})
    find.cache_clear()
    assert find(model) == hub_source.Found("org/model", "a" * 40)
    assert find(data) == hub_source.Found(str(folder), "b" * 40)
    for empty in (Source("org/none"), Source("org/script", "dataset"), Source("org/other", "dataset", subset="comparisons")):
        cached(hub_cache, empty, {"config.json": "{}", "other/train.jsonl": "{}"} if empty.subset else {"README.md": "", "script.py": ""})
        assert isinstance(find(empty), str)


def test_the_key_that_experts_are_stored_under_changes_with_every_source(
    copies: Path, hub_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = load("hh-assistant", copies, monkeypatch)
    local = task.key
    assert local.startswith("hh-assistant@1+")
    assert task.key == type(task)().key == local
    (more := copies / task.data.repo / "more.txt").write_text("")
    hub_source.identity.cache_clear()
    assert task.key != local
    more.unlink()
    keys = set()
    for commit in ("a" * 40, "b" * 40):
        monkeypatch.setenv("MORLBENCH_HUB", str(hub_cache))
        for source in task._sources():
            shutil.rmtree(hub_cache / f"{source.kind}s--{source.repo.replace('/', '--')}", ignore_errors=True)
            cached(hub_cache, source, {"train.jsonl": "{}", "model.safetensors": ""}, commit if source.kind == "model" else "c" * 40)
        find.cache_clear()
        keys.add(task.key)
        assert commit in dict(facts(task, task.preference).sources).values()
    assert len(keys) == 2


def test_local_copies_of_equal_names_and_sizes_are_told_apart_by_their_ends(tmp_path: Path) -> None:
    """Three megabytes and a half: a byte at either end counts; one in the middle is not read, as the docstring says."""
    plain, known = bytearray(7 * 2**19), {}
    for where in (None, 0, 2**20 - 1, -(2**20), -1, len(plain) // 2):
        blob = plain.copy()
        if where is not None:
            blob[where] = 1
        folder = tmp_path / str(where)
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(blob)
        known[where] = hub_source.identity(hub_source.Found(str(folder), ""))
    assert known.pop(len(plain) // 2) == known[None]
    assert len(set(known.values())) == len(known)


def test_two_small_reward_models_of_other_weights_have_other_identities(tmp_path: Path) -> None:
    found = set()
    for seed in (0, 1):
        torch.manual_seed(seed)
        gpt2(tmp_path / str(seed))
        found.add(hub_source.identity(hub_source.Found(str(tmp_path / str(seed)), "")))
    assert len(found) == 2


def test_a_records_key_holds_what_its_task_fetched_and_is_as_ever_where_that_is_nothing(tmp_path: Path) -> None:
    plain = record(prompts=3)
    pinned = [
        replace(plain, evidence=replace(plain.evidence, task=replace(plain.evidence.task, sources=(("org/judge", commit),))))
        for commit in ("a" * 40, "b" * 40)
    ]
    assert len({plain.key, *(one.key for one in pinned)}) == 3
    for one in (plain, pinned[0]):
        one.save(tmp_path / "seed-0")
        assert load_record(tmp_path / "seed-0.json").evidence.task.sources == one.evidence.task.sources
        assert ('"sources"' in (tmp_path / "seed-0.json").read_text(encoding="utf-8")) is (one is not plain)


def test_a_cached_data_set_is_read_without_a_network(hub_cache: Path) -> None:
    data = registry.load("tasks", "tldr-summary").data
    files = {f"comparisons/{part}/0000.jsonl": json.dumps({"post": part}) + "\n" for part in ("train", "validation")}
    cached(hub_cache, data, files | {"axis/test/0000.jsonl": json.dumps({"post": "of another subset"}) + "\n"})
    place = find(data)
    assert isinstance(place, hub_source.Found)
    assert [[row["post"] for row in hub_source.rows(place, data, part)] for part in ("train", "test")] == [["train"], ["validation"]]


def test_a_data_set_that_cannot_be_read_is_one_sentence_that_says_how_to_get_it(
    hub_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data, broken = Source("org/data", "dataset", revision="refs/convert/parquet"), tmp_path / "broken"
    broken.mkdir()
    (broken / "train.jsonl").write_text("no JSON\n")
    (tmp_path / "script").mkdir()
    (tmp_path / "script" / "script.py").write_text("")
    places = hub_source.Found("org/data", "a" * 40), hub_source.Found(str(broken), ""), hub_source.Found(str(tmp_path / "script"), "")
    for place in places:
        with pytest.raises(BadInput, match="hf download org/data --repo-type dataset --revision refs/convert/parquet") as raised:
            hub_source.rows(place, data, "train")
        assert "\n" not in str(raised.value)

    def refuse(*_: object, **__: object) -> str:
        raise Unreachable

    class Unreachable(Exception):
        """As an HTTP library's own errors, of no common class."""

    monkeypatch.setattr(hub_source.huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(BadInput, match=r"Unreachable.*MORLBENCH_HUB"):
        hub_source.rows(places[0], data, "train")
