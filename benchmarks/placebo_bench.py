"""Placebo draws: the resampling engine against loops of packages, against the matrix product it is made of, and its digits."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.measure import Figure, Group, Settings, interleaved, versioned
from benchmarks.simulated import OUTCOME, SEED, TREATMENT, UNIT, YEAR, Shape, first_years, panel
from citycarbon.econometrics import fwl
from citycarbon.econometrics.draws import Scheme, blocks, cohorts
from citycarbon.econometrics.randomisation import redraw
from citycarbon.econometrics.resampling import CHUNK, Design

if TYPE_CHECKING:
    import pandas as pd

MIB = 2**20
EFFECTS = (UNIT, YEAR)


@dataclass(frozen=True)
class Case:
    """The simulated sample, its design and the law of the draws."""

    rows: pd.DataFrame
    controls: list[str]
    design: Design
    scheme: Scheme

    @staticmethod
    def of(shape: Shape) -> Case:
        rows = panel(shape)
        design = build(rows, shape.control_names)
        return Case(rows, shape.control_names, design, law(rows, design))

    def atoms(self, draws: int) -> np.ndarray:
        """Atoms (k, draws) of the first draws."""
        return np.concatenate([self.design.atoms(*part) for part in blocks(self.scheme, SEED, draws)], axis=1)

    def treatments(self, draws: int) -> np.ndarray:
        """The treatment (n,) of each of the first draws (draws, n)."""
        unit, year = fwl.codes(self.rows[UNIT]), self.rows[YEAR].to_numpy()
        out = np.zeros((draws, len(unit)))
        at = 0
        for units, cohort in blocks(self.scheme, SEED, draws):
            for i in range(units.shape[1]):
                first = np.full(len(self.design.units), np.inf)
                first[units[:, i]] = np.asarray(self.scheme.first_years)[cohort[:, i]]
                out[at] = year >= first[unit]
                at += 1
        return out


def build(rows: pd.DataFrame, controls: list[str]) -> Design:
    """The engine's set-up."""
    return Design.build(rows, [OUTCOME], controls, EFFECTS, sorted(set(first_years(rows).values())))


def law(rows: pd.DataFrame, design: Design) -> Scheme:
    """Cohort sizes as in the sample, cities that have a row when their cohort starts."""
    return cohorts(design.units, first_years(rows), last_year=design.last_year)


def all_in(rows: pd.DataFrame, controls: list[str], draws: int) -> np.ndarray:
    """Rows to clustered t statistics (draws,): set-up, drawing and statistics."""
    design = build(rows, controls)
    return redraw(design, law(rows, design), SEED, draws).t()


def measure_loops(settings: Settings) -> list[Figure]:
    """A few draws, all in, against the loops that a user of a package would write."""
    case, draws = Case.of(settings.shape), settings.few_draws
    treatments = case.treatments(draws)
    peers: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {}
    if settings.wants("placebo_500_vs_pyfixest"):
        peers["placebo_500_vs_pyfixest"] = (f"{versioned('pyfixest')} feols, lean=True", feols_loop(case))
    if settings.wants("placebo_500_vs_panelols"):
        peers["placebo_500_vs_panelols"] = (f"{versioned('linearmodels')} PanelOLS, city and year effects", panelols_loop(case))
    ours = all_in(case.rows, case.controls, draws)
    for _, loop in peers.values():  # once for what the first call loads
        loop(treatments[:2])
    found: dict[str, np.ndarray] = {}
    parts: dict[str, Callable[[], object]] = {"engine": lambda: all_in(case.rows, case.controls, draws)}
    for name, (_, loop) in peers.items():
        parts[name] = lambda name=name, loop=loop: found.update({name: loop(treatments)})
    seconds = interleaved(parts, settings.repeat_long)
    figures = []
    for name, (peer, _) in peers.items():
        ratio = seconds[name] / seconds["engine"]
        note = (
            f"engine {1e3 * seconds['engine']:.1f} ms, peer {seconds[name]:.1f} s for {draws} draws, all of them; "
            f"largest |t - t of the peer| {np.abs(found[name] - ours).max():.1e}"
        )
        if name == "placebo_500_vs_panelols":
            note += " (its two-way errors count the city effects)"
        figures.append(Figure(name, ratio, "times", peer, ratio, settings.repeat_long, note))
    return figures


def feols_loop(case: Case) -> Callable[[np.ndarray], np.ndarray]:
    """A loop of feols over treatments (draws, n) that gives their clustered t."""
    import pyfixest

    formula = f"{OUTCOME} ~ {' + '.join([TREATMENT, *case.controls])} | {UNIT} + {YEAR}"
    frame = case.rows.copy()

    def loop(treatments: np.ndarray) -> np.ndarray:
        out = np.empty(len(treatments))
        for i, treatment in enumerate(treatments):
            frame[TREATMENT] = treatment
            out[i] = pyfixest.feols(formula, data=frame, vcov={"CRV1": UNIT}, lean=True).tstat()[TREATMENT]
        return out

    return loop


