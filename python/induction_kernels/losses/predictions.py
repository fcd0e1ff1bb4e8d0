"""What a model expects next: at one position of a prompt, or at every one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention.door import as_model
from induction_kernels.attention.forward import run
from induction_kernels.errors import SelectionError
from induction_kernels.inputs.padding import Mask
from induction_kernels.inputs.tokenization import answer_token, sequence, token_strings
from induction_kernels.models.outputs import Output
from induction_kernels.restoring import without_gradients


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
    attention_mask: Mask | None = None,
) -> Predictions:
    """The `k` likeliest tokens after `position` of one sequence, and where the answer ranks.

    Args:
        model: anything `as_model` accepts.
        tokens: a text (the model's BOS goes in front), or ids [pos] or [1, pos].
        answer: an expected continuation, taken as it stands (" C" has a leading space); its first
            token is ranked.
        position: after which token to predict; negative counts from the end.
        attention_mask: of ids: 1 where there is a token and 0 where there is padding, which is
            taken away before positions are counted.

    Raises:
        PromptError: a sequence or an answer the model cannot read.
        SelectionError: a position outside the sequence, or k below 1.
    """
    model = as_model(model)
    ids = sequence(model, tokens, attention_mask)
    n = ids.shape[1]
    if not -n <= position < n:
        raise SelectionError(
            f"Position {position} is outside the sequence.", f"It has positions 0 to {n - 1}."
        )
    if k < 1:
        raise SelectionError(f"k={k} predictions were asked for.", "Ask for at least 1.")
    with without_gradients():
        row = run(model, ids).logits_at(0, position).cpu()
    top = row.topk(min(k, len(row)))
    probabilities = row.softmax(-1)
    ranked = Predictions(
        tokens=token_strings(model, top.indices),
        ids=top.indices,
        logits=top.values,
        probabilities=probabilities[top.indices],
    )
    if answer is None:
        return ranked
    target = answer_token(model, answer)
    return Predictions(
        **vars(ranked)
        | {
            "answer": token_strings(model, [target])[0],
            "answer_rank": int((row > row[target]).sum()),
            "answer_logit": float(row[target]),
            "answer_probability": float(probabilities[target]),
        }
    )


@dataclass(frozen=True, eq=False)
class PositionPredictions:
    """The likeliest next tokens after every position of a sequence; on the CPU.

    Attributes:
        answer_rank, answer_probability, losses: of what really comes next, which after the last
            position is the answer given; rank -1, probability 0 and loss NaN without one. Losses
            are in nats.
    """

    ids: Int[Tensor, "pos k"]
    logits: Float[Tensor, "pos k"]
    probabilities: Float[Tensor, "pos k"]
    answer_rank: Int[Tensor, " pos"]
    answer_probability: Float[Tensor, " pos"]
    losses: Float[Tensor, " pos"]


def predict_positions(
    output: Output, ids: Int[Tensor, " pos"], d_vocab: int, k: int, answer: int | None
) -> PositionPredictions:
    """Predictions after every position of one sequence, from its forward pass.

    Args:
        output: of the sequence, batch 1.
        answer: id of the token that should follow the last one.
    """
    device = output.hidden.device
    targets = torch.cat([ids[1:], torch.tensor([-1 if answer is None else answer])]).to(device)
    parts: list[tuple[Tensor, ...]] = []
    with without_gradients():
        for part, logits in output.rows(len(ids), d_vocab):
            top = logits.topk(min(k, d_vocab))
            total = logits.logsumexp(-1, keepdim=True)
            known = targets[part] >= 0
            of_target = logits.gather(-1, targets[part].clamp(min=0)[:, None])
            rank = (logits > of_target).sum(-1)
            losses = (total - of_target)[:, 0]
            parts.append(
                (
                    top.indices,
                    top.values,
                    (top.values - total).exp(),
                    torch.where(known, rank, -1),
                    torch.where(known, (-losses).exp(), 0.0),
                    torch.where(known, losses, torch.nan),
                )
            )
    return PositionPredictions(*(torch.cat(column).cpu() for column in zip(*parts, strict=True)))
