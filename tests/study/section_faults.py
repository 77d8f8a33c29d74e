"""What a fault in a study's section ``extensions`` must be told with, for the tests of its parts. No tests here."""

from __future__ import annotations

from pathlib import Path


def assert_told_in_extensions(message: str, file: Path, words: str) -> None:
    """``message`` has ``words`` and names a line of ``file`` below the one that opens the section."""
    lines = file.read_text(encoding="utf-8").splitlines()
    first = next(i for i, line in enumerate(lines, 1) if line.startswith("extensions"))
    assert words in message
    line = int(message.split("study.yaml, line ")[1].split(":")[0])
    assert first < line <= len(lines)
