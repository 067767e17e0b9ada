"""`python -m edge_runtime`: the `har-edge` command of a machine that has only this package."""

from edge_runtime.cli import main

main()
