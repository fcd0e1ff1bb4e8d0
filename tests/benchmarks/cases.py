"""What is compared: the same number asked for in different ways, each ready to be run.

Every case is a function that builds its models and inputs and returns a function of no arguments:
the work that is timed, or whose memory is measured. Weights are random; speed does not depend on
them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from induction_kernels import (
    CheckpointSeries,
    as_model,
    attention_patterns,
    head_pages,
    head_scores,
    load_demo,
    loss_pca,
    measures,
    selectivities,
    sweep,
    token_losses,
)
from induction_kernels.attention.readout import (
    duplicate_token,
    induction,
    prefix_matching,
    previous_token,
)
from induction_kernels.heads.pages import ROWS_AT_A_TIME
from induction_kernels.inputs.bigrams import Bigrams
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.inputs.texts import TextProbe
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformer_lens.config import TransformerBridgeConfig
from transformer_lens.head_detector import detect_head
from transformer_lens.model_bridge import TransformerBridge
from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_from_module
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
)

Work = Callable[[], Any]

#: Read in one pass; the three of TransformerLens' head detector.
SCORES = ["previous_token", "duplicate_token", "induction"]


def _pythia(longest: int = 16_385) -> GPTNeoXForCausalLM:
    """Pythia-70m's shape: 6 layers of 8 heads, d_model 512, vocabulary 50,304."""
    torch.manual_seed(0)
    config = GPTNeoXConfig(
        vocab_size=50_304, hidden_size=512, intermediate_size=2048, num_hidden_layers=6,
        num_attention_heads=8, max_position_embeddings=longest,
    )  # fmt: skip
    return GPTNeoXForCausalLM(config).eval()


@cache
def pythia() -> GPTNeoXForCausalLM:
    return _pythia()


@cache
def bridge() -> TransformerBridge:
    """TransformerLens over the same weights in a module of its own, which it takes apart."""
    module = _pythia()
    return build_bridge_from_module(
        module,
        architecture="GPTNeoXForCausalLM",
        hf_config=module.config,
        tokenizer=_tokenizer(),
    )


def native_config() -> TransformerBridgeConfig:
    """The size of the notebook's attn-only-2l."""
    return TransformerBridgeConfig(
        d_model=512, n_layers=2, n_heads=8, d_head=64, n_ctx=1024, d_vocab=48_262, attn_only=True,
        normalization_type="LN", seed=0,
    )  # fmt: skip


@cache
def native() -> TransformerBridge:
    return TransformerBridge.boot_native(native_config(), tokenizer=_tokenizer()).eval()


@cache
def _tokenizer() -> Any:
    return load_demo("attn-only-2l").load(0).tokenizer


def repeated(n: int, batch: int, d_vocab: int = 50_304) -> tuple[Tensor, int]:
    """[1 + 2P tokens], and P."""
    period = (n - 1) // 2
    r = torch.randint(1, d_vocab, (batch, period), generator=torch.Generator().manual_seed(0))
    return torch.cat([torch.zeros(batch, 1, dtype=torch.long), r, r], 1), period


# --- scores -----------------------------------------------------------------------------------


def bare_forward(n: int, batch: int) -> Work:
    """The model alone with sdpa attention, without unembedding."""
    body = pythia().base_model
    tokens, _ = repeated(n, batch)

    def work() -> None:
        with torch.no_grad():
            body(input_ids=tokens, use_cache=False)

    return work


def our_scores(n: int, batch: int) -> Work:
    tokens, period = repeated(n, batch)
    return partial(head_scores, as_model(pythia()), SCORES, tokens, period=period)


def bare_forward_on_bigrams(_: int, rows: int) -> Work:
    """The model alone on the tokens that selectivities are read off."""
    body = pythia().base_model
    tokens = Bigrams.make(as_model(pythia()), rows=rows).tokens

    def work() -> None:
        with torch.no_grad():
            body(input_ids=tokens, use_cache=False)

    return work


def our_selectivities(_: int, rows: int) -> Work:
    """All six, and the drawing of their rows."""
    return partial(selectivities, as_model(pythia()), rows=rows)


def our_attribution(n: int, batch: int) -> Work:
    """What all heads add to the logits of the second copy, at all its positions."""
    tokens, period = repeated(n, batch)
    return partial(head_scores, as_model(pythia()), ["copy_attribution"], tokens, period=period)


def our_patching(n: int, batch: int) -> Work:
    """What ablating each head would do to the loss on the second copy, estimated."""
    tokens, period = repeated(n, batch)
    return partial(head_scores, as_model(pythia()), ["patching_estimate"], tokens, period=period)


