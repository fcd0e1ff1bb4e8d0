"""Heads taken away by their weights: what an ablation by zeros must come to."""

from __future__ import annotations

import copy

import torch
from architectures import sharpened
from small_models import HUGGING_FACE

D_HEAD = 8


def contrasted(name: str):
    """A Hugging Face model whose every head matters: at initialisation what a head does to the
    score of another is no larger than the tolerance."""
    torch.manual_seed(0)
    return sharpened(sharpened(sharpened(HUGGING_FACE[name]())))


def without(model, heads):
    """A copy whose W_O has nothing for these heads."""
    copied = copy.deepcopy(model)
    for layer, head in heads:
        part = slice(head * D_HEAD, (head + 1) * D_HEAD)
        kind = type(copied).__name__
        with torch.no_grad():
            if kind == "GPT2LMHeadModel":
                copied.transformer.h[layer].attn.c_proj.weight[part] = 0
            elif kind == "GPTNeoXForCausalLM":
                copied.gpt_neox.layers[layer].attention.dense.weight[:, part] = 0
            else:
                copied.model.layers[layer].self_attn.o_proj.weight[:, part] = 0
    return copied
