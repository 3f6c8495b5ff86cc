"""Contenders of `throughput.py`: grokjax, other implementations, and the limit of the machine.

Each is a class built from (Workload, members, weights). `loss()` is the loss of its first member
on the train split. `run(tick)` trains without end and calls `tick(member_steps)` after each unit
of work; `tick` blocks between time slices.
"""