def bare_model(n: int, batch: int) -> Work:
    """The model alone with sdpa attention, its logits among it."""
    model = pythia()
    tokens, _ = repeated(n, batch)

    def work() -> None:
        with torch.no_grad():
            model(input_ids=tokens, use_cache=False)

    return work


def forwards_of_corpus(n: int, rows: int) -> Work:
    """The model alone, as many rows at a time as pages of heads are read on."""
    body = pythia().base_model
    tokens, _ = repeated(n, rows)

    def work() -> None:
        with torch.no_grad():
            for part in tokens.split(ROWS_AT_A_TIME):
                body(input_ids=part, use_cache=False)

    return work


def our_pages(n: int, rows: int) -> Work:
    """The pages of all heads."""
    return partial(head_pages, as_model(pythia()), repeated(n, rows)[0], progress=False)


def our_page(n: int, rows: int) -> Work:
    """Of one, as the explorer asks for it."""
    tokens, _ = repeated(n, rows)
    return partial(head_pages, as_model(pythia()), tokens, [(3, 2)], progress=False)


def our_scores_on_bridge(n: int, batch: int) -> Work:
    tokens, period = repeated(n, batch)
    return partial(head_scores, as_model(bridge()), SCORES, tokens, period=period)


def hooked_scores(n: int, batch: int) -> Work:
    """TransformerLens' run_with_hooks, each layer's pattern read and forgotten."""
    tokens, period = repeated(n, batch)
    model = bridge()
    readouts = [previous_token(n), duplicate_token(period), induction(period)]

    def read(pattern: Tensor, hook: Any) -> None:
        for readout in readouts:
            readout(pattern)

    hooks = [(f"blocks.{layer}.attn.hook_pattern", read) for layer in range(6)]

    def work() -> None:
        with torch.no_grad():
            model.run_with_hooks(tokens, fwd_hooks=hooks)

    return work


@cache
def llama() -> LlamaForCausalLM:
    """SmolLM2-135M's shape: 30 layers of 9 heads in 3 groups, d_model 576, vocabulary 49,152."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49_152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
        num_attention_heads=9, num_key_value_heads=3, tie_word_embeddings=True,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def bare_llama(n: int, batch: int) -> Work:
    body = llama().base_model
    tokens, _ = repeated(n, batch, 49_152)

    def work() -> None:
        with torch.no_grad():
            body(input_ids=tokens, use_cache=False)

    return work


def our_llama_scores(n: int, batch: int) -> Work:
    tokens, period = repeated(n, batch, 49_152)
    return partial(head_scores, as_model(llama()), SCORES, tokens, period=period)


@cache
def _text(n: int) -> str:
    """A text that the bundled tokenizer reads as nearly n tokens."""
    words = " the value of self is not None and the list of names is"
    return words * max(2, n // len(_tokenizer()(words)["input_ids"]))


def _detect(model: TransformerBridge, n: int, batch: int) -> Work:
    """TransformerLens' detect_head, once for each of three head types; it takes rows one by one."""

    def work() -> None:
        with torch.no_grad():
            for kind in SCORES:
                detect_head(model, [_text(n)] * batch, f"{kind}_head")

    return work


def _score(model: TransformerBridge, n: int, batch: int) -> Work:
    tokens, period = repeated(model.to_tokens(_text(n)).shape[1] | 1, batch, 512)
    return partial(head_scores, as_model(model), SCORES, tokens, period=period)


def detected_heads(n: int, batch: int) -> Work:
    return _detect(bridge(), n, batch)


def our_scores_for_detection(n: int, batch: int) -> Work:
    return _score(bridge(), n, batch)


def native_detected_heads(n: int, batch: int) -> Work:
    return _detect(native(), n, batch)


def native_scores_for_detection(n: int, batch: int) -> Work:
    return _score(native(), n, batch)


# --- patterns ---------------------------------------------------------------------------------


def _gpt2(attention: str) -> GPT2LMHeadModel:
    """GPT-2 small's shape: 12 layers of 12 heads."""
    torch.manual_seed(0)
    return GPT2LMHeadModel(GPT2Config(attn_implementation=attention)).eval()


def our_patterns(n: int, batch: int) -> Work:
    tokens, _ = repeated(n + 1, batch, 50_257)
    return partial(attention_patterns, as_model(_gpt2("sdpa")), tokens[:, :n])


def eager_patterns(n: int, batch: int) -> Work:
    """Stacked, as ours are; of the logits only the last position's."""
    tokens, _ = repeated(n + 1, batch, 50_257)
    model = _gpt2("eager")

    def work() -> None:
        with torch.no_grad():
            found = model(tokens[:, :n], use_cache=False, output_attentions=True, logits_to_keep=1)
        torch.cat(found.attentions).flatten(0, 1)

    return work


