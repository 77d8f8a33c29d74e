"""What a verification found, and how it reads. No recomputation here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Mismatch:
    """One difference: ``where`` is a file of the release, or a coefficient and its column (``table2:2:did estimate``)."""

    kind: str  # file, id, coefficient, cell
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
    printed: int = 0  # tables printed again and equal
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
        lines.append(f"  {self.printed} printed tables set again and equal; every panel value compared with its cell")
        lines += [f"  not re-estimated: {name} ({why})" for name, why in self.not_reestimated]
        return "\n".join(lines) + "\n"
