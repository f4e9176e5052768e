"""Where turns end: makes the callers that the estimate of `models/turn_end.py` is trained on, and
trains it. None of their sentences and voices is among those that `benchmarks/calls` measures."""
