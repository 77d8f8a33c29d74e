import duckdb
import pytest

pytestmark = pytest.mark.usefixtures("manifest")

KNOWN = {"a": {"id": "INTEGER", "x": "DOUBLE", "y": "DOUBLE"}, "b": {"id": "INTEGER", "name": "VARCHAR"}}


def sources(sql, *columns):
    from assets.built_models import column_sources

    return column_sources(sql, KNOWN, list(columns))


@pytest.mark.slow
def test_columns_are_followed_through_ctes_joins_and_expressions():
    sql = """
        with both as (select a.id, a.x / nullif(a.y, 0) as ratio, b.name from a left join b using (id))
        select id, ln(ratio) as lnratio, name, 'Mt' as unit from both
    """
    assert sources(sql, "lnratio", "name", "unit") == {"lnratio": [("a", "x"), ("a", "y")], "name": [("b", "name")], "unit": []}


def test_star_and_database_names_hide_nothing():
    assert sources('select * from "scratch"."main"."a"', "id", "x") == {"id": [("a", "id")], "x": [("a", "x")]}


def test_union_rests_on_both_sides():
    assert sources("select id from a union all select id from b", "id") == {"id": [("a", "id"), ("b", "id")]}


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        connection.execute("create table t as select * from (values (1, 'x'), (2, null), (3, 'z')) v(id, name)")
        yield connection


def version(connection, sql):
    from assets.built_models import _measure

    connection.execute(f"create or replace table u as {sql}")
    return _measure(connection, "u")


def test_content_version_ignores_the_order_of_rows_and_sees_every_change(connection):
    base = version(connection, "select * from t")
    assert base[0] == 3
    assert version(connection, "select * from t order by id desc") == base
    assert version(connection, "select id, coalesce(name, '') as name from t")[1] != base[1]
    once_more = " union all select * from t where id = 1"
    doubled_pair = version(connection, "select * from t" + 2 * once_more)
    assert doubled_pair[1] != base[1]
    assert version(connection, "select * from t where false")[0] == 0
