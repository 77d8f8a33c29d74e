"""Every limit of the gate with the reason for it. Rules and ``docs/gate.md`` read them from here; nothing is computed here."""

from __future__ import annotations

# CO2, between neighbouring observations of one city.
JUMP_LISTED = 2.0  # over +100 %: listed; real series have some (EDGAR 16 in 2003-2021, CEADS 21)
DROP_COUNTED = 0.5  # under -50 %: counted with the jumps in the share of a year
JUMP_BLOCKING = 8.0  # the largest jump in the real series is x4.6
POWER_OF_TEN_BAND = 0.10  # a factor within 10 % of 10, 100, ... is a slip of the decimal point or of the unit
JUMP_SHARE = 0.03  # of a source's city-years in one year
JUMP_SHARE_MINIMUM = 8  # fewer jumping cities never refuse: in a year of thin coverage 3 % is chance (CEADS 2004: 6 of 95)
MAX_GAP = 3  # years between observations up to which a factor is still judged (an annual +15 % over 3 years is x1.5)

# Other level variables, against the years around them.
NEIGHBOUR_FACTOR = 5.0  # half way (on a log scale) between the real scope breaks (x3.3) and a decimal slip (x10)
NEIGHBOUR_FACTORS = {"fdi_usd": 50.0}  # single projects move it; below this it is news, not a slip
LEVEL_JUMP_LISTED = 2.5  # from one year to the next: scope and boundary changes start here
FAR_FROM_MEDIAN = 200.0  # the largest city's GDP is about 25 times the median, the smallest prefecture's a 60th
NEIGHBOUR_YEARS = (-2, -1, 1, 2)
NEIGHBOURS_NEEDED = 2

# A city against its province and its namesake.
CARRIES_PROVINCE_SHARE = 0.8  # of the province as its other cities and the city's own usual value imply
CARRIES_PROVINCE_OWN = 2.5  # times its own usual value, so that a capital that dominates its province is not refused
CARRIES_PROVINCE_UNITS = 0.5  # of the other units of the province must be in the table, or they imply no total
NAMESAKE_SHARE = (
    0.8  # of the namesake province, or of its other cities in the table, which may be few: EDGAR gives 0.6 for Hainan
)

# Boundaries and series.
AREA_CHANGE = 0.20
EVENT_WINDOW = 1  # years either side of an event in which yearbooks change over
SPLICE_FACTOR = 3.0  # CEADS over county sums: 5-95 % is 0.42 to 3.20
SPLICE_SHARE = 0.90  # of the cities must lie within the factor
SPLICE_YEARS = 3  # overlap years nearest to the splice that are compared
COUNTY_SUM_TOLERANCE = 1e-9

# Editions, units, sources.
EDITION_COVERAGE = 0.95
UNIT_SLIP = 5.0  # median factor over the same cities; real medians of a year lie below 2
UNIT_SLIP_MINIMUM = 10  # cities that must be comparable
SOURCES_AGREE = 0.10  # relative difference between two tables of one indicator
EMISSIONS_AGREE = 3.2  # factor between two emission series (scope differs)
LABELS_UNKNOWN = 0.0

# L72: a log of a head count in China cannot lie outside this (exp(25) is ten times the world population).
LOG_MAX = 25.0
LOG_OF_COUNT_SUSPECT = (0.0, 0.1)
