"""The one-layer transformer in PyTorch, all positions computed, as published codes do."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import relu

from rivals.workload import Weights, Workload


class TransformerNet(nn.Module):
    """Nanda et al.'s network with its parameters named by their places, dots for slashes."""

    def __init__(self, work: Workload, weights: Weights) -> None:
        super().__init__()
        for name, value in weights.items():
            parameter = nn.Parameter(torch.from_numpy(value.copy()))
            self.register_parameter(name.replace("/", "_"), parameter)

    def forward(self, sequences: torch.Tensor) -> torch.Tensor:
        x = self.embed_embedding[sequences] + self.embed_position  # [B, S, D]
        query, key, value = (
            torch.einsum("bsd,hdk->bhsk", x, kernel)
            for kernel in (self.attention_query, self.attention_key, self.attention_value)
        )
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        allowed = torch.ones(scores.shape[-2:], device=x.device).tril().bool()
        attention = scores.masked_fill(~allowed, -1e10).softmax(dim=-1)
        read = attention @ value  # [B, heads, S, head_dim]
        x = x + torch.einsum("bhqk,hkd->bqd", read, self.attention_output)
        hidden = relu(x @ self.mlp_in_kernel + self.mlp_in_bias)
        x = x + hidden @ self.mlp_out_kernel + self.mlp_out_bias
        return (x @ self.unembed_kernel)[:, -1]
