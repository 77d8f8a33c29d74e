"""The resampling engine: one ``Design`` per sample gives coefficient and clustered t of any reassignment without refitting.

The model is y = b d + first effect + Z g + e. The first effect (the unit itself, or a coarser one such as the province) is
removed by its means; ``Z`` holds the rest: the second effect (years) and the controls, net of those means and whitened, so that
Z'Z = I (q columns). r = residual of y on effects and Z. (A first effect that cuts through clusters joins Z as dummies.)

An *atom* a = (unit u, first year f) is the 0/1 vector d_a = 1[unit = u and year >= f]. A draw is a set of atoms of distinct
units. Stored once per sample, g a cluster, n_t treated and n_u all rows of the unit:

    S[a] = d_a'r        kappa[a] = n_t - n_t^2/n_u  (n_t where the first effect is not the unit)        C[a] = Z'd_a
    h_g = Z_g'r_g       H_g = Z_g'Z_g (half-vectorised)

Of a draw, by Frisch-Waugh-Lovell, with theta = sum C[a]:

    num = sum S[a]      den = sum kappa[a] - |theta|^2      b = num / den
    scores  s_g = u_g - b w_g,   u_g = sum_{a in g} S[a] - theta'h_g,
                                 w_g = sum_{a in g} (kappa[a] - 2 theta'C[a]) + theta'H_g theta
    t = num / sqrt(c sum s_g^2),   c = G/(G-1) (N-1)/(N-K)      (CRV1 as reghdfe has it; docs/methods.md)

With a coarser first effect of levels p (n_p rows), treated share m_p = sum_{a in p} n_t / n_p, and n_g rows, z_g = Z_g'1 and
r_g'1 of a cluster g in p:

    den loses sum_p n_p m_p^2      u_g loses m_p r_g'1      w_g gains n_g m_p^2 + 2 m_p theta'z_g - 2 m_p sum_{a in g} n_t

so the cost of a draw does not depend on N. Several outcomes share theta and w; because num and s are linear in y, the
statistics of y - b0 d follow from those of y and of d without another pass (:class:`Statistics`). Nothing is drawn here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from citycarbon.econometrics import fwl
from citycarbon.econometrics.resampling_rows import (
    Rows,
    atom_sums,
    codes_of,
    demean,
    explicit_block,
    half_vectorised,
    is_nested,
    ordered,
    refuse,
    starts_of,
    sums,
    whitened,
)
from citycarbon.econometrics.resampling_statistics import Means, Statistics, Work, ratio
from citycarbon.econometrics.twfe import levels_counted

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 512  # draws at a time: the work arrays (features x draws) stay in the second-level cache
NO_VARIATION = 1e-24  # share of an outcome's sum of squares below which what effects and controls leave of it is rounding
PAIRS_LIMIT = 1500  # atoms up to which the table of pairs is built: 1500^2 doubles are 18 MB


@dataclass(frozen=True)
class Design:
    """What is computed once per sample. Arrays over atoms end with one empty atom (id :attr:`empty`), which adds nothing."""

    units: np.ndarray  # labels (U,), sorted
    cluster: np.ndarray  # cluster of each unit (U,), 0..G-1
    first_years: tuple[int, ...]  # F; atom id = position of the unit * F + position of the first year
    outcomes: tuple[str, ...]  # m
    controls: tuple[str, ...]  # kept ones: a full-rank subset given the effects
    n_obs: int
    n_clusters: int
    k_counted: int  # K of the small-sample factor, the treatment included
    nested: bool  # the first effect lies inside the clusters and does not count in K
    c: np.ndarray  # (A + 1, q)
    kappa: np.ndarray  # (A + 1,)
    cells: np.ndarray  # treated rows (A + 1,)
    mass: np.ndarray  # weight of the treated rows (A + 1,): the same as cells without weights
    s: np.ndarray  # (m, A + 1)
    h: np.ndarray  # (m, G + 1, q); the last cluster is empty and belongs to the empty atom
    hh: np.ndarray  # half-vectorised H (G + 1, q (q + 1) / 2), off-diagonal elements doubled
    rss: np.ndarray  # r'r (m,)
    tss: np.ndarray  # sum of squares about the mean, with weights (m,): what the effects and controls had to explain
    rows: Rows = field(repr=False)

    @staticmethod
    def build(
        rows: pd.DataFrame,
        outcomes: Sequence[str],
        controls: Sequence[str],
        effects: tuple[str, str],
        first_years: Sequence[int],
        *,
        unit: str = "city_id",
        year: str = "year",
        cluster: str = "city_id",
        weights: str | None = None,
    ) -> Design:
        """The design of one sample. Rows may come in any order.

        ``rows``: one row per unit and year with float columns ``outcomes`` and ``controls``; ``effects``: the columns of the
        two fixed effects, of which the first is ``unit`` or coarser; ``weights``: column of analytic weights.
        Controls that are absorbed or collinear are left out (``controls`` of the result has the kept ones).
        Raises ValueError on no rows, a repeated unit and year, a value that is not finite, a unit in two clusters.
        """
        rows = ordered(rows, unit, year)
        codes = {name: codes_of(rows[name]) for name in dict.fromkeys([unit, cluster, *effects])}
        if any((c < 0).any() for c in codes.values()):
            raise ValueError(f"a row without a value of {', '.join(codes)}")
        refuse(rows, [*outcomes, *controls, *([weights] if weights else [])], codes[unit], codes[cluster], year)
        mass = rows[weights].to_numpy(dtype=float) if weights else None
        two_way = fwl.Effects(codes[effects[0]], codes[effects[1]], mass)
        x = rows[list(controls)].to_numpy(dtype=float).reshape(len(rows), len(controls))
        keep = fwl.identify(x, two_way).keep if controls else []
        own = effects[0] == unit
        nested = own or effects[0] == cluster  # as in twfe: a province of one city still counts
        by_means = own or is_nested(codes[cluster], two_way.first)
        frame = Rows(
            z=np.zeros((len(rows), 0)),
            r=np.zeros((len(rows), 0)),
            root=two_way.root,
            year=rows[year].to_numpy(),
            cluster=codes[cluster],
            starts=starts_of(codes[unit]),
            level=two_way.first if by_means else None,
            own=own,
        )
        frame = replace(frame, z=whitened(explicit_block(two_way, x[:, keep], by_means), frame))
        design = Design(
            units=rows[unit].to_numpy()[frame.starts],
            cluster=frame.cluster[frame.starts],
            first_years=(),
            outcomes=(),
            controls=tuple(controls[j] for j in keep),
            n_obs=len(rows),
            n_clusters=int(frame.cluster.max()) + 1,
            k_counted=1 + len(keep) + levels_counted(two_way, nested),
            nested=nested,
            h=np.zeros((0, int(frame.cluster.max()) + 2, frame.z.shape[1])),
            hh=half_vectorised(frame),
            rss=np.zeros(0),
            tss=np.zeros(0),
            rows=frame,
            **atom_sums(frame, ()),
        )
        years = tuple(int(f) for f in first_years)
        return replace(design, first_years=years).with_outcomes(outcomes, rows[list(outcomes)].to_numpy(dtype=float))

    def with_outcomes(self, names: Sequence[str], values: np.ndarray) -> Design:
        """The same sample and controls with other outcomes: ``values`` (n, m), rows sorted by unit and year."""
        frame = self.rows
        values, mass = np.asarray(values, dtype=float), frame.root[:, None] ** 2
        tss = (mass * (values - (mass * values).sum(axis=0) / mass.sum()) ** 2).sum(axis=0)
        r = demean(values * frame.root[:, None], frame)
        for _ in range(2):  # the second pass removes what rounding left of the first
            r = r - frame.z @ (frame.z.T @ r)
        frame = replace(frame, r=r)
        h = np.zeros((r.shape[1], self.n_clusters + 1, frame.z.shape[1]))
        for i in range(r.shape[1]):
            h[i, :-1] = sums(frame.z * r[:, [i]], frame.cluster)
        atoms = atom_sums(frame, self.first_years)
        return replace(self, outcomes=tuple(names), h=h, rss=(r * r).sum(axis=0), tss=tss, rows=frame, **atoms)

    def on(self, first_years: Sequence[int]) -> Design:
        """The same sample with the atoms of other first years. A first year after the sample gives empty atoms."""
        years = tuple(int(f) for f in first_years)
        return replace(self, first_years=years, **atom_sums(self.rows, years))

    @cached_property
    def last_year(self) -> dict[object, int]:
        """Unit -> its last year in the sample."""
        ends = np.append(self.rows.starts[1:], len(self.rows.year)) - 1
        return dict(zip(self.units, self.rows.year[ends].astype(int).tolist(), strict=True))

    @property
    def empty(self) -> int:
        """Id of the atom without treated rows."""
        return len(self.units) * len(self.first_years)

    @property
    def factor(self) -> float:
        """c = G/(G-1) (N-1)/(N-K). NaN with fewer than two clusters or no degree of freedom left."""
        if self.n_clusters < 2 or self.n_obs <= self.k_counted:
            return float("nan")
        return self.n_clusters / (self.n_clusters - 1) * (self.n_obs - 1) / (self.n_obs - self.k_counted)

    def varies(self, outcome: int = 0) -> bool:
        """Whether effects and controls leave more than rounding of an outcome (its position)."""
        return bool(self.rss[outcome] > NO_VARIATION * self.tss[outcome])

    @property
    def df(self) -> int:
        """Degrees of freedom of clustered t tests: G - 1."""
        return self.n_clusters - 1

    def atoms(self, units: np.ndarray, cohorts: np.ndarray) -> np.ndarray:
        """Ids of the atoms of units (positions in :attr:`units`) and cohorts (positions in :attr:`first_years`)."""
        return np.asarray(units, dtype=np.int32) * len(self.first_years) + np.asarray(cohorts, dtype=np.int32)

    def atom_of(self, unit: object, first_year: int) -> int:
        """Id of one atom by its labels. Raises KeyError where the sample has no such unit or the design no such first year."""
        position = int(np.searchsorted(self.units, unit))
        if position == len(self.units) or self.units[position] != unit or first_year not in self.first_years:
            raise KeyError(f"no atom of unit {unit} and first year {first_year}")
        return position * len(self.first_years) + self.first_years.index(first_year)

    @cached_property
    def _pairs(self) -> np.ndarray:
        """Q (A + 1, A + 1): den of a draw is the sum of Q over its pairs of atoms. Q = diag(kappa) - C C', less n_t n_t' / n_p
        where two atoms share a level p of a coarser first effect."""
        q = np.diag(self.kappa) - self.c @ self.c.T
        if self._means is not None:
            share = np.sqrt(1 / self._means.mass)[self._means.of_atom] * self.mass
            q -= np.equal.outer(self._means.of_atom, self._means.of_atom) * np.outer(share, share)
        return q

    @cached_property
    def _means(self) -> Means | None:
        """What a coarser first effect adds; None where it is the unit itself or stands in Z."""
        frame = self.rows
        if frame.level is None or frame.own:
            return None
        by_cluster = sums(np.column_stack([frame.root, frame.z, frame.r]) * frame.root[:, None], frame.cluster)
        by_cluster = np.vstack([by_cluster, np.zeros(by_cluster.shape[1])])
        q = frame.z.shape[1]
        return Means(
            of_atom=np.append(np.repeat(frame.level[frame.starts], len(self.first_years)), 0),
            of_cluster=np.append(frame.level[np.unique(frame.cluster, return_index=True)[1]], 0),
            mass=sums(frame.root[:, None] ** 2, frame.level)[:, 0],
            cluster_mass=by_cluster[:, :1],
            z=by_cluster[:, 1 : 1 + q],
            r=by_cluster[:, 1 + q :].T[:, :, None],
        )

    def coefficients(self, atoms: np.ndarray, outcome: int = 0, chunk: int = CHUNK) -> np.ndarray:
        """b (draws,) of each column of ``atoms`` (k, draws), without standard errors; NaN where the draw is undefined.

        For few atoms den is summed from the table of pairs: k (k + 1) / 2 look-ups a draw; otherwise as
        sum kappa - |theta|^2.
        """
        k, draws = atoms.shape
        num, den = np.empty(draws), np.empty(draws)
        by_pairs = len(self.kappa) <= PAIRS_LIMIT and k <= 2 * self.c.shape[1] + 1
        for lo in range(0, draws, chunk):
            part = np.ascontiguousarray(atoms[:, lo : lo + chunk], dtype=np.intp)
            num[lo : lo + chunk] = self.s[outcome].take(part).sum(axis=0)
            den[lo : lo + chunk] = self._den_by_pairs(part) if by_pairs else self._theta(part)[1]
        return ratio(num, np.where(self._defined(atoms, den), den, np.nan))

    def _den_by_pairs(self, atoms: np.ndarray) -> np.ndarray:
        size, flat = len(self.kappa), self._pairs.reshape(-1)
        den = np.zeros(atoms.shape[1])
        for j in range(1, len(atoms)):
            den += flat.take(atoms[:j] * size + atoms[j]).sum(axis=0)
        return 2 * den + flat.take(atoms * (size + 1)).sum(axis=0)

    def _theta(self, atoms: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """theta (draws, q), den (draws,) and what theta is the sum of, C of every atom (k, draws, q)."""
        c = self.c.take(atoms, axis=0)
        theta = c.sum(axis=0)
        den = self.kappa.take(atoms).sum(axis=0) - np.einsum("mq,mq->m", theta, theta)
        if self._means is not None:
            den -= self._means.mass @ self._means.shares(atoms, self.mass) ** 2
        return theta, den, c

    def _defined(self, atoms: np.ndarray, den: np.ndarray) -> np.ndarray:
        """Draws whose treatment is not absorbed, by the rule of ``fwl.identify``: what is left against the centred norm."""
        mass = self.mass.take(atoms).sum(axis=0)
        total = float((self.rows.root**2).sum())
        return den > fwl.ABSORBED**2 * np.maximum(mass * (1 - mass / total), 1e-300)

    def statistics(self, atoms: np.ndarray, chunk: int = CHUNK) -> Statistics:
        """Numerators, denominator and products of the scores of every draw: a column of ``atoms`` (k, draws) each.

        The atoms of a column must be of distinct units (the empty atom may repeat). Work arrays are features x draws.
        """
        k, draws = atoms.shape
        m = len(self.outcomes)
        out = Statistics(
            num=np.empty((m, draws)),
            den=np.empty(draws),
            products=np.empty((m, m, draws)),
            cells=self.cells.take(atoms).sum(axis=0),
            treated_units=(self.cells.take(atoms) > 0).sum(axis=0),
            factor=self.factor,
            rss=self.rss,
        )
        work = Work(self, chunk)
        for lo in range(0, draws, chunk):
            part = atoms[:, lo : lo + chunk]
            width = part.shape[1]
            if width < chunk:  # one shape for every product: the last digit does not depend on the number of draws
                part = np.concatenate([part, np.full((k, chunk - width), self.empty, dtype=part.dtype)], axis=1)
            num, den, products = work.run(np.ascontiguousarray(part, dtype=np.intp))
            out.num[:, lo : lo + width] = num[:, :width]
            out.den[lo : lo + width] = den[:width]
            out.products[:, :, lo : lo + width] = products[:, :, :width]
        out.den[~self._defined(atoms, out.den)] = np.nan
        return out

    def scores(self, atoms: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """num (m, draws), den (draws,) with NaN where undefined, and the scores (m, G, draws) of at most CHUNK draws.

        For designs that share clusters, whose scores must be added cluster by cluster before they are squared.
        """
        k, draws = atoms.shape
        part = np.concatenate([atoms, np.full((k, CHUNK - draws), self.empty, dtype=atoms.dtype)], axis=1)
        work = Work(self, CHUNK)
        num, den, _ = work.run(np.ascontiguousarray(part, dtype=np.intp))
        den = np.where(self._defined(atoms, den[:draws]), den[:draws], np.nan)
        return num[:, :draws], den, -work.scores[:, : self.n_clusters, :draws]
