"""Constants of the synthetic world: what Table 1 asks for, what is planted, who is special. Numbers only, no drawing.

Means and standard deviations of the controls, of ln(1 + green) and of er are those printed in Table 1 of the paper; emissions
follow the magnitudes of the county series (ln Mt about 2.9, sd 1.0).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """Mean, standard deviation and bounds of a variable on the estimation sample."""

    mean: float
    sd: float
    low: float
    high: float


TARGETS = {
    "lnpgdp": Target(10.190, 0.397, 9.353, 11.100),
    "gov": Target(4.998, 2.052, 0.779, 11.220),
    "market": Target(0.383, 0.097, 0.160, 0.688),
    "edu": Target(0.179, 0.040, 0.089, 0.279),
    "industry": Target(0.375, 0.153, 0.020, 0.740),
    "lngreen": Target(3.710, 1.841, 0.0, 8.300),
    "er": Target(0.003, 0.001, 0.0, 0.012),
}
# Reports of some 640 words hold whole words only: counting alone adds a sd of about 0.0006 to the share.
ER_SD_BEFORE_COUNTING = 0.00075
LNCO2_MEAN, LNCO2_SD = 2.9, 1.0
CONTROLS = ("lnpgdp", "internet", "gov", "market", "edu", "industry")
# Semi-elasticities of ln CO2; small, so that a city's own level and its history carry most of the variance.
COEFFICIENTS = {"lnpgdp": 0.30, "internet": 0.04, "gov": 0.010, "market": -0.25, "edu": -0.40, "industry": 0.50}
AR_RHO, AR_SD = 0.8, 0.15  # errors: first-order autocorrelation and stationary sd, per city

POLICY = "ai_pilot"
GREEN_TREND = 0.08  # of ln(1 + green applications) a year, in every city
# Mechanisms: what a treated city-year gains.
GREEN_EFFECT = 0.25  # on ln(1 + green applications)
ER_EFFECT = 0.0006  # on the share of environmental words
# Heterogeneity of the effect on ln CO2: multiples of the average effect, added where the city stands in the high group.
HIGH_TECHNOLOGY, HIGH_FINANCE, HIGH_DIGITAL = 0.30, 0.20, 0.20
PATH = {0: 0.80, 1: 1.00, 2: 1.20}  # by years since adoption

# Treated cities that the sample puts into the low half of a split, so that both halves hold treated cities.
LOW_TECHNOLOGY = ("370200", "510100")
LOW_FINANCE = ("370100", "120000")

# Units that share their name with a province stay small, as they are: 吉林市 in 吉林省, 海南州 beside 海南省.
JILIN_CITY, HAINAN_PREFECTURE = "220200", "632500"

LAIWU, JINAN = "371200", "370100"
CHAOHU = "341400"


@dataclass(frozen=True)
class Transfer:
    """To ``last_year`` ``reporter`` printed part of ``unit`` (of 2021): ``share`` of its quantities, ``area`` of its land."""

    unit: str
    reporter: str
    last_year: int
    share: float
    area: float


TRANSFERS = (
    Transfer(JINAN, LAIWU, 2018, 0.14, 0.22),
    Transfer("340100", CHAOHU, 2010, 0.26, 0.38),
    Transfer("340200", CHAOHU, 2010, 0.38, 0.45),
    Transfer("340500", CHAOHU, 2010, 0.30, 0.58),
    Transfer("340400", "341500", 2015, 0.24, 0.53),  # 寿县 from 六安 to 淮南
    Transfer("340700", "340800", 2015, 0.22, 0.60),  # 枞阳 from 安庆 to 铜陵
    Transfer("510100", "512000", 2015, 0.04, 0.15),  # 简阳 from 资阳 to 成都
    Transfer("220100", "220300", 2019, 0.06, 0.17),  # 公主岭 from 四平 to 长春
)
LAST_INVESTMENT_LEVEL = 2017  # city investment levels are published to this data year, growth rates after it
LAST_HOUSEHOLDS_YEAR = 2010  # internet users in 户 to this data year, in 万户 after it
