"""One module a file format: ``read(path, record) -> ReadResult``. Landing, snapshots and the registry stand beside them.

A new source is one reader here, one staging model in dbt_project/models/staging and one entry in registry.yaml.
"""
