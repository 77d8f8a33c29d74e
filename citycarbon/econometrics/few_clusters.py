"""What few treated clusters ask for beside the clustered t: the rows of CV3, wild bootstrap and leverage of ``inference.csv``.

The numbers are those of ``jackknife`` and ``wild_bootstrap``, from one design a column; here they become rows with reasons.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.beside import spread
from citycarbon.econometrics import wild_bootstrap as wild
from citycarbon.econometrics.cluster_sums import ClusterSums
from citycarbon.econometrics.draws import seed_of
from citycarbon.econometrics.inference_rows import NO_REDRAWS, headline_columns, inference_frame, labels, not_tested
from citycarbon.econometrics.jackknife import Jackknife, effective_clusters, jackknife, partial_leverage
from citycarbon.econometrics.resampling import Design
from citycarbon.econometrics.sample import EFFECT_COLUMNS, Sample, estimation_sample
from citycarbon.study.spec import Column, Study

if TYPE_CHECKING:
    import pandas as pd

CV3, EFFECTIVE = "cv3", "effective_clusters"
LEVERAGE, WITHOUT = "leverage:", "without:"  # followed by the city_id of a treated city
WILD = {f"wcr:{kind}": kind for kind in (wild.RADEMACHER, wild.WEBB)}
METHODS = (CV3, *WILD, EFFECTIVE)
# Treated clusters below which the restricted wild bootstrap is known to reject too rarely (MacKinnon and Webb 2017, 2018)
FEW_TREATED = 6


def few_cluster_rows(panel: pd.DataFrame, study: Study, estimates: pd.DataFrame, *, workers: int = 1) -> pd.DataFrame:
    """Of every headline column ``METHODS``, then a row ``leverage:`` and ``without:`` for every city with a treated row.

    ``statistic`` holds t, for ``effective_clusters`` and ``leverage:`` the number itself; ``without:`` has the estimate without
    that city; its name stands in the note. What is not estimable (``estimates`` says why) keeps its rows with the reason.
    Numbers do not depend on ``workers`` (processes over columns).
    """
    names = dict(zip(panel["city_id"], panel["city_name"], strict=True)) if "city_name" in panel else {}

    columns = headline_columns(study)
    found = spread(_rows, [(panel, study, *at, names, not_tested(estimates, *at)) for at in columns], workers=workers)
    return inference_frame([{**labels(*at), **row} for at, rows in zip(columns, found, strict=True) for row in rows])


def cluster_design(sample: Sample, study: Study, column: Column) -> Design:
    """The design of a column's sample without atoms: outcome and treatment, whatever the treatment is."""
    effects = tuple(EFFECT_COLUMNS[name] for name in column.fixed_effects)
    outcomes, cluster = [column.outcome, column.treatment], EFFECT_COLUMNS[study.cluster]
    return Design.build(sample.rows, outcomes, column.terms[1:], effects, (), cluster=cluster, weights=sample.weights)


def wild_seed(study: Study, table: str, column: Column, kind: str) -> int:
    """Seed of a column's bootstrap weights in a study with redraws: columns that estimate the same (``spec_id``) share it."""
    return seed_of(study.placebo.seed, "spec", study.spec_id(table, column.id), f"wcr:{kind}")


def wild_p(design: Design, study: Study, table: str, column: Column) -> float:
    """``p_wcr`` of a column: Rademacher weights, the p-value of its row ``wcr:rademacher``; NaN where there is no test.

    ``design``: its outcomes are the column's outcome and treatment. The treatment need not be one that can be redrawn.
    """
    seed = wild_seed(study, table, column, wild.RADEMACHER)
    return wild.wild_test(ClusterSums.of(design), seed, kind=wild.RADEMACHER).p_value


def _rows(
    panel: pd.DataFrame, study: Study, table: str, column: Column, names: dict[str, str], reason: str
) -> list[dict[str, Any]]:
    if reason:
        return [{"method": method, "note": reason} for method in METHODS]
    sample = estimation_sample(panel, study, column)
    design = cluster_design(sample, study, column)
    case = _Case(ClusterSums.of(design), design, sample, column, names)
    if study.placebo is None:
        tests = [{"method": method, "note": NO_REDRAWS} for method in WILD]
    else:
        tests = [case.wild(method, kind, wild_seed(study, table, column, kind)) for method, kind in WILD.items()]
    return [case.cv3(), *tests, case.effective(), *case.by_city()]


@dataclass(frozen=True)
class _Case:
    """One column's sums, with the names its rows need. Clusters are cities."""

    sums: ClusterSums
    design: Design
    sample: Sample
    column: Column
    names: dict[str, str]

    @property
    def treated(self) -> list[int]:
        """Positions of the cities with a treated row, in the order of their ids."""
        cities = set(self.sample.rows.loc[self.sample.rows[self.column.treatment] == 1, "city_id"])
        return [i for i, city in enumerate(self.design.units) if city in cities]

    @cached_property
    def left(self) -> Jackknife:
        return jackknife(self.sums)

    def name(self, position: int) -> str:
        city = self.design.units[position]
        return self.names.get(city) or str(city)

    def cv3(self) -> dict[str, Any]:
        from scipy.stats import t as student

        left = self.left
        row = {"method": CV3, "estimate": left.estimate, "df": self.design.df}
        if len(left.absorbed):
            gone = ", ".join(self.name(i) for i in left.absorbed)
            return {**row, "note": f"not computed: without {gone} nothing is left to estimate the treatment from"}
        if not left.std_error > 0:
            return {**row, "std_error": left.std_error, "note": "standard error is zero: no test"}
        t, half = left.estimate / left.std_error, float(student.ppf(0.975, self.design.df)) * left.std_error
        return {
            **row, "std_error": left.std_error, "statistic": t, "p_value": float(2 * student.sf(abs(t), self.design.df)),
            "conf_low": left.estimate - half, "conf_high": left.estimate + half,
        }  # fmt: skip

    def wild(self, method: str, kind: str, seed: int) -> dict[str, Any]:
        test = wild.wild_test(self.sums, seed, kind=kind, interval=True)
        few = len(self.treated)
        notes = [test.note]
        if few < FEW_TREATED and np.isfinite(test.p_value):
            notes.append(f"{few} treated {'cluster' if few == 1 else 'clusters'}: with so few it tends to reject too rarely")
        return {
            "method": method, "estimate": test.estimate, "std_error": test.std_error, "statistic": test.t_stat,
            "p_value": test.p_value, "conf_low": test.low, "conf_high": test.high, "draws": test.draws,
            "undefined": test.undefined, "note": "; ".join(n for n in notes if n),
        }  # fmt: skip

    def effective(self) -> dict[str, Any]:
        share = float(partial_leverage(self.sums)[self.treated].sum())
        note = f"of {self.sums.n_clusters}; {len(self.treated)} treated hold {100 * share:.1f} % of the partial leverage"
        return {"method": EFFECTIVE, "estimate": self.sums.estimate, "statistic": effective_clusters(self.sums), "note": note}

    def by_city(self) -> list[dict[str, Any]]:
        shares, left = partial_leverage(self.sums), self.left
        rows = []
        for i in self.treated:
            row = {"method": f"{LEVERAGE}{self.design.units[i]}", "estimate": left.estimate, "statistic": float(shares[i])}
            rows.append({**row, "note": self.name(i)})
        for i in self.treated:
            absorbed = "" if np.isfinite(left.without[i]) else "; not estimable without it"
            row = {"method": f"{WITHOUT}{self.design.units[i]}", "estimate": float(left.without[i])}
            rows.append({**row, "note": self.name(i) + absorbed})
        return rows
