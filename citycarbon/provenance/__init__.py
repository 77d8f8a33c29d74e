"""Where a number comes from: the trace to cells, the re-reading of cells, and the records that other tools read.

``store`` opens the files of a release or of a run's marts; ``trace`` follows one target; ``reread`` opens a snapshot and reads
a cell again; ``prov``, ``openlineage`` and ``crate`` write a run's lineage in the standards' own form. No estimation here.
"""
