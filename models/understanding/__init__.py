"""From what was typed, spoken, shown and said before to what the customer wants.

`observation` is what goes in, `prediction` what comes out; `features` and `fusion` lie between.
`training`, `compression` and `evaluation` make and judge a model; `predictor` serves it.
"""
