"""What an explorer shows before its reader types anything."""

from __future__ import annotations

from induction_kernels.errors import InductionError
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.inputs.tokenization import answer_token, prompt_tokens
from induction_kernels.models.model import Model

# Every word is a token, of the bundled series' tokenizer too. They learn to say " token" here when
# their heads form; nothing but the first sentence tells what follows "character".
_TEXT = "If the character token is set, the letter is not used. The character"
_ANSWER = " token"

#: Texts and answers, the longest first: a context may be short, a tokenizer may read letters.
_TEXTS = ((_TEXT, _ANSWER), ("A B C D A B C", " D"), ("A B A", " B"), ("A", ""))


def default_prompt(model: Model) -> tuple[str, str]:
    """A prompt that repeats itself, and the answer that induction would give.

    A model with a tokenizer gets the longest text that it can read, without one random token ids,
    twice.

    Raises:
        InductionError: the model reads not even one letter.
    """
    if model.tokenizer is None:
        period = min(16, (model.n_ctx - 1) // 2)
        ids = RepeatedTokens.make(model, period=period, batch=1).tokens[0].tolist()
        return " ".join(map(str, ids)), ""
    for text, answer in _TEXTS[:-1]:
        try:
            prompt_tokens(model, text)
            answer_token(model, answer)
        except InductionError:
            continue
        return text, answer
    prompt_tokens(model, _TEXTS[-1][0])
    return _TEXTS[-1]