def panelols_loop(case: Case) -> Callable[[np.ndarray], np.ndarray]:
    """A loop of PanelOLS over treatments (draws, n) that gives their clustered t."""
    from linearmodels.panel import PanelOLS

    frame = case.rows.set_index([UNIT, YEAR])

    def loop(treatments: np.ndarray) -> np.ndarray:
        out = np.empty(len(treatments))
        for i, treatment in enumerate(treatments):
            frame[TREATMENT] = treatment
            model = PanelOLS(frame[OUTCOME], frame[[TREATMENT, *case.controls]], entity_effects=True, time_effects=True)
            out[i] = model.fit(cov_type="clustered", cluster_entity=True).tstats[TREATMENT]
        return out

    return loop


def measure_many(settings: Settings) -> list[Figure]:
    """Many draws: their time, the time of the matrix product they rest on, and of coefficients alone."""
    case, draws = Case.of(settings.shape), settings.many_draws
    atoms = case.atoms(draws)
    parts = {
        "statistics": lambda: redraw(case.design, case.scheme, SEED, draws).t(),
        "matrix product": product(case.design, draws),
        "coefficients": lambda: case.design.coefficients(atoms),
        "all in": lambda: all_in(case.rows, case.controls, draws),
    }
    for run in parts.values():
        run()
    seconds = interleaved(parts, settings.repeat)
    roof = seconds["statistics"] / seconds["matrix product"]
    micro = 1e6 * seconds["statistics"] / draws, 1e6 * seconds["matrix product"] / draws
    groups, features = case.design.n_clusters, case.design.hh.shape[1] + case.design.c.shape[1]
    shape = f"{groups} x {features} by {features} x {CHUNK}"
    n = settings.repeat
    return [
        Figure(
            "placebo_t_roofline", roof, "times", f"numpy {np.__version__} matmul, {shape}", 1 / roof, n,
            f"{micro[0]:.2f} us a draw, drawing included, over {micro[1]:.2f} us of the product alone",
        ),
        Figure("placebo_99999_seconds", seconds["all in"], "s", n=n, note=f"{draws} draws; set-up and drawing included"),
        Figure(
            "placebo_beta_99999_seconds", seconds["coefficients"], "s", n=n,
            note=f"{draws} draws; of given draws, set-up and drawing not included",
        ),
    ]  # fmt: skip


def product(design: Design, draws: int) -> Callable[[], None]:
    """The multiplications that ``draws`` t statistics need, as one product a chunk on buffers that are there."""
    features = design.hh.shape[1] + design.c.shape[1]
    rng = np.random.default_rng(SEED)
    left, right = rng.normal(size=(design.n_clusters, features)), rng.normal(size=(features, CHUNK))
    out = np.empty((design.n_clusters, CHUNK))

    def run() -> None:
        for _ in range(-(-draws // CHUNK)):
            np.matmul(left, right, out=out)

    return run


def measure_memory(settings: Settings) -> list[Figure]:
    """What many t statistics need beside the sample, its design included."""
    case, draws = Case.of(settings.shape), settings.many_draws
    all_in(case.rows, case.controls, 2 * CHUNK)  # what is loaded at first use is not memory of the draws
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    all_in(case.rows, case.controls, draws)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    note = f"{draws} draws; largest sum of what Python and numpy hold (tracemalloc), set-up included"
    return [Figure("placebo_99999_mib", peak / MIB, "MiB", n=1, note=note)]


def measure_digits(settings: Settings) -> list[Figure]:
    """The engine's coefficients and t against regressions with explicit dummies for every city and year."""
    case, draws = Case.of(settings.shape), settings.refits
    drawn = redraw(case.design, case.scheme, SEED, draws)
    beta, t = refits(case, draws)
    note = f"{draws} draws; refits by numpy with a dummy for every city and year"
    return [
        Figure("engine_error_beta", float(np.abs(drawn.beta() - beta).max()), "log points", n=draws, note=note),
        Figure("engine_error_t", float(np.abs(drawn.t() - t).max()), "t", n=draws, note=note),
    ]


def refits(case: Case, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficient and clustered t (draws,) of the first draws, each from a regression of its own."""
    effects = fwl.Effects(fwl.codes(case.rows[UNIT]), fwl.codes(case.rows[YEAR]))
    y, controls = case.rows[OUTCOME].to_numpy(), case.rows[case.controls].to_numpy()
    beta, t = np.empty(draws), np.empty(draws)
    for i, treatment in enumerate(case.treatments(draws)):
        x = np.column_stack([treatment, controls])
        fit = fwl.dummy_fit(y, x, effects, effects.first, case.design.k_counted)
        beta[i], t[i] = fit.params[1], fit.params[1] / np.sqrt(fit.cov[1, 1])
    return beta, t


GROUPS = (
    Group(("placebo_500_vs_pyfixest", "placebo_500_vs_panelols"), measure_loops),
    Group(("placebo_t_roofline", "placebo_99999_seconds", "placebo_beta_99999_seconds"), measure_many),
    Group(("placebo_99999_mib",), measure_memory),
    Group(("engine_error_beta", "engine_error_t"), measure_digits),
)
