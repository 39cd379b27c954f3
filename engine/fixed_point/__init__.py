"""Batched fixed-point solvers with implicit, phantom and unrolled gradients; pure JAX.

Reading order: `solver_config`, `solve` (the one loop), a method (`picard`, `anderson`, `broyden`),
`implicit` (gradients). The package knows nothing of networks or chess.
"""
