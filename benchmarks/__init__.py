"""The measurements of docs/operations.md: `python -m benchmarks`.

`population` and `history` fill databases, `processes` and `server` run what is measured, `billing_run`, `events`,
`questions` and `papers` measure, `report` prints.
"""
