"""The networks of other libraries in NumPy float64, written from their definitions."""

import numpy as np


def hooked_transformer(state, tokens, rate=1.0):
    """Logits at the last position of TransformerLens's network with ReLU, no normalisation."""
    p = {name: np.asarray(x, float) for name, x in state.items()}
    x = p["embed.W_E"][tokens] + p["pos_embed.W_pos"]  # [B, S, D]
    scores = score(x @ p["blocks.0.attn.W_Q"][:, None], x @ p["blocks.0.attn.W_K"][:, None])
    z = attend(scores, rate) @ (x @ p["blocks.0.attn.W_V"][:, None])  # [heads, B, S, head_dim]
    x = x + (z @ p["blocks.0.attn.W_O"][:, None]).sum(0) + p["blocks.0.attn.b_O"]
    hidden = np.maximum(x @ p["blocks.0.mlp.W_in"] + p["blocks.0.mlp.b_in"], 0)
    x = x + hidden @ p["blocks.0.mlp.W_out"] + p["blocks.0.mlp.b_out"]
    return x[:, -1] @ p["unembed.W_U"] + p["unembed.b_U"]


def older_transformer(state, tokens, rate=1.0):
    """The same of the published codes, whose matrices stand on the left of what they act on."""
    p = {name.replace("/", "."): np.asarray(x, float) for name, x in state.items()}
    x = p["embed.W_E"].T[tokens] + p["pos_embed.W_pos"]
    q, k, v = (
        np.einsum("ihd,bpd->ibph", p[f"blocks.0.attn.W_{name}"], x) for name in ("Q", "K", "V")
    )
    z = attend(score(q, k), rate) @ v
    flat = np.moveaxis(z, 0, 2).reshape(*tokens.shape, -1)  # [B, S, heads * head_dim]
    x = x + np.einsum("df,bqf->bqd", p["blocks.0.attn.W_O"], flat)
    hidden = np.einsum("md,bpd->bpm", p["blocks.0.mlp.W_in"], x) + p["blocks.0.mlp.b_in"]
    out = np.einsum("dm,bpm->bpd", p["blocks.0.mlp.W_out"], np.maximum(hidden, 0))
    x = x + out + p["blocks.0.mlp.b_out"]
    return x[:, -1] @ p["unembed.W_U"]


def notebook_module(state, pairs):
    """Logits of the notebook's PyTorch module."""
    p = {name: np.asarray(x, float) for name, x in state.items()}
    x = np.concatenate([p["embed.weight"][pairs[:, 0]], p["embed.weight"][pairs[:, 1]]], axis=1)
    hidden = np.maximum(x @ p["linear1.weight"].T + p["linear1.bias"], 0)
    return hidden @ p["linear2.weight"].T + p["linear2.bias"]


def score(query, key):
    return query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])


def attend(scores, rate):
    """Attention of the last position is not masked; of the others nothing is asked."""
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return rate * weights / weights.sum(-1, keepdims=True) + (1 - rate)
