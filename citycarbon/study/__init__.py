"""What a study asks for: the declared variables, the models behind ``study.yaml`` and loading it. No data, no estimation."""

from citycarbon.study.load import list_studies, load_all, load_study
from citycarbon.study.spec import Study

__all__ = ["Study", "list_studies", "load_all", "load_study"]
