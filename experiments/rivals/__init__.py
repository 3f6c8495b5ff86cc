"""What `throughput.py` compares: grokjax, other people's ways, and the machine itself.

Each is a class made from (Workload, members, weights), with `loss()`, of its
first member on the training set, and `run(tick)`, which trains for ever and
calls `tick(member_steps)` after each unit of work; tick blocks between slices.
"""
