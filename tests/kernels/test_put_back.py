"""A model is as it was after every pass, wherever the pass is interrupted."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
from collections.abc import Callable
from itertools import chain, count
from pathlib import Path
from types import FrameType
from typing import Any

import induction_kernels
import pytest
import torch
import transformers as t
from architectures import ARCHITECTURES
from induction_kernels import (
    as_model,
    attention_patterns,
    attribution_patching,
    head_scores,
    threads,
    token_losses,
)
from induction_kernels.attention import interface
from induction_kernels.attention.hooked import visit_attention
from induction_kernels.attention.own import run_own
from induction_kernels.causes.intervene import Intervener
from induction_kernels.errors import InductionError
from induction_kernels.scores.of_weights.circuits import copying_output
from small_models import HUGGING_FACE, bridge, wrapped
from torch import Tensor, nn

TOKENS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]])
#: Whose lines an interrupt may come at: ours, and those that leave a `with` statement.
OURS = (str(Path(induction_kernels.__file__).parent), contextlib.__file__)


def state(module: nn.Module) -> list[Any]:
    """All that a pass touches: implementations, hooks, replaced forwards, training flags, the
    gradient mode and what is left of the pass itself."""
    seen: list[Any] = [
        torch.is_grad_enabled(),
        sorted(vars(interface._current)),
        threads._running.get(module),
    ]
    for part in module.modules():
        config: Any = getattr(part, "config", None)
        seen += [
            part.training,
            vars(part).get("forward"),
            list(part._forward_hooks.values()),
            list(part._forward_pre_hooks.values()),
            getattr(config, "_attn_implementation_internal", None),
            *[
                getattr(getattr(config, name), "_attn_implementation_internal", None)
                for name in getattr(config, "sub_configs", {})
            ],
        ]
    return seen


class Interrupt:
    """Ctrl-C at the nth line that is run of our code."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        return self._line

    def _line(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self._line


def interrupted(run: Callable[[], object], at: int) -> bool:
    """Whether `run` came as far as the line at which it is interrupted."""
    before = sys.gettrace()
    sys.settrace(Interrupt(at))
    try:
        run()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def two_towers() -> Any:
    """A text model with a configuration of its own within that of a larger one."""
    small = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }  # fmt: skip
    text = {"vocab_size": 320, "num_key_value_heads": 2, "head_dim": 8, "pad_token_id": None}
    vision = {"image_size": 28, "patch_size": 14, "num_channels": 3}
    return t.Gemma3ForConditionalGeneration(
        t.Gemma3Config(
            text_config=small | text, vision_config=small | vision, mm_tokens_per_image=4
        )
    )


def ignore(*_: object) -> None:
    pass


PASSES: dict[str, Callable[[Any], object]] = {
    "fused": lambda m: token_losses(m, TOKENS),
    "hooked": lambda m: visit_attention(as_model(m), TOKENS, ignore, scores=True),
    "derivatives": lambda m: attribution_patching(m, TOKENS, metric="answer_logit", answer=3),
    "intervention": lambda m: Intervener(as_model(m), TOKENS).run({(1, 2): torch.zeros(())}),
}


INTERRUPTED = ["gpt2", "llama", "bloom"]


@pytest.mark.slow
@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("kind", INTERRUPTED)
def test_an_interrupt_at_any_line_leaves_the_model_as_it_was(kind, name) -> None:
    """At every line of the beginning; of what then repeats itself from layer to layer, each model
    has every ninth, and the three together every third."""
    torch.manual_seed(0)
    model = ARCHITECTURES[kind]().train()
    run = PASSES[name]
    run(model)  # what is done once per model is done
    before, first, every = state(model), 60, 3 * len(INTERRUPTED)
    for at in chain(range(1, first), count(first + 3 * INTERRUPTED.index(kind), every)):
        if not interrupted(lambda: run(model), at):
            break
        assert state(model) == before, f"line {at}"
    assert at > 100


@pytest.mark.parametrize(
    ("name", "every"),
    [
        ("own", 7),
        pytest.param("copying", 31, marks=pytest.mark.slow),
        pytest.param("alibi", 17, marks=pytest.mark.slow),
    ],
)
def test_an_interrupt_leaves_no_hook_behind(name, every) -> None:
    torch.manual_seed(0)
    model = ARCHITECTURES["bloom" if name == "alibi" else "gpt2"]().train()

    def run() -> object:
        if name == "copying":
            return copying_output(model)
        if name == "alibi":
            return PASSES["intervention"](model)
        return run_own(model, TOKENS, ignore)

    run()
    before, at = state(model), 1
    while interrupted(run, at):
        assert state(model) == before, f"line {at}"
        at += every
    assert at > 100


