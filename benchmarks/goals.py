"""The figures that must be known, what each is, and the bounds it must keep. Nothing is measured here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """``must`` and ``aim``: lower bounds where ``at_least``, else upper bounds; no aim where there is none."""

    name: str
    what: str
    unit: str
    must: float
    aim: float | None
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether ``value`` keeps the bound that must be kept."""
        return value >= self.must if self.at_least else value <= self.must

    def bound(self, limit: float | None) -> str:
        """A bound as the table prints it."""
        return "-" if limit is None else f"{'≥' if self.at_least else '≤'} {limit:g}"


GOALS = {
    goal.name: goal
    for goal in (
        Goal("placebo_500_vs_pyfixest", "500 clustered placebo t, all in, against a loop of `feols`", "times", 300, 450, True),
        Goal("placebo_500_vs_panelols", "the same against a loop of PanelOLS", "times", 700, 1000, True),
        Goal("placebo_t_roofline", "time per draw of 99,999 t over the GEMM time of the same flops", "times", 2.0, 1.5),
        Goal("placebo_99999_seconds", "99,999 t statistics", "s", 1.0, 0.5),
        Goal("placebo_99999_mib", "extra memory of that", "MiB", 150, 100),
        Goal("placebo_beta_99999_seconds", "99,999 coefficients", "s", 0.06, 0.03),
        Goal("wcr_9999_vs_pyfixest", "9,999 Rademacher draws against `.wildboottest`", "times", 40, 60, True),
        Goal("engine_error_beta", "largest difference of a coefficient from refits", "log points", 1e-10, None),
        Goal("engine_error_t", "largest difference of a t statistic from refits", "t", 1e-10, None),
        Goal("wcr_error_t", "largest difference of a bootstrap t from refits", "t", 1e-10, None),
        Goal("curve_1000_seconds", "1,000 specifications, point and clustered error", "s", 10, 5),
        Goal("cells_30m_seconds", "30 million rows from parquet", "s", 10, 6),
        Goal("cells_30m_gib", "peak memory of that", "GiB", 1.3, 1.1),
        Goal("cells_30m_vs_pyfixest", "fit time of pyfixest over ours", "times", 7, 10, True),
        Goal("run_warm_seconds", "the job of all tables and figures, nothing cached but the packages", "s", 75, 50),
        Goal("extensions_warm_seconds", "the job of what a study asks for beyond its tables", "s", 180, 90),
        Goal("run_nochange_seconds", "the whole job, nothing changed", "s", 5, 2),
    )
}
