import pytest
from papers import Paper

from citycarbon.forensics import load_design, read_descriptives, read_published
from citycarbon.paths import STUDIES


@pytest.fixture(scope="session")
def paper() -> Paper:
    """The printed tables of the ai_pilot study's paper."""
    folder = STUDIES / "ai_pilot"
    return Paper(
        read_published(folder / "published.csv"),
        read_descriptives(folder / "published_descriptives.csv"),
        load_design(folder / "published.design.yaml"),
    )


@pytest.fixture(scope="session")
def judged(paper):
    return paper.judged()
