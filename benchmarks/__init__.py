"""What the desk is measured by. `make bench` runs them all and writes results.json."""
