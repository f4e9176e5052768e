"""`python -m benchmarks.understanding [NAME …]`: how well the desk understands, against the goals.

Test sets are neither trained nor tuned on. Each figure is the mean over three seeds.
"""
