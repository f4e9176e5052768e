"""`python -m bot.cli`: the command line for starters that want a module, as `torchrun -m` does."""

from bot.cli import main

main()
