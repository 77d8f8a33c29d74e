"""Two-way fixed effects by hand: exact projection, identification of terms, and an explicit-dummy oracle. numpy only.

Used to decide which terms a column can estimate, for the R2 definitions, for what a planted effect projects to, and as the
independent reference of the estimator of record. Formulas: Frisch-Waugh-Lovell; CRV1 as in Cameron and Miller (2015).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

# A term with less than this share of its norm left after projection is not estimable. Slightly above the 1e-5 at which PanelOLS
# calls a variable absorbed, so that PanelOLS is never handed a variable that it would refuse.
ABSORBED = 1.1e-5
WIDE = 20  # columns from which ``identify`` judges the triangle of a QR instead of all rows: many least squares, each small


def codes(values: object) -> np.ndarray:
    """Integer codes 0.. of the sorted levels of ``values`` (n,)."""
    return np.unique(np.asarray(values), return_inverse=True)[1].reshape(-1)


def dummies(levels: np.ndarray) -> np.ndarray:
    """Indicator matrix (n, number of levels) of integer codes."""
    return (levels[:, None] == np.arange(levels.max() + 1)[None, :]).astype(float)


def components(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Connected component (levels of ``second``,) of the graph that links levels of ``first`` and ``second`` seen together."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n_first, n_second = int(first.max()) + 1, int(second.max()) + 1
    links = coo_array((np.ones(len(first)), (first, n_first + second)), shape=(n_first + n_second,) * 2)
    return connected_components(links, directed=False)[1][n_first:]


@dataclass(frozen=True)
class Effects:
    """Two sets of fixed effects as integer codes (n,), with a full-rank basis of their span.

    The basis is: all levels of ``first``, and the levels of ``second`` but one (the base) in every connected component.
    ``weights``: positive analytic weights (n,); means and projections are then weighted ones.
    """

    first: np.ndarray
    second: np.ndarray
    weights: np.ndarray | None = None
    base: np.ndarray = field(init=False)
    _q: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        groups = components(self.first, self.second)
        base = np.array([int(np.flatnonzero(groups == c)[0]) for c in range(groups.max() + 1)])
        object.__setattr__(self, "base", base)
        q = np.linalg.qr(self._demean(self.second_dummies()) * self.root[:, None])[0]
        object.__setattr__(self, "_q", q)

    @property
    def root(self) -> np.ndarray:
        """Square roots of the weights (n,), ones without weights: times ``root``, weighted least squares become plain ones."""
        return np.ones(len(self.first)) if self.weights is None else np.sqrt(self.weights)

    def mean(self, matrix: np.ndarray) -> np.ndarray:
        """Mean of each column of ``matrix`` (n, k), weighted where there are weights."""
        return matrix.mean(axis=0) if self.weights is None else self.weights @ matrix / self.weights.sum()

    @property
    def n_components(self) -> int:
        return len(self.base)

    @property
    def n_parameters(self) -> int:
        """Free parameters of both sets together, the constant included."""
        return int(self.first.max()) + 1 + int(self.second.max()) + 1 - self.n_components

    def second_dummies(self) -> np.ndarray:
        """Indicators of the levels of ``second`` without the base levels, centred at their mean (n, T - components)."""
        kept = np.delete(dummies(self.second), self.base, axis=1)
        return kept - self.mean(kept)

    def first_dummies(self) -> np.ndarray:
        """Indicators of the levels of ``first`` without the first one, centred at their mean (n, levels - 1)."""
        kept = dummies(self.first)[:, 1:]
        return kept - self.mean(kept)

    def _demean(self, matrix: np.ndarray) -> np.ndarray:
        sums = np.zeros((int(self.first.max()) + 1, matrix.shape[1]))
        np.add.at(sums, self.first, matrix if self.weights is None else matrix * self.weights[:, None])
        return matrix - (sums / np.bincount(self.first, weights=self.weights)[:, None])[self.first]

    def residualise(self, matrix: np.ndarray) -> np.ndarray:
        """What is left of the columns of ``matrix`` (n, k) after projection on both sets of effects: exact, no iteration."""
        root = self.root[:, None]
        out = self._demean(matrix)
        for _ in range(2):  # the second pass removes what rounding left of the first
            out = self._demean(out - self._q @ (self._q.T @ (out * root)) / root)
        return out


@dataclass(frozen=True)
class Identified:
    """Which columns of a regressor matrix have a coefficient of their own, and why the others have none."""

    keep: list[int]  # a full-rank subset to fit with
    absorbed: list[int]  # constant once the effects are removed
    collinear: dict[int, list[int]]  # column -> the columns it cannot be told apart from


def identify(x: np.ndarray, effects: Effects) -> Identified:
    """Judge each column of ``x`` (n, k) by what is left of it given the effects and all other columns.

    A coefficient is identified if and only if its column is outside the span of everything else, so the verdict does not depend
    on the order of the columns: of two equal controls neither is identified, while a package would print whichever comes first.
    """
    centred, root = x - effects.mean(x), effects.root[:, None]
    left = effects.residualise(centred) * root
    floor = 1e-13 * np.linalg.norm(x, axis=0)  # a constant, centred, leaves rounding only
    if left.shape[1] > WIDE and len(left) > left.shape[1]:  # R has the norms and the linear relations of what is left
        left = np.linalg.qr(left, mode="r")
    return judge(left, np.linalg.norm(centred * root, axis=0), floor)


def judge(left: np.ndarray, size: np.ndarray, floor: np.ndarray, tolerance: float = ABSORBED) -> Identified:
    """The rule of :func:`identify` on what is left of the columns, ``left`` (any number of rows, k).

    ``size`` (k,): their centred norms before; ``floor`` (k,): norms that are rounding only; ``tolerance``: share of its norm
    up to which a column counts as a combination of others (larger where ``left`` is known less exactly).
    """
    norms = np.linalg.norm(left, axis=0)
    rcond = 1e-9 if tolerance == ABSORBED else tolerance  # directions that are noise only take no part
    absorbed = [j for j in range(len(size)) if norms[j] <= ABSORBED * size[j] or size[j] <= floor[j]]
    rest = [j for j in range(len(size)) if j not in absorbed]
    unit = left / np.where(norms > 0, norms, 1.0)
    collinear = {}
    for j in rest:
        others = [i for i in rest if i != j]
        if not others:
            continue
        weights = np.linalg.lstsq(unit[:, others], unit[:, j], rcond=rcond)[0]
        if np.linalg.norm(unit[:, j] - unit[:, others] @ weights) <= tolerance:
            collinear[j] = [i for i, w in zip(others, weights, strict=True) if abs(w) > 1e-6]
    return Identified(_full_rank(unit, rest, tolerance), absorbed, collinear)


def _full_rank(unit: np.ndarray, columns: list[int], tolerance: float) -> list[int]:
    keep: list[int] = []
    for j in columns:
        basis = np.linalg.qr(unit[:, keep])[0] if keep else np.zeros((len(unit), 0))
        if np.linalg.norm(unit[:, j] - basis @ (basis.T @ unit[:, j])) > tolerance:
            keep.append(j)
    return keep


@dataclass(frozen=True)
class OlsFit:
    """Least squares with CRV1: coefficients (k,), covariance (k, k), residuals (n,), parameters counted K, clusters G."""

    params: np.ndarray
    cov: np.ndarray
    resid: np.ndarray
    k_counted: int
    n_clusters: int


def crv1(x: np.ndarray, resid: np.ndarray, clusters: np.ndarray, k_counted: int) -> np.ndarray:
    """A (sum_g s_g s_g') A * G/(G-1) * (N-1)/(N-K), A = (x'x)^-1, s_g = x_g'e_g: the small-sample factor of Stata's reghdfe."""
    n, groups = len(resid), int(clusters.max()) + 1
    scores = np.zeros((groups, x.shape[1]))
    np.add.at(scores, clusters, x * resid[:, None])
    bread = np.linalg.inv(x.T @ x)
    return bread @ (scores.T @ scores) @ bread * (groups / (groups - 1)) * ((n - 1) / (n - k_counted))


def absorbed_fit(y: np.ndarray, x: np.ndarray, effects: Effects, clusters: np.ndarray, k_counted: int) -> OlsFit:
    """Slopes of y (n,) on x (n, k) with both effects projected out. ``x`` must have full rank given the effects.

    Residuals carry the root weights where the effects have weights.
    """
    left = effects.residualise(np.column_stack([y, x])) * effects.root[:, None]
    params = np.linalg.lstsq(left[:, 1:], left[:, 0], rcond=None)[0]
    resid = left[:, 0] - left[:, 1:] @ params
    return OlsFit(params, crv1(left[:, 1:], resid, clusters, k_counted), resid, k_counted, int(clusters.max()) + 1)


def dummy_fit(y: np.ndarray, x: np.ndarray, effects: Effects, clusters: np.ndarray, k_counted: int) -> OlsFit:
    """The oracle: one regression on constant, x and centred dummies of both effects. params[0] is the grand-mean _cons.

    With weights, weighted least squares; residuals carry the root weights.
    """
    design = np.column_stack([np.ones(len(y)), x, effects.first_dummies(), effects.second_dummies()])
    design, y = design * effects.root[:, None], y * effects.root
    params = np.linalg.lstsq(design, y, rcond=None)[0]
    resid = y - design @ params
    cov = crv1(design, resid, clusters, k_counted)
    return OlsFit(params[: 1 + x.shape[1]], cov[: 1 + x.shape[1], : 1 + x.shape[1]], resid, k_counted, int(clusters.max()) + 1)


def project(effect: np.ndarray, x: np.ndarray, effects: Effects) -> np.ndarray:
    """Coefficients (k,) of the regression of a known cell effect (n,) on x given the effects: the estimand of a column."""
    return absorbed_fit(effect, x, effects, np.arange(len(effect)), 0).params
