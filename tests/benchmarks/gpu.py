"""The kernels on a GPU: Pythia-1b's shape and Llama-8B's, float32 and bfloat16, random weights.

    python tests/benchmarks/gpu.py [--json docs/performance-gpu.json]

Times are wall clock from an idle GPU to an idle GPU, as ratios of interleaved runs. Memory is
PyTorch's peak beyond the model. The share of the roofline is what the arithmetic, or reading the
weights once, would take at the rates of a large matrix product and a large copy measured on the
same chip, over what our scores take. Without a GPU it says so and does nothing.
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from cases import SCORES, repeated
from induction_kernels import as_model, token_losses
from induction_kernels.attention.readout import duplicate_token, induction, previous_token
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.scores.registry import Scorer, check_scores
from measure import Work, interleaved, ratio
from speed import judged, machine
from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_from_module
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM

LONGEST = 16_385

#: 16 layers of 8 heads of 256.
PYTHIA_1B = {
    "vocab_size": 50_304,
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 8,
}
#: 32 layers of 32 heads of 128 that share keys in 8 groups.
LLAMA_8B = {
    "vocab_size": 128_256,
    "hidden_size": 4096,
    "intermediate_size": 14_336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
}
DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}


def build(shape: dict[str, int], dtype: torch.dtype, device: str) -> Any:
    grouped = "num_key_value_heads" in shape
    config = (LlamaConfig if grouped else GPTNeoXConfig)(**shape, max_position_embeddings=LONGEST)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    torch.manual_seed(0)
    try:
        with torch.device(device):
            return (LlamaForCausalLM if grouped else GPTNeoXForCausalLM)(config).eval()
    finally:
        torch.set_default_dtype(before)


# --- what is compared -----------------------------------------------------------------------------


def bare_forward(module: Any, n: int, rows: int) -> Work:
    """The model alone with sdpa attention, without unembedding."""
    tokens = repeated(n, rows, module.config.vocab_size)[0].to(module.device)
    return lambda: module.base_model(input_ids=tokens, use_cache=False)


def our_scores(module: Any, n: int, rows: int) -> Work:
    """What a sweep does at every checkpoint."""
    model = as_model(module)
    tokens, period = repeated(n, rows, model.d_vocab)
    scorer = Scorer(model, check_scores(SCORES), probe=RepeatedTokens.given(model, tokens, period))
    return partial(scorer, model)


def hooked_scores(bridge: Any, n: int, rows: int) -> Work:
    """TransformerLens' run_with_hooks, each layer's pattern read and forgotten."""
    model = as_model(bridge)
    tokens, period = repeated(n, rows, model.d_vocab)
    tokens = tokens.to(model.device)
    readouts = [
        readout.to(model.device)
        for readout in (previous_token(n), duplicate_token(period), induction(period))
    ]

    def read(pattern: torch.Tensor, hook: Any) -> None:
        for readout in readouts:
            readout(pattern)

    hooks = [(f"blocks.{layer}.attn.hook_pattern", read) for layer in range(model.n_layers)]
    return lambda: bridge.run_with_hooks(tokens, fwd_hooks=hooks)


def our_losses(bridge: Any, n: int, rows: int) -> Work:
    model = as_model(bridge)
    return partial(token_losses, model, repeated(n + 1, rows, model.d_vocab)[0][:, :n])


def lens_losses(bridge: Any, n: int, rows: int) -> Work:
    model = as_model(bridge)
    tokens = repeated(n + 1, rows, model.d_vocab)[0][:, :n].to(model.device)
    return lambda: bridge(tokens, return_type="loss", loss_per_token=True)


# --- how it is measured ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Rates:
    """The chip's ceilings, measured."""

    flops: float
    bytes: float

    @classmethod
    def measure(cls, dtype: torch.dtype, device: str, size: int = 8192) -> Rates:
        x, y = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
        product = _seconds(lambda: x @ y)
        copy = _seconds(lambda: x.copy_(y))
        return cls(2 * size**3 / product, 2 * x.numel() * x.element_size() / copy)

    def floor(self, module: Any, n: int, rows: int) -> float:
        """Seconds that a forward pass without unembedding takes at the least."""
        config, body = module.config, module.base_model
        embedding = module.get_input_embeddings().weight.numel()
        weights = sum(p.numel() for p in body.parameters()) - embedding
        # q·k and A·v over the causal half of the cells.
        attention = 2 * config.num_hidden_layers * config.hidden_size * n * (n + 1)
        flops = rows * (2 * weights * n + attention)
        return max(flops / self.flops, weights * body.dtype.itemsize / self.bytes)


