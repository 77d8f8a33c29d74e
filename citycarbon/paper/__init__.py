"""The printed paper beside our own numbers: its coefficients and descriptives compared, its sentences judged.

Nothing here estimates: what a run has found comes as frames. Judging the paper on its own terms is ``citycarbon.forensics``.
"""
