"""Verifies a release by itself: every hash, the id from its ingredients, and every coefficient from the release's own panel.

Needs nothing but the release's folder and this project. What cannot be estimated again is listed, never passed over.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from citycarbon.errors import UsageError, VerifyMismatch
from citycarbon.release import manifest
from citycarbon.release.identity import Identity
from citycarbon.release.inputs import IDENTITY_FIELDS

if TYPE_CHECKING:
    import pandas as pd

# Two exact solvers differ by about 1e-13 of a standard error; what a reader could see printed differs by far more.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Mismatch:
    """One difference: ``where`` is a file of the release, or a coefficient and its column (``table2:2:did estimate``)."""

    kind: str  # file, id, coefficient
    where: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.where}: found {self.found}; expected {self.expected}"


@dataclass
class VerifyReport:
    """What was recomputed and what differs."""

    release: str
    path: Path
    files: int = 0
    reestimated: list[str] = field(default_factory=list)  # table2:2:did estimate ...
    not_reestimated: list[tuple[str, str]] = field(default_factory=list)  # the same, and why not
    mismatches: list[Mismatch] = field(default_factory=list)
    largest_difference: float = 0.0  # over what was re-estimated, relative to the larger of value and standard error

    @property
    def ok(self) -> bool:
        return not self.mismatches

    def to_text(self) -> str:
        lines = [f"release {self.release}: {'verified' if self.ok else f'{len(self.mismatches)} MISMATCHES'}"]
        lines += [f"  MISMATCH {m}" for m in self.mismatches]
        lines.append(f"  {self.files} files hashed")
        lines.append(
            f"  {len(self.reestimated)} numbers re-estimated, largest relative difference {self.largest_difference:.1e}"
        )
        lines += [f"  not re-estimated: {name} ({why})" for name, why in self.not_reestimated]
        return "\n".join(lines) + "\n"


def verify(path: Path) -> VerifyReport:
    """Verify the release in ``path``. Raises VerifyMismatch (exit 4) with file or coefficient, found and expected.

    The report stands in the error's ``report`` too. Raises UsageError where ``path`` is no release.
    """
    report = inspect_release(path)
    if not report.ok:
        error = VerifyMismatch(report.to_text().rstrip())
        error.report = report  # type: ignore[attr-defined]
        raise error
    return report


def inspect_release(path: Path) -> VerifyReport:
    """The same without raising for a difference."""
    path = Path(path)
    if not (path / manifest.NAME).is_file():
        raise UsageError(f"verify: {path.name} holds no {manifest.NAME}; expected a release's folder, as in releases/<id>.")
    path = path.resolve()
    body = _read(path)
    report = VerifyReport(release=str(body.get("id")), path=path)
    report.mismatches += _files(path, body, report)
    report.mismatches += _id(path, body)
    _coefficients(path, body, report)
    return report


def _read(path: Path) -> dict[str, Any]:
    import json

    try:
        body = manifest.read_manifest(path)
    except (json.JSONDecodeError, UnicodeDecodeError) as err:
        raise VerifyMismatch(
            f"{manifest.NAME}: found text that is not JSON ({err}); expected the manifest of a release"
        ) from None
    missing = sorted({"id", "study", "inputs", "identity", "files"} - body.keys())
    if missing:
        raise VerifyMismatch(f"{manifest.NAME}: found no {', '.join(missing)}; expected the manifest of a release")
    return body


# --- hashes ------------------------------------------------------------------------------------------------------------------


def _files(path: Path, body: dict[str, Any], report: VerifyReport) -> Iterator[Mismatch]:
    listed, present = body["files"], manifest.file_table(path)
    report.files = len(present)
    for name in sorted(listed.keys() | present.keys()):
        if name not in present:
            yield Mismatch("file", name, "no file", f"sha256 {listed[name]['sha256']}")
        elif name not in listed:
            yield Mismatch("file", name, "a file that the manifest does not list", "no such file")
        elif present[name]["sha256"] != listed[name]["sha256"]:
            yield Mismatch("file", name, f"sha256 {present[name]['sha256']}", f"sha256 {listed[name]['sha256']}")


def _id(path: Path, body: dict[str, Any]) -> Iterator[Mismatch]:
    """The id must follow from the ingredients that the manifest states, and name the folder."""
    recomputed = identity_of(body).id
    if recomputed != body["id"]:
        yield Mismatch("id", f"{manifest.NAME}: id", body["id"], f"{recomputed}, which follows from the inputs it lists")
    if path.name != body["id"] and not path.name.startswith("."):
        yield Mismatch("id", "folder", path.name, body["id"])


def identity_of(body: dict[str, Any]) -> Identity:
    """The identity that a manifest states: its ingredients and the files it lists as inputs."""
    inputs = [{k: given.get(k, "") for k in IDENTITY_FIELDS} for given in body["inputs"]]
    return Identity(**{**body["identity"], "inputs": inputs})


# --- coefficients ------------------------------------------------------------------------------------------------------------


def _coefficients(path: Path, body: dict[str, Any], report: VerifyReport) -> None:
    """Estimate every coefficient again (slopes by pyfixest, ``_cons`` by its identity) and recompute what follows from it."""
    missing = [n for n in ("estimates.csv", "panel.parquet", "study.yaml") if not (path / n).is_file()]
    if missing:
        report.not_reestimated.append(("every coefficient", f"{', '.join(missing)} is missing"))
        return
    import pandas as pd

    from citycarbon.econometrics.contract import read_estimates
    from citycarbon.econometrics.second_opinion import refit
    from citycarbon.study import load_study

    estimates = read_estimates(path / "estimates.csv")
    fitted = refit(pd.read_parquet(path / "panel.parquet"), load_study(path / "study.yaml"), estimates)
    errors = {_name(r): r.std_error for r in estimates.itertuples()}
    why_public = "its values are withheld in this public bundle" if body.get("public") else ""
    for row in fitted.itertuples():
        _compare(row, errors[_name(row)], why_public, report)
    report.mismatches += _derived(estimates)
    report.mismatches += _twin(path, estimates)


def _compare(row: Any, std_error: float, why_public: str, report: VerifyReport) -> None:
    name = f"{_name(row)} {row.quantity}"
    if not row.refitted_ok:
        report.not_reestimated.append((name, why_public or row.note))
        return
    report.reestimated.append(name)
    size = max(abs(row.recorded), abs(row.refitted), std_error if math.isfinite(std_error) else 0.0)
    difference = abs(row.recorded - row.refitted) / size if size else 0.0
    report.largest_difference = max(report.largest_difference, difference)
    if difference > TOLERANCE:
        report.mismatches.append(Mismatch("coefficient", name, f"{row.recorded!r}", f"{row.refitted!r} (re-estimated)"))


def _derived(estimates: pd.DataFrame) -> Iterator[Mismatch]:
    """t = b / s.e., its p-value and 95 % interval with ``df`` degrees of freedom, and stars, follow from the row itself."""
    from scipy.stats import t as student

    from citycarbon.econometrics.columns import PENDING, stars

    for row in estimates.itertuples():
        if not (_finite(row.estimate) and _finite(row.std_error) and row.std_error > 0):
            continue
        t_stat, half = row.estimate / row.std_error, float(student.ppf(0.975, row.df)) * row.std_error
        p_value = float(2 * student.sf(abs(t_stat), row.df))
        expected = {"t_stat": t_stat, "p_value": p_value, "conf_low": row.estimate - half, "conf_high": row.estimate + half}
        for column, value in expected.items():
            found = getattr(row, column)
            if not _finite(found) or abs(found - value) > TOLERANCE * max(1.0, abs(value)):
                yield Mismatch("coefficient", f"{_name(row)} {column}", f"{found!r}", f"{value!r}, which follows from the row")
        if row.star_rule in ("t", PENDING):
            due = stars(p_value) if row.star_rule == "t" else ""
            if row.stars != due:
                yield Mismatch("coefficient", f"{_name(row)} stars", f"'{row.stars}'", f"'{due}' by rule {row.star_rule}")


def _twin(path: Path, estimates: pd.DataFrame) -> Iterator[Mismatch]:
    """``estimates.parquet`` must say the same as ``estimates.csv``."""
    import pandas as pd

    from citycarbon.econometrics.contract import number

    twin = path / "estimates.parquet"
    if not twin.is_file():
        return
    other = pd.read_parquet(twin)
    if list(other.columns) != list(estimates.columns) or len(other) != len(estimates):
        yield Mismatch(
            "file", twin.name, f"{len(other)} rows of {len(other.columns)} columns", "the rows and columns of estimates.csv"
        )
        return
    for i, row in enumerate(estimates.itertuples()):
        for column in estimates.columns:
            here, there = number(estimates[column].iloc[i]), _cell(other[column].iloc[i], estimates[column].dtype)
            if here != there:
                yield Mismatch("coefficient", f"{_name(row)} {column} in {twin.name}", there, f"{here} as in estimates.csv")


def _cell(value: Any, dtype: Any) -> str:
    """A value of the parquet form as the csv writes it: whole numbers whole."""
    import pandas as pd

    from citycarbon.econometrics.contract import number

    if pd.isna(value):
        return ""
    return str(int(value)) if str(dtype) == "Int64" else number(value)


def _name(row: Any) -> str:
    return f"{row.table}:{row.column}:{row.term}"


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
