"""The fuzzer's pure half: areas that draw scenarios from a seed, the cause of a difference, and shrinking.

An area is one module with a function `draw(dice, cases) -> Scenario`, listed in areas.py.
"""
