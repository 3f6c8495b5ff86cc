"""The notebook's network and AdamW in NumPy float64, written from their definitions."""

import numpy as np


def forward(params, pairs):
    """Return logits `[N, P]`, from concatenated embeddings, and what the backward pass needs."""
    p = {f"{a}/{b}": np.asarray(x, np.float64) for a, q in params.items() for b, x in q.items()}
    inputs = p["embed/embedding"][pairs].reshape(len(pairs), -1)  # [N, 2D]
    before = inputs @ p["hidden/kernel"] + p["hidden/bias"]
    hidden = np.maximum(before, 0)
    return hidden @ p["output/kernel"] + p["output/bias"], (p, inputs, before, hidden)


def losses(logits, labels):
    """Return the cross-entropy of each row."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(labels)), labels]


def gradients(params, pairs, labels):
    """Return the gradients of the mean cross-entropy, nested as the parameters."""
    logits, (p, inputs, before, hidden) = forward(params, pairs)
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    d_logits = shifted / shifted.sum(axis=1, keepdims=True)
    d_logits[np.arange(len(labels)), labels] -= 1
    d_logits /= len(labels)
    d_before = (d_logits @ p["output/kernel"].T) * (before > 0)
    d_inputs = (d_before @ p["hidden/kernel"].T).reshape(len(pairs), 2, -1)
    d_embedding = np.zeros_like(p["embed/embedding"])
    np.add.at(d_embedding, pairs, d_inputs)
    return {
        "embed": {"embedding": d_embedding},
        "hidden": {"kernel": inputs.T @ d_before, "bias": d_before.sum(axis=0)},
        "output": {"kernel": hidden.T @ d_logits, "bias": d_logits.sum(axis=0)},
    }


class AdamW:
    """Loshchilov & Hutter 2019, Algorithm 2, with decay times the learning rate as in torch."""

    def __init__(self, learning_rate, weight_decay, beta1=0.9, beta2=0.999, eps=1e-8):
        self.settings = learning_rate, weight_decay, beta1, beta2, eps
        self.moments = {}
        self.count = 0

    def step(self, params, grads):
        learning_rate, weight_decay, beta1, beta2, eps = self.settings
        self.count += 1
        new = {}
        for layer, leaves in params.items():
            new[layer] = {}
            for leaf, value in leaves.items():
                grad = grads[layer][leaf]
                m, v = self.moments.get((layer, leaf), (0.0, 0.0))
                m, v = beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad**2
                self.moments[layer, leaf] = m, v
                unbiased = m / (1 - beta1**self.count), v / (1 - beta2**self.count)
                update = unbiased[0] / (np.sqrt(unbiased[1]) + eps) + weight_decay * value
                new[layer][leaf] = value - learning_rate * update
        return new
