"""Where the dbt project lies, for Dagster. Alone in its module; the manifest is prepared beforehand
(``python -m orchestration.manifest``, called by make, the command line and the test session).
"""

from dagster_dbt import DbtProject

from citycarbon.dbt_runner import put_tools_on_path
from citycarbon.paths import DBT_PROJECT

put_tools_on_path()  # the integration looks for dbt while it loads the project

dbt_project = DbtProject(project_dir=DBT_PROJECT, profiles_dir=DBT_PROJECT)
