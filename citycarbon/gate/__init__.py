"""The measures the gate judges: pure pandas functions from marts to one judged frame a rule. No engine, no verdict, no
severity.

A judged frame has one row per thing judged and the columns of ``judged.KEYS``; the verdict is a declared expectation on one
of its measure columns (``expectations/``). Thresholds stand in ``thresholds.py``.
"""
