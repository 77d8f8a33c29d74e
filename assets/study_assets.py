"""What every asset of a study shares: its owners and pool, what it is handed, and, for most, csv files as its result.

``study_asset`` is ``dg.asset`` with that said once; ``result_tables`` is for functions that give frames. Both hand over a
:class:`StudyRun`. Nothing here knows a particular asset.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from assets.reporting import OWNERS, POOL, code_version, is_synthetic, written_tables
from citycarbon.paths import Home
from citycarbon.study import Study
from citycarbon.study.spec import POLICY_DUMMY, POLICY_YEAR

if TYPE_CHECKING:
    import pandas as pd

# The columns of the coefficients that other results are made of.
COEFFICIENTS = ("table", "column", "term", "estimate", "std_error", "stars", "n_obs", "p_ri_t", "note")


@dataclass(frozen=True)
class StudyRun:
    """What a step of a run finds: the study, the panel and coefficients that earlier steps left, and where its results go."""

    home: Home
    landing: Path
    study: Study

    @property
    def folder(self) -> Path:
        """Where the run's results of this study lie."""
        return self.home.results(self.study.study)

    @cached_property
    def synthetic(self) -> bool:
        return is_synthetic(self.landing)

    @cached_property
    def panel(self) -> "pd.DataFrame":
        """The mart ``city_panel``."""
        import pandas as pd

        return pd.read_parquet(self.home.marts(self.study.study) / "city_panel.parquet")

    @cached_property
    def estimates(self) -> "pd.DataFrame":
        """The coefficients, as ``estimates.csv`` holds them."""
        from citycarbon.econometrics import read_estimates

        return read_estimates(self.folder / "estimates.csv")


def study_asset(
    *, deps: Sequence[str | dg.AssetKey], kinds: set[str], code: Sequence[str], description: str, name: str | None = None
) -> Callable[[Callable[[StudyRun], dg.MaterializeResult]], dg.AssetsDefinition]:
    """An asset made by ``compute(run)``, named like that function. ``code``: files and folders that decide what it holds."""

    def define(compute: Callable[[StudyRun], dg.MaterializeResult]) -> dg.AssetsDefinition:
        @dg.asset(
            name=name or compute.__name__,
            deps=list(deps),
            kinds=kinds,
            owners=OWNERS,
            pool=POOL,
            code_version=code_version(*code),
            description=description,
        )
        def made(
            home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
        ) -> dg.MaterializeResult:
            return compute(StudyRun(home, landing, study))

        return made

    return define


def result_tables(
    *, deps: Sequence[str | dg.AssetKey], code: Sequence[str], description: str
) -> Callable[[Callable[[StudyRun], "dict[str, pd.DataFrame]"]], dg.AssetsDefinition]:
    """An asset whose result is csv files: ``compute(run)`` gives each file's name and frame, the first one shown inline.

    Its columns are said to rest on the panel columns that the study uses and on the coefficients, as far as ``deps`` name them.
    """

    def define(compute: Callable[[StudyRun], "dict[str, pd.DataFrame]"]) -> dg.AssetsDefinition:
        def written(run: StudyRun) -> dg.MaterializeResult:
            used = {"city_panel": panel_columns(run.study), "estimates": COEFFICIENTS}
            return written_tables(compute(run), run.folder, run.synthetic, {k: v for k, v in used.items() if k in deps})

        kinds = {"python", "csv"}
        return study_asset(deps=deps, kinds=kinds, code=code, description=description, name=compute.__name__)(written)

    return define


def panel_columns(study: Study) -> list[str]:
    """The panel columns that the results of a study are computed from, sorted."""
    used = {"city_id", "province_id", "year", "in_sample", *(v for m in study.matchings for v in m.covariates)}
    used |= {split.variable for split in study.splits if split.variable} | {s.variable for s in study.inference.strata}
    used |= {mark + policy for policy in study.policies_named() for mark in (POLICY_DUMMY, POLICY_YEAR)}
    for table in study.regression_tables().values():
        for column in table.columns:
            used |= {column.outcome, *column.controls, *(c.variable for c in column.filter)}
            used |= {exposure.variable for exposure in column.exposures}
    return sorted(used)
