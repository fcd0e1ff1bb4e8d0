"""Loss of every token, what the model predicts, and how much the context helps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention.hooked import visit_attention
from induction_kernels.errors import ProbeError, SelectionError
from induction_kernels.models import Model, as_model
from induction_kernels.probes import check_tokens
from induction_kernels.tokenization import answer_token, prompt_tokens, token_strings


def logits_of(model: Model, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch pos vocab"]:
    """Float32 logits, on the model's device."""
    return visit_attention(model, tokens, lambda *_: None).float()


def token_losses(
    model: object, tokens: Int[Tensor, "batch pos"], *, batch_size: int = 16
) -> Float[Tensor, "batch pos-1"]:
    """L[i], the loss of predicting token i+1 from tokens 0..i, in nats, float32 on the CPU.

    Args:
        model: anything `as_model` accepts.
        tokens: ids [batch, pos] with pos ≥ 2, run as they stand: no BOS is added.
        batch_size: rows at a time.

    Raises:
        ProbeError: wrong shape, ids outside the vocabulary, or longer than the context.
    """
    model = as_model(model)
    tokens = check_tokens(model, torch.as_tensor(tokens).cpu())
    if tokens.shape[1] < 2:
        raise ProbeError("One token has no next token to predict.", "Give at least two.")
    losses = []
    for rows in tokens.split(batch_size):
        logprobs = logits_of(model, rows)[:, :-1].log_softmax(-1)
        targets = rows[:, 1:, None].to(logprobs.device)
        losses.append(-logprobs.gather(-1, targets)[..., 0].cpu())
    return torch.cat(losses)


def in_context_learning_positions(n_ctx: int) -> tuple[int, int]:
    """The early and the late position compared: 50 and 500, or 0.05 and 0.49 of a short context."""
    return (50, 500) if n_ctx > 500 else (int(0.05 * n_ctx), int(0.49 * n_ctx))


def in_context_learning(losses: Float[Tensor, "batch predicted"], n_ctx: int) -> float:
    """Mean over examples of L[late] - L[early], in nats; negative is better (Olsson et al. 2022).

    Args:
        losses: what `token_losses` returns.
        n_ctx: the model's context length, which sets the positions
            (`in_context_learning_positions`).

    Raises:
        ProbeError: the texts are shorter than the late position.
    """
    early, late = in_context_learning_positions(n_ctx)
    if losses.shape[1] <= late:
        raise ProbeError(
            f"The texts have {losses.shape[1]} losses; the score compares positions {early} and "
            f"{late}.",
            f"Give texts of at least {late + 2} tokens.",
        )
    return float((losses[:, late] - losses[:, early]).mean())


@dataclass(frozen=True, eq=False)
class Predictions:
    """The likeliest next tokens at one position, best first.

    Attributes:
        tokens, ids, logits, probabilities: `k` entries each.
        answer: the answer's first token as text, or None when no answer was given.
        answer_rank: 0 when the answer is the likeliest token.
    """

    tokens: list[str]
    ids: Int[Tensor, " k"]
    logits: Float[Tensor, " k"]
    probabilities: Float[Tensor, " k"]
    answer: str | None = None
    answer_rank: int | None = None
    answer_logit: float | None = None
    answer_probability: float | None = None

    def __str__(self) -> str:
        lines = [
            f"{rank:>3}  {token!r:<16} logit {logit:7.3f}  p {p:.4f}"
            for rank, (token, logit, p) in enumerate(
                zip(self.tokens, self.logits.tolist(), self.probabilities.tolist(), strict=True)
            )
        ]
        if self.answer is not None:
            lines.append(
                f"answer {self.answer!r}: rank {self.answer_rank}, logit {self.answer_logit:.3f}, "
                f"p {self.answer_probability:.4f}"
            )
        return "\n".join(lines)


def top_predictions(
    model: object,
    tokens: str | list[int] | Int[Tensor, "..."],
    k: int = 10,
    answer: str | None = None,
    *,
    position: int = -1,
) -> Predictions:
    """The `k` likeliest tokens after `position` of one sequence, and where the answer ranks.

    Args:
        model: anything `as_model` accepts.
        tokens: a text (the model's BOS goes in front), or ids [pos] or [1, pos].
        answer: an expected continuation, taken as it stands (" C" has a leading space); its first
            token is ranked.
        position: after which token to predict; negative counts from the end.

    Raises:
        PromptError: a sequence or an answer the model cannot read.
        SelectionError: a position outside the sequence, or k below 1.
    """
    model = as_model(model)
    ids = prompt_tokens(model, tokens)
    n = ids.shape[1]
    if not -n <= position < n:
        raise SelectionError(
            f"Position {position} is outside the sequence.", f"It has positions 0 to {n - 1}."
        )
    if k < 1:
        raise SelectionError(f"k={k} predictions were asked for.", "Ask for at least 1.")
    row = logits_of(model, ids)[0, position].cpu()
    top = row.topk(min(k, len(row)))
    probabilities = row.softmax(-1)
    found = Predictions(
        tokens=token_strings(model, top.indices),
        ids=top.indices,
        logits=top.values,
        probabilities=probabilities[top.indices],
    )
    if answer is None:
        return found
    target = answer_token(model, answer)
    return Predictions(
        **vars(found)
        | {
            "answer": token_strings(model, [target])[0],
            "answer_rank": int((row > row[target]).sum()),
            "answer_logit": float(row[target]),
            "answer_probability": float(probabilities[target]),
        }
    )
