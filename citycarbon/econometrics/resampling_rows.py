"""What the resampling engine computes once from the rows of a sample: the projected block Z, and sums by cluster and atom.

Formulas: the docstring of ``resampling``. Nothing here knows a draw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from citycarbon.econometrics import fwl

if TYPE_CHECKING:
    import pandas as pd


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


def ordered(rows: pd.DataFrame, unit: str, year: str) -> pd.DataFrame:
    """Rows sorted by unit and year. Raises ValueError where there are none."""
    if not len(rows):
        raise ValueError("no rows to build a design on")
    return rows.iloc[np.lexsort((rows[year].to_numpy(), codes_of(rows[unit])))]


def codes_of(values: pd.Series) -> np.ndarray:
    """Integer codes 0.. of the sorted levels."""
    import pandas as pd

    return pd.factorize(values, sort=True)[0]


def starts_of(codes: np.ndarray) -> np.ndarray:
    """Where each run of equal codes begins."""
    return np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])


def refuse(rows: pd.DataFrame, numbers: list[str], unit: np.ndarray, cluster: np.ndarray, year: str) -> None:
    """Raises ValueError where sorted rows are no sample: a unit and year twice, a number that is not finite, a unit in two
    clusters. ``unit`` and ``cluster``: codes (n,)."""
    again = (np.diff(unit) == 0) & (np.diff(rows[year].to_numpy()) == 0)
    if again.any():
        raise ValueError("the sample has more than one row for a unit and year")
    bad = [name for name in dict.fromkeys(numbers) if not np.isfinite(rows[name].to_numpy(dtype=float)).all()]
    if bad:
        raise ValueError(f"values that are not finite in {', '.join(bad)}")
    if not is_nested(unit, cluster):
        raise ValueError("a unit lies in more than one cluster")


def is_nested(first: np.ndarray, groups: np.ndarray) -> bool:
    """Whether every level of an effect lies in one cluster."""
    return first is groups or len(np.unique(first)) == len(np.unique(first * (int(groups.max()) + 1) + groups))


def explicit_block(effects: fwl.Effects, controls: np.ndarray, by_means: bool) -> np.ndarray:
    """The columns beside the treatment that no means remove; controls centred and scaled, for the digits only."""
    centred = controls - controls.mean(axis=0)
    spread = centred.std(axis=0)
    blocks = [effects.second_dummies(), centred / np.where(spread > 0, spread, 1.0)]
    if not by_means:
        blocks = [np.ones((len(controls), 1)), effects.first_dummies(), *blocks]
    return np.column_stack(blocks)


def sums(matrix: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Sums of the rows of ``matrix`` (n, k) by code (levels, k)."""
    order = np.argsort(codes, kind="stable")
    return np.add.reduceat(matrix[order], starts_of(codes[order]), axis=0)


def demean(matrix: np.ndarray, rows: Rows) -> np.ndarray:
    """The columns of ``matrix`` (n, k), which carry the root weights, net of the means of the first effect."""
    if rows.level is None:
        return matrix
    means = sums(matrix * rows.root[:, None], rows.level) / sums(rows.root[:, None] ** 2, rows.level)
    return matrix - rows.root[:, None] * means[rows.level]


def whitened(block: np.ndarray, rows: Rows) -> np.ndarray:
    """An orthonormal basis (n, q) of the explicit block net of the means of the first effect."""
    basis = np.linalg.qr(demean(block * rows.root[:, None], rows))[0]
    # Once more: the means that rounding left are removed, and the basis is orthonormal to the last digit.
    basis = demean(basis, rows)
    return basis @ np.linalg.inv(np.linalg.cholesky(basis.T @ basis)).T


def half_vectorised(rows: Rows) -> np.ndarray:
    """H_g = Z_g'Z_g by cluster, half-vectorised (G + 1, q (q + 1) / 2), off-diagonal elements doubled; the last is empty."""
    q, sizes = rows.z.shape[1], np.bincount(rows.cluster)
    order = np.argsort(rows.cluster, kind="stable")
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    padded = np.zeros((len(sizes) + 1, int(sizes.max()), q))
    padded[rows.cluster[order], place] = rows.z[order]
    upper = np.triu_indices(q)
    twice = np.where(upper[0] == upper[1], 1.0, 2.0)
    return np.matmul(padded.transpose(0, 2, 1), padded)[:, upper[0], upper[1]] * twice


def atom_sums(rows: Rows, first_years: tuple[int, ...]) -> dict[str, np.ndarray]:
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