# --- losses -----------------------------------------------------------------------------------


def our_losses(n: int, batch: int) -> Work:
    tokens, _ = repeated(n + 1, batch, 48_262)
    return partial(token_losses, as_model(native()), tokens[:, :n])


def lens_losses(n: int, batch: int) -> Work:
    tokens, _ = repeated(n + 1, batch, 48_262)
    model = native()

    def work() -> None:
        with torch.no_grad():
            model(tokens[:, :n], return_type="loss", loss_per_token=True)

    return work


# --- checkpoints ------------------------------------------------------------------------------


@cache
def _run_on_disk(count: int, large: bool) -> tuple[Path, TransformerBridge]:
    folder = Path(_kept().name) / f"{count}-{large}"
    folder.mkdir()
    model = native() if large else load_demo("attn-only-2l").load(0)
    weights = {k: v.detach().clone().contiguous() for k, v in model.state_dict().items()}
    for step in range(count):
        save_file(weights, folder / f"run_{step}.safetensors")
    return folder, model


@cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    """Removed when the process ends."""
    return tempfile.TemporaryDirectory()


def our_sweep(count: int, large: bool) -> Work:
    folder, model = _run_on_disk(count, bool(large))
    series = CheckpointSeries.from_folder(folder, model)
    return partial(sweep, series, ["induction"], progress=False)


def notebook_sweep(count: int, large: bool) -> Work:
    """A model built anew for each checkpoint, all activations cached."""
    folder, _ = _run_on_disk(count, bool(large))
    tokens, period = repeated(101, 10, 48_262)
    readout = induction(period)

    def work() -> None:
        for path in sorted(folder.iterdir()):
            model = TransformerBridge.boot_native(native_config())
            model.load_state_dict(load_file(path))
            with torch.no_grad():
                _, activations = model.run_with_cache(tokens)
            for layer in range(2):
                readout(activations["pattern", layer])

    return work


# --- measures ---------------------------------------------------------------------------------


@cache
def _bundled(count: int, rows: int) -> tuple[CheckpointSeries, TextProbe]:
    series = load_demo("attn-only-2l").select(range(-count, 0))
    return series, TextProbe.default(series.model(0), rows)


def our_measures_of_series(count: int, rows: int) -> Work:
    """Every measure, the components of the per-token losses, and prefix matching."""
    series, text = _bundled(count, rows)

    def work() -> None:
        found = measures(series, text, progress=False)
        loss_pca({"attn-only-2l": found})
        sweep(series, ["prefix_matching"], progress=False)

    return work


def notebook_loops(count: int, rows: int) -> Work:
    """A loop over the checkpoints for each figure, on the same texts and the same resident model.

    The notebook builds a model for every checkpoint of every loop; that is left out here.
    """
    series, text = _bundled(count, rows)
    probe = RepeatedTokens.make(series.model(0), period=25, copies=4)
    readout = prefix_matching(25, 4, probe.lead)

    def losses(checkpoint: int) -> Tensor:
        model = series.load(checkpoint)
        with torch.no_grad():
            parts = [
                model(part, return_type="loss", loss_per_token=True)
                for part in text.tokens.split(16)
            ]
        return torch.cat(parts)

    def heads(checkpoint: int) -> None:
        with torch.no_grad():
            _, activations = series.load(checkpoint).run_with_cache(probe.tokens)
        for layer in range(2):
            readout(activations["pattern", layer])

    def work() -> None:
        for figure in (
            lambda at: float((losses(at)[:, [6, 62]].diff()).mean()),
            heads,
            lambda at: float(losses(at).mean()),
            lambda at: losses(at).mean(0).diff(),
            lambda at: losses(at)[:, 10],
        ):
            for checkpoint in range(count):
                figure(checkpoint)

    return work


CASES: dict[str, Callable[[int, int], Work]] = {
    case.__name__: case
    for case in (
        bare_forward,
        our_scores,
        bare_forward_on_bigrams,
        our_selectivities,
        our_attribution,
        our_patching,
        bare_model,
        forwards_of_corpus,
        our_pages,
        our_page,
        bare_llama,
        our_llama_scores,
        our_patterns,
        eager_patterns,
        our_scores_on_bridge,
        hooked_scores,
        detected_heads,
        our_scores_for_detection,
        native_detected_heads,
        native_scores_for_detection,
        our_losses,
        lens_losses,
        our_measures_of_series,
        notebook_loops,
        our_sweep,
        notebook_sweep,
    )
}
