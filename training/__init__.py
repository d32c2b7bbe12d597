"""How the shipped detector is trained, calibrated, exported and checked.

`python -m training.reproduce` walks through all of it; README.md has the single steps.
"""
