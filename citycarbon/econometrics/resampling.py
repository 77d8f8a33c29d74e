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
from citycarbon.econometrics.twfe import levels_counted

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 512  # draws at a time: the work arrays (features x draws) stay in the second-level cache
PAIRS_LIMIT = 1500  # atoms up to which the table of pairs is built: 1500^2 doubles are 18 MB
_BY_DRAW = ("num", "den", "products", "cells", "treated_units")
EXACT_ZERO = 1e-22  # a sum of squared scores below this share of its upper bound den * r'r is rounding


@dataclass(frozen=True)
class Rows:
    """The sample by rows, sorted by unit and year, kept to make atoms of other first years or take other outcomes.

    Z (n, q), r (n, m), root weights (n,), years (n,), clusters (n,), first row of each unit (U,), levels (n,) of the first
    effect where its means are removed.
    """

    z: np.ndarray
    r: np.ndarray
    root: np.ndarray
    year: np.ndarray
    cluster: np.ndarray
    starts: np.ndarray
    level: np.ndarray | None
    own: bool  # the first effect is the unit itself


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
        rows = _ordered(rows, unit, year)
        codes = {name: _codes(rows[name]) for name in {unit, cluster, *effects}}
        _refuse(rows, [*outcomes, *controls, *([weights] if weights else [])], codes[unit], codes[cluster], year)
        mass = rows[weights].to_numpy(dtype=float) if weights else None
        two_way = fwl.Effects(codes[effects[0]], codes[effects[1]], mass)
        x = rows[list(controls)].to_numpy(dtype=float).reshape(len(rows), len(controls))
        keep = fwl.identify(x, two_way).keep if controls else []
        nested = _nested(two_way.first, codes[cluster])
        own = effects[0] == unit
        by_means = own or _nested(codes[cluster], two_way.first)
        frame = Rows(
            z=np.zeros((len(rows), 0)),
            r=np.zeros((len(rows), 0)),
            root=two_way.root,
            year=rows[year].to_numpy(),
            cluster=codes[cluster],
            starts=_starts(codes[unit]),
            level=two_way.first if by_means else None,
            own=own,
        )
        frame = replace(frame, z=_whitened(_explicit_block(two_way, x[:, keep], by_means), frame))
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
            hh=_half_vectorised(frame),
            rss=np.zeros(0),
            rows=frame,
            **_atoms(frame, ()),
        )
        years = tuple(int(f) for f in first_years)
        return replace(design, first_years=years).with_outcomes(outcomes, rows[list(outcomes)].to_numpy(dtype=float))

    def with_outcomes(self, names: Sequence[str], values: np.ndarray) -> Design:
        """The same sample and controls with other outcomes: ``values`` (n, m), rows sorted by unit and year."""
        frame = self.rows
        r = _demean(np.asarray(values, dtype=float) * frame.root[:, None], frame)
        for _ in range(2):  # the second pass removes what rounding left of the first
            r = r - frame.z @ (frame.z.T @ r)
        frame = replace(frame, r=r)
        h = np.zeros((r.shape[1], self.n_clusters + 1, frame.z.shape[1]))
        for i in range(r.shape[1]):
            h[i, :-1] = _sums(frame.z * r[:, [i]], frame.cluster)
        atoms = _atoms(frame, self.first_years)
        return replace(self, outcomes=tuple(names), h=h, rss=(r * r).sum(axis=0), rows=frame, **atoms)

    def on(self, first_years: Sequence[int]) -> Design:
        """The same sample with the atoms of other first years. A first year after the sample gives empty atoms."""
        years = tuple(int(f) for f in first_years)
        return replace(self, first_years=years, **_atoms(self.rows, years))

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
    def _means(self) -> _Means | None:
        """What a coarser first effect adds; None where it is the unit itself or stands in Z."""
        frame = self.rows
        if frame.level is None or frame.own:
            return None
        sums = _sums(np.column_stack([frame.root, frame.z, frame.r]) * frame.root[:, None], frame.cluster)
        sums = np.vstack([sums, np.zeros(sums.shape[1])])
        q = frame.z.shape[1]
        return _Means(
            of_atom=np.append(np.repeat(frame.level[frame.starts], len(self.first_years)), 0),
            of_cluster=np.append(frame.level[np.unique(frame.cluster, return_index=True)[1]], 0),
            mass=_sums(frame.root[:, None] ** 2, frame.level)[:, 0],
            cluster_mass=sums[:, :1],
            z=sums[:, 1 : 1 + q],
            r=sums[:, 1 + q :].T[:, :, None],
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
        return _ratio(num, np.where(self._defined(atoms, den), den, np.nan))

    def _den_by_pairs(self, atoms: np.ndarray) -> np.ndarray:
        size, flat = len(self.kappa), self._pairs.reshape(-1)
        den = np.zeros(atoms.shape[1])
        for j in range(1, len(atoms)):
            den += flat.take(atoms[:j] * size + atoms[j]).sum(axis=0)
        return 2 * den + flat.take(atoms * (size + 1)).sum(axis=0)

    def _theta(self, atoms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """theta (draws, q) and den (draws,)."""
        theta = self.c.take(atoms[0], axis=0) if len(atoms) else np.zeros((atoms.shape[1], self.c.shape[1]))
        for row in atoms[1:]:
            theta += self.c.take(row, axis=0)
        den = self.kappa.take(atoms).sum(axis=0) - np.einsum("mq,mq->m", theta, theta)
        if self._means is not None:
            den -= self._means.mass @ self._means.shares(atoms, self.mass) ** 2
        return theta, den

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
        work = _Work(self, chunk)
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
        work = _Work(self, CHUNK)
        num, den, _ = work.run(np.ascontiguousarray(part, dtype=np.intp))
        den = np.where(self._defined(atoms, den[:draws]), den[:draws], np.nan)
        return num[:, :draws], den, -work.scores[:, : self.n_clusters, :draws]


@dataclass(frozen=True)
class Statistics:
    """Of every draw: num (m, draws), den (draws,) with NaN where undefined, and P_ij = sum_g s_gi s_gj (m, m, draws).

    For an outcome y = sum_i a_i y_i: b = a'num / den and t = a'num / sqrt(c a'P a).
    """

    num: np.ndarray
    den: np.ndarray
    products: np.ndarray
    cells: np.ndarray  # treated rows (draws,)
    treated_units: np.ndarray  # units with a treated row (draws,)
    factor: float
    rss: np.ndarray

    @staticmethod
    def concatenate(parts: Sequence[Statistics]) -> Statistics:
        """The draws of several calls, in order."""
        along = {name: np.concatenate([getattr(p, name) for p in parts], axis=-1) for name in _BY_DRAW}
        return replace(parts[0], **along)

    def beta(self, weights: Sequence[float] | None = None) -> np.ndarray:
        """Coefficients (draws,) of the combination ``weights`` (m,) of the outcomes; of the first outcome without weights."""
        return _ratio(self._numerator(weights), self.den)

    def meat(self, weights: Sequence[float] | None = None) -> np.ndarray:
        """sum_g s_g^2 (draws,); zero where it is only rounding."""
        a = self._weights(weights)
        meat = np.einsum("i,ijd,j->d", a, self.products, a)
        bound = self.den * float(a**2 @ self.rss)
        return np.where(meat > EXACT_ZERO * bound, meat, 0.0)

    def t(self, weights: Sequence[float] | None = None) -> np.ndarray:
        """Clustered t statistics (draws,); NaN where the draw is undefined or its standard error is zero."""
        root = np.sqrt(self.factor * self.meat(weights))
        return _ratio(self._numerator(weights), np.where(np.isfinite(self.den), root, np.nan))

    def std_error(self, weights: Sequence[float] | None = None) -> np.ndarray:
        """CRV1 standard errors (draws,)."""
        return np.sqrt(self.factor * self.meat(weights)) / self.den

    def _weights(self, weights: Sequence[float] | None) -> np.ndarray:
        return np.eye(len(self.num))[0] if weights is None else np.asarray(weights, dtype=float)

    def _numerator(self, weights: Sequence[float] | None) -> np.ndarray:
        return self._weights(weights) @ self.num


@dataclass(frozen=True)
class _Means:
    """A coarser first effect: levels of atoms (A + 1,) and clusters (G + 1,), n_p (L,), and of each cluster n_g (G + 1, 1),
    z_g (G + 1, q) and r_g'1 (m, G + 1, 1)."""

    of_atom: np.ndarray
    of_cluster: np.ndarray
    mass: np.ndarray
    cluster_mass: np.ndarray
    z: np.ndarray
    r: np.ndarray

    def shares(self, atoms: np.ndarray, mass: np.ndarray) -> np.ndarray:
        """Treated share m_p of every level (L, draws)."""
        out = np.zeros((len(self.mass), atoms.shape[1]))
        draw = np.arange(atoms.shape[1])
        for row in atoms:  # the atoms of a draw may share a level
            out[self.of_atom.take(row), draw] += mass.take(row)
        return out / self.mass[:, None]


class _Work:
    """Buffers of one chunk and the matrix products that fill them."""

    def __init__(self, design: Design, chunk: int) -> None:
        m, groups, q = design.h.shape
        self.design, self.chunk = design, chunk
        self.h = design.h.reshape(m * groups, q)
        self.cluster = np.append(np.repeat(design.cluster, len(design.first_years)), groups - 1)
        self.one_unit_each = len(design.units) == design.n_clusters
        self.theta = np.empty((q, chunk))
        self.phi = np.empty((design.hh.shape[1], chunk))
        self.w = np.empty((groups, chunk))
        self.scores = np.empty((m, groups, chunk))
        self.spare = np.empty((groups, chunk))

    def run(self, atoms: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """num (m, chunk), den (chunk,), products (m, m, chunk) of ``atoms`` (k, chunk)."""
        design = self.design
        theta, den = design._theta(atoms)
        num = design.s.take(atoms, axis=1).sum(axis=1)
        beta = _ratio(num, np.where(den > 0, den, np.nan))
        self._untreated(theta)
        own = design.kappa.take(atoms)
        for at, row in zip(own, atoms, strict=True):
            at -= 2 * np.einsum("mq,mq->m", design.c.take(row, axis=0), theta)
        if design._means is not None:
            self._add_means(atoms, own)
        for i, scores in enumerate(self.scores):
            np.multiply(self.w, beta[i], out=self.spare)
            np.add(scores, self.spare, out=scores)
            self._subtract_own(scores, atoms, design.s[i].take(atoms) - beta[i] * own)
        products = np.empty((len(num), len(num), self.chunk))
        for i in range(len(num)):
            for j in range(i + 1):
                products[i, j] = products[j, i] = np.einsum("gm,gm->m", self.scores[i], self.scores[j])
        return num, den, products

    def _untreated(self, theta: np.ndarray) -> None:
        """w = theta'H_g theta and scores = theta'h_g, as if no unit of any cluster were treated.

        theta'H_g theta is the half-vectorised H times the products theta_i theta_j, i <= j.
        """
        self.theta[:] = theta.T
        at, q = 0, len(self.theta)
        for i in range(q):
            np.multiply(self.theta[i], self.theta[i:], out=self.phi[at : at + q - i])
            at += q - i
        np.matmul(self.design.hh, self.phi, out=self.w)
        np.matmul(self.h, self.theta, out=self.scores.reshape(len(self.h), self.chunk))

    def _add_means(self, atoms: np.ndarray, own: np.ndarray) -> None:
        """What a coarser first effect adds to w, to the scores and to the part of the treated rows (``own``)."""
        means = self.design._means
        shares = means.shares(atoms, self.design.mass)
        own -= 2 * self.design.mass.take(atoms) * shares[means.of_atom.take(atoms), np.arange(self.chunk)]
        share = shares.take(means.of_cluster, axis=0)
        self.w += share * (means.cluster_mass * share + 2 * (means.z @ self.theta))
        self.scores += means.r * share

    def _subtract_own(self, scores: np.ndarray, atoms: np.ndarray, own: np.ndarray) -> None:
        """Take the part of the treated rows off in the clusters of the drawn atoms: what is left is -s_g."""
        where = self.cluster.take(atoms) * self.chunk + np.arange(self.chunk)
        flat = scores.reshape(-1)
        if self.one_unit_each:
            flat[where] -= own
        else:  # two atoms of a draw may share a cluster
            for at, value in zip(where, own, strict=True):
                flat[at] -= value


def _ordered(rows: pd.DataFrame, unit: str, year: str) -> pd.DataFrame:
    if not len(rows):
        raise ValueError("no rows to build a design on")
    return rows.iloc[np.lexsort((rows[year].to_numpy(), _codes(rows[unit])))]


def _codes(values: pd.Series) -> np.ndarray:
    """Integer codes 0.. of the sorted levels."""
    import pandas as pd

    return pd.factorize(values, sort=True)[0]


def _starts(codes: np.ndarray) -> np.ndarray:
    """Where each run of equal codes begins."""
    return np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])


def _refuse(rows: pd.DataFrame, numbers: list[str], unit: np.ndarray, cluster: np.ndarray, year: str) -> None:
    again = (np.diff(unit) == 0) & (np.diff(rows[year].to_numpy()) == 0)
    if again.any():
        raise ValueError("the sample has more than one row for a unit and year")
    bad = [name for name in dict.fromkeys(numbers) if not np.isfinite(rows[name].to_numpy(dtype=float)).all()]
    if bad:
        raise ValueError(f"values that are not finite in {', '.join(bad)}")
    if not _nested(unit, cluster):
        raise ValueError("a unit lies in more than one cluster")


def _nested(first: np.ndarray, groups: np.ndarray) -> bool:
    """Whether every level of an effect lies in one cluster."""
    return first is groups or len(np.unique(first)) == len(np.unique(first * (int(groups.max()) + 1) + groups))


def _explicit_block(effects: fwl.Effects, controls: np.ndarray, by_means: bool) -> np.ndarray:
    """The columns beside the treatment that no means remove; controls centred and scaled, for the digits only."""
    centred = controls - controls.mean(axis=0)
    spread = centred.std(axis=0)
    blocks = [effects.second_dummies(), centred / np.where(spread > 0, spread, 1.0)]
    if not by_means:
        blocks = [np.ones((len(controls), 1)), effects.first_dummies(), *blocks]
    return np.column_stack(blocks)


def _sums(matrix: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Sums of the rows of ``matrix`` (n, k) by code (levels, k)."""
    order = np.argsort(codes, kind="stable")
    return np.add.reduceat(matrix[order], _starts(codes[order]), axis=0)


def _demean(matrix: np.ndarray, rows: Rows) -> np.ndarray:
    """The columns of ``matrix`` (n, k), which carry the root weights, net of the means of the first effect."""
    if rows.level is None:
        return matrix
    means = _sums(matrix * rows.root[:, None], rows.level) / _sums(rows.root[:, None] ** 2, rows.level)
    return matrix - rows.root[:, None] * means[rows.level]


def _whitened(block: np.ndarray, rows: Rows) -> np.ndarray:
    """An orthonormal basis (n, q) of the explicit block net of the means of the first effect."""
    basis = np.linalg.qr(_demean(block * rows.root[:, None], rows))[0]
    # Once more: the means that rounding left are removed, and the basis is orthonormal to the last digit.
    basis = _demean(basis, rows)
    return basis @ np.linalg.inv(np.linalg.cholesky(basis.T @ basis)).T


def _half_vectorised(rows: Rows) -> np.ndarray:
    """H_g = Z_g'Z_g by cluster, half-vectorised (G + 1, q (q + 1) / 2), off-diagonal elements doubled; the last is empty."""
    q, sizes = rows.z.shape[1], np.bincount(rows.cluster)
    order = np.argsort(rows.cluster, kind="stable")
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    padded = np.zeros((len(sizes) + 1, int(sizes.max()), q))
    padded[rows.cluster[order], place] = rows.z[order]
    upper = np.triu_indices(q)
    twice = np.where(upper[0] == upper[1], 1.0, 2.0)
    return np.matmul(padded.transpose(0, 2, 1), padded)[:, upper[0], upper[1]] * twice


def _atoms(rows: Rows, first_years: tuple[int, ...]) -> dict[str, np.ndarray]:
    """c, kappa, cells, mass and s of all (unit, first year), the empty atom last."""
    units, count = len(rows.starts), len(first_years)
    q, m = rows.z.shape[1], rows.r.shape[1]
    c, s = np.zeros((units, count, q)), np.zeros((m, units, count))
    cells, mass = np.zeros((units, count), dtype=int), np.zeros((units, count))
    for f, first in enumerate(first_years):
        d = rows.root * (rows.year >= first)
        c[:, f] = np.add.reduceat(rows.z * d[:, None], rows.starts, axis=0)
        s[:, :, f] = np.add.reduceat(rows.r * d[:, None], rows.starts, axis=0).T
        cells[:, f] = np.add.reduceat((rows.year >= first).astype(int), rows.starts)
        mass[:, f] = np.add.reduceat(rows.root * d, rows.starts)
    kappa = mass.copy()
    if rows.own:
        kappa -= mass**2 / np.add.reduceat(rows.root**2, rows.starts)[:, None]
    end = units * count
    return {
        "c": np.concatenate([c.reshape(end, q), np.zeros((1, q))]),
        "kappa": np.append(kappa.reshape(end), 0.0),
        "cells": np.append(cells.reshape(end), 0),
        "mass": np.append(mass.reshape(end), 0.0),
        "s": np.concatenate([s.reshape(m, end), np.zeros((m, 1))], axis=1),
    }


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Quotient with NaN where the denominator is zero or NaN."""
    usable = np.isfinite(denominator) & (denominator != 0)
    return np.where(usable, numerator / np.where(usable, denominator, 1.0), np.nan)
