import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def base_study():
    """The shipped AI pilot study's baseline, whose columns the tests replace by their own."""
    from baseline import baseline_study

    return baseline_study()
