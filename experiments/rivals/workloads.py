"""The workloads of the benchmark by name."""

from rivals.transformer import TransformerWorkload
from rivals.workload import Workload

WORKLOADS: dict[str, Workload] = {
    work.name: work
    for work in (
        Workload("notebook", modulus=53, train_fraction=0.5, batch_size=64),
        Workload("full-batch", modulus=113, train_fraction=0.3, batch_size=None),
        TransformerWorkload("transformer", modulus=113, train_fraction=0.3, batch_size=None),
    )
}
