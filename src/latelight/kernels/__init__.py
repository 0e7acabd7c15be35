"""What turns vectors into scores: MaxSim, its arg-max twin, int8 rows, top-k.

`maxsim` is the one dispatcher; `reference` says in numpy what every native path must return.
"""
