import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def base_study():
    """The shipped AI pilot study, whose columns the tests replace by their own."""
    from citycarbon.study import load_study

    return load_study("ai_pilot")
