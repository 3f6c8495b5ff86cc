"""Nanda et al.'s progress measures in float64, on dense vectors over all pairs, as published."""

import random

import numpy as np


def waves(modulus, k):
    """Unit vectors along cos(w_k(a + b)) and sin(w_k(a + b)), `[P * P]` each; odd P."""
    angles = 2 * np.pi * k * np.arange(modulus) / modulus
    c, s = (row / np.linalg.norm(row) for row in (np.cos(angles), np.sin(angles)))
    u = (np.outer(c, c) - np.outer(s, s)) / np.sqrt(2)
    v = (np.outer(s, c) + np.outer(c, s)) / np.sqrt(2)
    return u.ravel(), v.ravel()


def projected(logits, modulus, keys):
    """Projection of logits `[P * P, P]` on the waves of some frequencies."""
    found = np.zeros_like(logits)
    for k in keys:
        for wave in waves(modulus, k):
            found += np.outer(wave, wave @ logits)
    return found


def restricted(logits, modulus, keys, bias_correction):
    """Logits with the waves of these frequencies only."""
    kept = projected(logits, modulus, keys)
    return kept + (logits - kept).mean(axis=0) if bias_correction else kept


def losses(logits, labels):
    """Cross-entropy of each pair; exact where it is small."""
    rows = np.arange(len(logits))
    above = logits - logits[rows, labels][:, None]
    above[rows, labels] = -np.inf
    top = np.maximum(above.max(axis=1), 0)
    others = np.exp(above - top[:, None]).sum(axis=1)
    return np.where(top > 0, top + np.log(np.exp(-top) + others), np.log1p(others))


def coefficient(logits, answers, modulus, k):
    """Inner product with the unit tensor along cos(w_k(a + b - c))."""
    tensor = np.cos(2 * np.pi * k * (answers[:, None] - np.arange(modulus)) / modulus)
    return (tensor / np.linalg.norm(tensor) * logits).sum()


def least_squares_fit(logits, answers, modulus, keys):
    """R**2 of the logits on these cosines and a constant."""
    turns = (answers[:, None] - np.arange(modulus)).ravel() / modulus
    columns = [np.ones(logits.size), *(np.cos(2 * np.pi * k * turns) for k in keys)]
    design, values = np.stack(columns, axis=1), logits.ravel()
    rest = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    return 1 - rest.var() / values.var()


def component_gini(table):
    """Gini coefficient of the norms of a table's rows in the real Fourier basis; odd P."""
    modulus = len(table)
    rows = [np.ones(modulus)]
    for k in range(1, modulus // 2 + 1):
        angles = 2 * np.pi * k * np.arange(modulus) / modulus
        rows += [np.cos(angles), np.sin(angles)]
    norms = [np.linalg.norm(row / np.linalg.norm(row) @ table) for row in rows]
    apart = np.abs(np.subtract.outer(norms, norms)).mean()
    return apart / (2 * np.mean(norms))


def transformer(weights, modulus):
    """Logits and post-ReLU activations at the last position of all pairs, as published.

    weights: in TransformerLens names and shapes. All positions are computed, with a causal mask.
    """
    w = {name: np.asarray(value, np.float64) for name, value in weights.items()}
    block = {name.removeprefix("blocks/0/"): value for name, value in w.items()}
    pairs = np.indices((modulus, modulus)).reshape(2, -1).T
    tokens = np.concatenate([pairs, np.full((len(pairs), 1), modulus)], axis=1)
    x = w["embed/W_E"].T[tokens] + w["pos_embed/W_pos"]  # [N, 3, D]
    q, k, v = (np.einsum("hed,npd->nhpe", block[f"attn/W_{name}"], x) for name in "QKV")
    scores = np.einsum("nhpe,nhqe->nhpq", q, k) / np.sqrt(q.shape[-1])
    scores = np.where(np.tril(np.ones((3, 3), bool)), scores, -np.inf)
    weight = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weight /= weight.sum(axis=-1, keepdims=True)
    heads = np.einsum("nhpq,nhqe->nphe", weight, v).reshape(len(pairs), 3, -1)
    x = x + heads @ block["attn/W_O"].T
    hidden = np.maximum(x @ block["mlp/W_in"].T + block["mlp/b_in"], 0)
    x = x + hidden @ block["mlp/W_out"].T + block["mlp/b_out"]
    return (x @ w["unembed/W_U"])[:, -1], hidden[:, -1]


def train_mask(modulus, seed, fraction):
    """Pairs of the train split, bool `[P * P]`, by Python's own shuffle."""
    pairs = [(a, b) for a in range(modulus) for b in range(modulus)]
    random.seed(seed)
    random.shuffle(pairs)
    mask = np.zeros(modulus**2, bool)
    for a, b in pairs[: int(fraction * modulus**2)]:
        mask[a * modulus + b] = True
    return mask
