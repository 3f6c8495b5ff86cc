"""PyTorch as its users write it: a loop per seed, stacked parameters, torch.func."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn.functional import cross_entropy, relu
from torch.utils.data import DataLoader, TensorDataset

from rivals.torch_transformer import TransformerNet
from rivals.workload import Weights, Workload

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
Tick = Callable[[int], None]


class Net(nn.Module):
    """The notebook's network, with its explicit concatenation."""

    def __init__(self, work: Workload, weights: Weights) -> None:
        super().__init__()
        self.embed = nn.Embedding(work.modulus, work.embed_dim)
        self.hidden = nn.Linear(2 * work.embed_dim, work.hidden_dim)
        self.output = nn.Linear(work.hidden_dim, work.modulus)
        w = {name: torch.from_numpy(value.copy()) for name, value in weights.items()}
        with torch.no_grad():
            self.embed.weight.copy_(w["embed"])
            self.hidden.weight.copy_(w["hidden"].T)
            self.hidden.bias.copy_(w["hidden_bias"])
            self.output.weight.copy_(w["output"].T)
            self.output.bias.copy_(w["output_bias"])

    def forward(self, pairs: torch.Tensor) -> torch.Tensor:
        return self.output(relu(self.hidden(self.embed(pairs).flatten(-2))))


NETWORKS = {"mlp": Net, "transformer": TransformerNet}


def tensors(work: Workload) -> list[torch.Tensor]:
    return [torch.from_numpy(x).to(DEVICE) for x in work.data()]


class Loop:
    """One seed as in the notebook: DataLoader, AdamW, `.item()` at each step."""

    evaluates = True

    def __init__(self, work: Workload, members: int, weights: Weights) -> None:
        self.work, self.net = work, NETWORKS[work.network](work, weights).to(DEVICE)
        *self.train, test_pairs, test_labels = tensors(work)
        self.batches = self.loader(*self.train, shuffle=True)
        self.test = self.loader(test_pairs, test_labels, shuffle=False)
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), lr=work.learning_rate, weight_decay=work.weight_decay
        )

    def loader(self, pairs: torch.Tensor, labels: torch.Tensor, shuffle: bool):
        if self.work.batch_size is None:  # a full batch needs no DataLoader
            return [(pairs, labels)]
        return DataLoader(TensorDataset(pairs, labels), self.work.batch_size, shuffle)

    def loss(self) -> float:
        with torch.no_grad():
            return cross_entropy(self.net(self.train[0]), self.train[1]).item()

    def epoch(self) -> None:
        self.net.train()
        total, correct = 0.0, 0
        for pairs, labels in self.batches:
            self.optimizer.zero_grad()
            logits = self.net(pairs)
            loss = cross_entropy(logits, labels)
            loss.backward()
            self.optimizer.step()
            total += loss.item()
            correct += (logits.argmax(dim=1) == labels).sum().item()
        if self.evaluates:
            self.net.eval()
            with torch.no_grad():
                for pairs, labels in self.test:
                    logits = self.net(pairs)
                    total += cross_entropy(logits, labels).item()
                    correct += (logits.argmax(dim=1) == labels).sum().item()

    def run(self, tick: Tick) -> None:
        while True:
            self.epoch()
            tick(self.work.steps_per_epoch)


class LoopWithoutEvaluation(Loop):
    """The same without evaluating the test split."""

    evaluates = False


class Ensemble:
    """All members in one process; a subclass computes the step."""

    def __init__(self, work: Workload, members: int, weights: Weights) -> None:
        self.work, self.members = work, members
        self.pairs, self.labels, _, _ = tensors(work)
        self.params = self.stacked(weights)
        self.optimizer = torch.optim.AdamW(
            self.params.values(), lr=work.learning_rate, weight_decay=work.weight_decay, fused=True
        )

    def stacked(self, weights: Weights) -> dict[str, torch.Tensor]:
        """The parameters of all members, `[M, ...]`."""
        raise NotImplementedError

    def step(self, pairs: torch.Tensor, labels: torch.Tensor) -> None:
        """One step of every member: pairs `[M, B, 2]`, labels `[M, B]`."""
        raise NotImplementedError

    def batches(self) -> list[torch.Tensor]:
        """Row numbers `[M, B]` of each step of an epoch; each member has its own order."""
        n = len(self.pairs)
        if self.work.batch_size is None:
            return [torch.arange(n, device=DEVICE).expand(self.members, n)]
        orders = torch.rand(self.members, n, device=DEVICE).argsort(dim=1)
        return list(orders.split(self.work.batch_size, dim=1))

    def run(self, tick: Tick) -> None:
        while True:
            for rows in self.batches():
                self.step(self.pairs[rows], self.labels[rows])
            if DEVICE == "cuda":
                torch.cuda.synchronize()
            tick(self.members * self.work.steps_per_epoch)


class Stacked(Ensemble):
    """Stacked parameters with `baddbmm` and one fused AdamW."""

    def stacked(self, weights: Weights) -> dict[str, torch.Tensor]:
        repeated = {
            name: torch.from_numpy(value).to(DEVICE).expand(self.members, *value.shape).clone()
            for name, value in weights.items()
        }
        return {name: value.requires_grad_() for name, value in repeated.items()}

    def logits(self, pairs: torch.Tensor) -> torch.Tensor:
        """Logits `[M, B, P]` of pairs `[M, B, 2]`."""
        p, member = self.params, torch.arange(self.members, device=DEVICE)[:, None, None]
        inputs = p["embed"][member, pairs].flatten(-2)
        hidden = relu(torch.baddbmm(p["hidden_bias"][:, None], inputs, p["hidden"]))
        return torch.baddbmm(p["output_bias"][:, None], hidden, p["output"])

    def loss(self) -> float:
        with torch.no_grad():
            logits = self.logits(self.pairs.expand(self.members, -1, 2))
            return cross_entropy(logits[0], self.labels).item()

    def step(self, pairs: torch.Tensor, labels: torch.Tensor) -> None:
        self.optimizer.zero_grad()
        losses = cross_entropy(self.logits(pairs).flatten(0, 1), labels.flatten(), reduction="sum")
        (losses / labels.shape[1]).backward()
        self.optimizer.step()


class Func(Ensemble):
    """`torch.func`: the gradient of one network under vmap over stacked modules."""

    def stacked(self, weights: Weights) -> dict[str, torch.Tensor]:
        make = NETWORKS[self.work.network]
        nets = [make(self.work, weights).to(DEVICE) for _ in range(self.members)]
        self.base = copy.deepcopy(nets[0]).to("meta")
        self.gradient = vmap(grad(self.loss_of))
        return stack_module_state(nets)[0]

    def loss_of(self, params: dict, pairs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return cross_entropy(functional_call(self.base, params, (pairs,)), labels)

    def loss(self) -> float:
        with torch.no_grad():
            first = {name: value[0] for name, value in self.params.items()}
            return self.loss_of(first, self.pairs, self.labels).item()

    def step(self, pairs: torch.Tensor, labels: torch.Tensor) -> None:
        with torch.no_grad():
            gradients = self.gradient(self.params, pairs, labels)
        for name, value in self.params.items():
            value.grad = gradients[name]
        self.optimizer.step()