def _settled(work: Work) -> Work:
    """The work, and nothing of it left to be done."""

    def settled() -> None:
        with torch.no_grad():
            work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    return settled


def _seconds(work: Work, runs: int = 9) -> float:
    return median(interleaved({"work": _settled(work)}, runs)["work"])


def _peak(work: Work) -> int:
    _settled(work)()
    gc.collect()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    _settled(work)()
    return torch.cuda.max_memory_allocated() - before


Case = Callable[[Any, int, int], Work]


def timed(
    what: str, over: Case, under: Case, model: Any, n: int, rows: int, runs: int = 9, **limit: float
) -> dict[str, Any]:
    works = {"over": _settled(over(model, n, rows)), "under": _settled(under(model, n, rows))}
    found = ratio(interleaved(works, runs), "over", "under")
    return judged({"name": what, "n": n, "rows": rows, **limit}, found)


def weighed(
    what: str, over: Case, under: Case, model: Any, n: int, rows: int, **limit: float
) -> dict[str, Any]:
    sizes = [_peak(case(model, n, rows)) for case in (over, under)]
    found = {"ratio": sizes[0] / max(1, sizes[1]), "bytes": sizes}
    return judged({"name": what, "n": n, "rows": rows, **limit}, found)


def compared(
    title: str, module: Any, rates: Rates, sizes: list[tuple[int, int]], runs: int
) -> Iterator[Any]:
    """Every comparison on one model; the bridge that comes last takes the module apart."""
    for n, rows in sizes:
        try:
            line = timed(
                f"{title}: scores over the bare forward pass",
                our_scores, bare_forward, module, n, rows, runs, at_most=1.10,
            )  # fmt: skip
        except torch.OutOfMemoryError as error:  # of the bare pass, as often as not
            print(f"{title}, {n}: left out, this GPU has too little memory. {error}", flush=True)
            continue
        line["roofline"] = rates.floor(module, n, rows) / line["seconds"]["over"]
        print(f"  {line['roofline']:.0%} of the roofline", flush=True)
        yield line
    if torch.cuda.is_available():
        what = f"{title}: peak memory of scores over the bare forward pass"
        yield weighed(what, our_scores, bare_forward, module, 4097, 1, at_most=1.25)
    bridge = build_bridge_from_module(
        module, architecture=type(module).__name__, hf_config=module.config
    )
    hooks = f"{title}: TransformerLens run_with_hooks over ours"
    for (n, rows), limit in zip(sizes[1:4], (2, 3, 3), strict=False):
        yield timed(hooks, hooked_scores, our_scores, bridge, n, rows, runs, at_least=limit)
    losses = (f"{title}: losses, TransformerLens over ours", lens_losses, our_losses, bridge)
    yield timed(*losses, min(1024, sizes[-1][0]), 4, runs, at_least=1)
    if torch.cuda.is_available():
        memory = (f"{title}: peak memory of scoring, run_with_hooks over ours",)
        yield weighed(*memory, hooked_scores, our_scores, bridge, 4097, 1, at_least=20)
        what, *rest = losses
        yield weighed(what.replace("losses", "peak memory of losses"), *rest, 1024, 4, at_least=8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write every number there")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("No GPU on this machine: nothing was measured on one.")
        return
    found: dict[str, Any] = {"machine": machine(), "rates": {}, "lines": []}
    for dtype_name, dtype in DTYPES.items():
        rates = Rates.measure(dtype, "cuda")
        found["rates"][dtype_name] = vars(rates)
        print(f"{dtype_name}: {rates.flops / 1e12:.0f} TFLOP/s, {rates.bytes / 1e9:.0f} GB/s")
        for name, shape in {"Pythia-1b": PYTHIA_1B, "Llama-8B": LLAMA_8B}.items():
            module = build(shape, dtype, "cuda")
            sizes = [(129, 8), (257, 4), (1025, 4), (4097, 1), (LONGEST, 1)]
            runs = 9 if dtype == torch.bfloat16 else 5  # float32 takes ten times as long
            for line in compared(f"{name}, {dtype_name}", module, rates, sizes, runs):
                found["lines"].append(line)
                if options.json:  # what was measured stays, whatever comes next
                    options.json.write_text(json.dumps(found, indent=1) + "\n")
            del module
            gc.collect()
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
