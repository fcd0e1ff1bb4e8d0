"""What an explorer shows before its reader types anything."""

from __future__ import annotations

from induction_kernels.models import Model
from induction_kernels.probes import RepeatedTokens

# Says what induction is, twice. The bundled series learn to say " next" here when their heads form.
_SENTENCE = "If a head sees a token again, it looks at what came next. "
_ANSWER = " next"
_TEXT = (2 * _SENTENCE).rstrip(". ").removesuffix(_ANSWER)


def default_prompt(model: Model) -> tuple[str, str]:
    """A prompt that repeats itself, and the answer that induction would give.

    A model without tokenizer gets random token ids, twice.
    """
    if model.tokenizer is not None and model.n_ctx >= 64:
        return _TEXT, _ANSWER
    period = min(16, (model.n_ctx - 1) // 2)
    ids = RepeatedTokens.make(model, period=period, batch=1).tokens[0].tolist()
    return " ".join(map(str, ids)), ""
