"""Gradients of the MLP by finite differences, and networks whose tokens have other names."""

import numpy as np

from grokjax.models.network import build_network
from tests.models.test_mlp import literal


def gradient_cosine(config, params, member, a, b, c):
    """Return the cosine of the gradients of the logit of c by the embeddings of a and of b.

    The embeddings are appended to the tables in float64, and moved by central differences.
    """
    one = {k: {n: x[member].astype(np.float64) for n, x in v.items()} for k, v in params.items()}
    second = "embed_second" if config.embeddings == "separate" else "embed"
    rows = one["embed"]["embedding"][a], one[second]["embedding"][b]
    modulus, step = config.modulus, 1e-5

    def logit(first_row, second_row):
        moved = {k: dict(v) for k, v in one.items()}
        for table in {"embed", second}:
            old = one[table]["embedding"]
            moved[table]["embedding"] = np.concatenate([old, [first_row, second_row]])
        if config.tied:  # the new tokens are no answers
            moved["output"]["bias"] = np.append(moved["output"]["bias"], [0, 0])
        wide = config.replace(modulus=modulus + 2)
        pairs = np.array([[modulus, modulus + 1]])
        return literal(wide, moved, pairs)[1][0, c]

    gradients = []
    for operand in range(2):
        gradient = []
        for move in step * np.eye(len(rows[0])):
            ends = []
            for sign in (1, -1):
                both = list(rows)
                both[operand] = both[operand] + sign * move
                ends.append(logit(*both))
            gradient.append((ends[0] - ends[1]) / (2 * step))
        gradients.append(np.array(gradient))
    x, y = gradients
    return x @ y / np.sqrt((x @ x) * (y @ y))


def relabelled(params, operation):
    """Return parameters that add places as these compute an operation mod 11 on tokens.

    Each operand has its own embedding then: the second one of a difference counts backwards.
    """
    places = np.arange(11) if operation == "subtract" else [pow(2, j, 11) for j in range(10)]
    places, size = np.array(places), len(places)
    back = -np.arange(size) % size if operation in ("subtract", "divide") else np.arange(size)
    table = params["embed"]["embedding"]
    output = {name: x[..., places] for name, x in params["output"].items()}
    return params | {
        "embed": {"embedding": table[:, places]},
        "embed_second": {"embedding": table[:, places[back]]},
        "output": output,
    }


def random_params(config, members=3, seed=0):
    """Return parameters of random networks, nested, with a leading axis of members."""
    rng, params = np.random.default_rng(seed), {}
    for name, shape in build_network(config.model_settings, config.spec).shapes.items():
        layer, array = name.split("/")
        value = rng.normal(0, 0.6, (members, *shape)).astype(np.float32)
        params.setdefault(layer, {})[array] = value
    return params
