"""The whole graph on one screen: group -> modules. Each asset reads, calls one function, writes, and reports what it wrote.

    sources       raw/<source>.parquet, one asset a registered source
    warehouse     dbt: groups seeds, staging, intermediate, marts (city_panel, city_panel_cells, sample_attrition ...)
    panel         the gate: blocking checks on city_panel
    descriptives  table1, sample_attrition_table
    estimates     estimates, event_study; on a sample, the check that what was planted is recovered
    robustness    matching, other_policies, mechanisms, inference, audit_variants, policy_lists
    heterogeneity splits, and the check that the halves add up
    extensions    what a study asks for beyond its tables: staggered, sensitivity, spec_curve, large_tables
    figures       figure1, figure2, figure3
    tables        table2 .. table8, other_tables
    paper         comparison, claims, forensics
    release       release

Nothing of Dagster's wiring (jobs, resources, sensors) belongs here: that is ``orchestration``.
"""

from __future__ import annotations

from itertools import chain

import dagster as dg

from assets import (
    descriptives,
    estimates,
    extensions,
    figures,
    heterogeneity,
    panel,
    paper,
    recovery,
    release,
    robustness,
    sources,
    tables,
    warehouse,
)

GROUPS = {
    "sources": [sources],
    "descriptives": [descriptives],
    "estimates": [estimates, recovery],
    "robustness": [robustness],
    "heterogeneity": [heterogeneity],
    "extensions": [extensions],
    "figures": [figures],
    "tables": [tables],
    "paper": [paper],
    "release": [release],
}
DBT_GROUPS = ("seeds", *warehouse.LAYERS)
# What the gate needs: everything up to the panel and its checks.
JUDGED_GROUPS = ("sources", *DBT_GROUPS)

assets = [
    warehouse.warehouse,
    *chain.from_iterable(dg.load_assets_from_modules(modules, group_name=group) for group, modules in GROUPS.items()),
]
asset_checks = [panel.gate, *chain.from_iterable(dg.load_asset_checks_from_modules(modules) for modules in GROUPS.values())]