@pytest.mark.slow
def test_the_first_look_at_a_model_may_be_interrupted() -> None:
    """And comes to the same answer when it is repeated."""
    torch.manual_seed(0)
    expected = head_scores(HUGGING_FACE["llama"](), ["induction"])
    for at in range(1, 2000, 61):
        torch.manual_seed(0)
        model = HUGGING_FACE["llama"]()
        before = state(model)
        if not interrupted(lambda m=model: as_model(m), at):
            break
        assert state(model) == before
        assert head_scores(model, ["induction"]).equals(expected)


@pytest.mark.parametrize("failing", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_error_within_the_model_leaves_it_as_it_was(failing) -> None:
    model = HUGGING_FACE["llama"]().train()
    as_model(model)

    def fail(*_: object) -> None:
        raise failing("in the middle")

    hook = model.model.layers[1].mlp.register_forward_hook(fail)
    before = state(model)
    for run in PASSES.values():
        with pytest.raises(failing, match="in the middle"):
            run(model)
        assert state(model) == before
    hook.remove()


@pytest.mark.parametrize("own", ["sdpa", "eager", "of_a_library_that_is_gone", None])
@pytest.mark.parametrize("kind", ["gpt2", "gemma2", "two towers"])
def test_the_implementation_that_was_there_is_put_back(kind, own) -> None:
    """Whether Transformers' setter would take it or not, and part by part where parts differ."""
    torch.manual_seed(0)
    model = two_towers() if kind == "two towers" else HUGGING_FACE[kind]()
    configs = {id(part.config): part.config for part in model.modules() if hasattr(part, "config")}
    attention_patterns(model, TOKENS)
    for index, config in enumerate(configs.values()):
        config._attn_implementation_internal = own if index == 0 else f"{own}{index}"
    before = [config._attn_implementation_internal for config in configs.values()]
    with contextlib.suppress(Exception):  # a forward pass outside of ours may not know it
        attention_patterns(model, TOKENS)
    head_scores(model, ["induction", "previous_token"])
    assert [config._attn_implementation_internal for config in configs.values()] == before


def test_a_bridge_is_as_it_was() -> None:
    for model in (bridge().train(), wrapped(HUGGING_FACE["gpt2"]()).train()):
        PASSES["hooked"](model)  # TransformerLens wires hooks of its own in the first pass
        before = state(model)
        for run in (PASSES["fused"], PASSES["hooked"]):
            run(model)
            assert state(model) == before


def test_a_pass_within_a_pass_puts_back_the_outer_one() -> None:
    """Hooks of the reader's own may look at another model with our kernels."""
    outer, inner = HUGGING_FACE["llama"]().eval(), HUGGING_FACE["gpt2"]().eval()
    expected = attention_patterns(outer, TOKENS)
    layer = outer.model.layers[0]
    hook = layer.register_forward_hook(lambda *_: ignore(attention_patterns(inner, TOKENS)))
    torch.testing.assert_close(attention_patterns(outer, TOKENS), expected)
    hook.remove()


def test_models_on_two_threads_do_not_meet() -> None:
    models = [HUGGING_FACE["llama"]().eval(), HUGGING_FACE["gpt2"]().eval()]
    expected = [attention_patterns(model, TOKENS) for model in models]
    found: list[list[Tensor]] = [[], []]

    def work(index: int) -> None:
        for _ in range(10):
            found[index].append(attention_patterns(models[index], TOKENS))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    for one, seen in zip(expected, found, strict=True):
        assert len(seen) == 10
        for pattern in seen:
            torch.testing.assert_close(pattern, one)


@pytest.mark.parametrize("kind", ["llama", "native bridge"])
def test_a_model_that_another_thread_runs_is_refused_until_it_is_done(kind) -> None:
    """Two passes at once would make each other's numbers wrong, and put back each other's state."""
    torch.manual_seed(0)
    model = (bridge() if kind == "native bridge" else HUGGING_FACE[kind]()).train()
    expected, before = attention_patterns(model, TOKENS), state(model)
    begun, go_on = threading.Event(), threading.Event()
    found: list[Tensor] = []

    def wait(_layer: int, pattern: Tensor, _scores: Tensor | None) -> None:
        begun.set()
        go_on.wait(60)
        found.append(pattern[0])

    first = threading.Thread(target=lambda: visit_attention(as_model(model), TOKENS, wait))
    first.start()
    assert begun.wait(60)
    try:
        for run in (attention_patterns, token_losses):
            with pytest.raises(InductionError, match=r"is being run on another thread.*deepcopy"):
                run(model, TOKENS)
    finally:
        go_on.set()
        first.join()
    torch.testing.assert_close(torch.cat(found), expected)
    assert state(model) == before
    torch.testing.assert_close(attention_patterns(model, TOKENS), expected)
