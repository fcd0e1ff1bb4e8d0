"""Fixtures for kernels and widget: a tokenizer and a hub.

Torch and Transformers take seconds to import, so fixtures do it: this file is read by the first
process of pytest-xdist as well, which runs no test and starts the workers only then.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

# Before torch is loaded. These models are tiny: a second OpenMP thread only waits, and on a busy
# machine it makes every operation twenty times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import huggingface_hub.constants
import pytest
from hypothesis import settings
from local_hub import LocalHub, local_hub
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

pytest_plugins = ["few_cases"]

# A busy machine is slow, not broken.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


# Of a test with many cases, so many run with every shape in the kernels' signatures enforced.
ENFORCED_CASES = 3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    from few_cases import drawn

    may_be = [item for item in items if "kernels" in item.path.parts and not _left_out(item)]
    for item in drawn(may_be, ENFORCED_CASES):
        item.add_marker("enforced")


def _left_out(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in ("slow", "unchecked"))


def pytest_collection_finish() -> None:
    """Imported modules stay: whoever collects garbage, to see what is freed, need not walk them."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE with 320 tokens, BOS among them."""
    from small_models import VOCABULARY
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|bos|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    bpe.train_from_iterator(["the cat sat on the mat, the cat sat"] * 4, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<|bos|>")


@pytest.fixture
def hub(monkeypatch) -> Iterator[LocalHub]:
    """On this machine; huggingface_hub is online, and logged in nowhere."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with local_hub() as found:
        yield found
