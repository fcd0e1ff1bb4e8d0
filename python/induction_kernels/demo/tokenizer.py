"""The tokenizer of the bundled series. What the kernels ask of it needs the file alone;
Transformers, half as long to import as PyTorch, is imported once anything else is asked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer


class BundledTokenizer:
    """Transformers' tokenizer of a file, as far as anyone can tell.

    Args:
        path: a tokenizer.json.
        name: of the model it belongs to.
        bos: the token that begins a sequence, ends it and pads it.
    """

    def __init__(self, path: Path, name: str, bos: str) -> None:
        self._path, self._name, self._bos = path, name, bos
        self.backend_tokenizer = Tokenizer.from_file(str(path))
        self.bos_token_id = self.backend_tokenizer.token_to_id(bos)
        self.eos_token_id = self.pad_token_id = self.bos_token_id
        self.all_special_ids = [self.bos_token_id]

    @cached_property
    def of_transformers(self) -> Any:
        """The same as a PreTrainedTokenizerFast."""
        from transformers import PreTrainedTokenizerFast

        # Said here because TransformerLens would otherwise fetch a tokenizer that prepends BOS from
        # a hub, and add end and padding tokens that the model has no rows for.
        return PreTrainedTokenizerFast(
            tokenizer_file=str(self._path),
            name_or_path=self._name,
            add_bos_token=True,
            bos_token=self._bos,
            eos_token=self._bos,
            pad_token=self._bos,
            clean_up_tokenization_spaces=False,
        )

    def __len__(self) -> int:
        return self.backend_tokenizer.get_vocab_size()

    def __call__(self, text: Any, **how: Any) -> Any:
        if isinstance(text, str) and how == {"add_special_tokens": False}:
            return {"input_ids": self.backend_tokenizer.encode(text, **how).ids}
        return self.of_transformers(text, **how)

    def convert_ids_to_tokens(self, ids: Any, **how: Any) -> Any:
        if isinstance(ids, int) and not how:
            return self.backend_tokenizer.id_to_token(ids)
        return self.of_transformers.convert_ids_to_tokens(ids, **how)

    def decode(self, ids: Sequence[int], **how: Any) -> Any:
        if how == {"clean_up_tokenization_spaces": False}:
            return self.backend_tokenizer.decode(ids, skip_special_tokens=False)
        return self.of_transformers.decode(ids, **how)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # a copy or a pickle asks before anything is there
            raise AttributeError(name)
        return getattr(self.of_transformers, name)
