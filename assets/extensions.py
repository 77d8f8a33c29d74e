"""What a study asks for beyond its tables: other estimators, sensitivity, the specification curve: csv files and figures.

Leaving this group out of a run changes nothing else: no table, figure or check outside it rests on it.
"""
