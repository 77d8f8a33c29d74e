-- Every code and spelling by which a source may name a place, one row a key: six-digit codes of 2003-2021 and province codes
-- (kind 'code'), spellings of prefecture-level units and of units run by a province (kind 'name').
with units as (
    select
        c.unit_id,
        max(c.city_id) as city_id,
        max(c.province_id) as province_id,
        arg_max(c.name, c.year) as unit_name,
        max(c.year) as last_year
    from {{ ref('city_codes') }} as c
    group by c.unit_id
)

select distinct
    'code' as kind,
    c.adcode as place_key,
    u.unit_id as place_id,
    u.unit_name as place_name,
    u.city_id,
    u.province_id,
    false as needs_province,
    'city' as level,
    u.last_year
from {{ ref('city_codes') }} as c
inner join units as u on c.unit_id = u.unit_id

union all

select
    'code' as kind,
    p.province_id as place_key,
    p.province_id as place_id,
    p.name as place_name,
    null as city_id,
    p.province_id,
    false as needs_province,
    'province' as level,
    null as last_year
from {{ ref('provinces') }} as p
where p.province_id not in (select u.unit_id from units as u)

union all

select
    'name' as kind,
    a.alias as place_key,
    a.unit_id as place_id,
    coalesce(u.unit_name, a.alias) as place_name,
    a.city_id,
    a.province_id,
    a.needs_province,
    case when u.unit_id is null then 'run_by_province' else 'city' end as level,
    u.last_year
from {{ ref('city_aliases') }} as a
left join units as u on a.unit_id = u.unit_id
