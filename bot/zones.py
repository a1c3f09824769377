"""Time zones by the names that people have for them: IANA's, cities in three languages, an offset from UTC."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from zoneinfo import available_timezones

_LOCALES = ("en", "zh_Hans", "zh_Hant")
_CITIES = {
    "Africa/Johannesburg": "Cape Town, Pretoria",
    "America/Chicago": "Austin, Dallas, Houston, Madison, Minneapolis, St Louis",
    "America/Los_Angeles": "Berkeley, Palo Alto, Pasadena, Portland, San Diego, San Francisco, San Jose, Seattle,"
    " Stanford, 旧金山, 舊金山, 西雅图, 西雅圖",
    "America/New_York": "Ann Arbor, Atlanta, Baltimore, Boston, Ithaca, Miami, New Haven, Philadelphia, Pittsburgh,"
    " Princeton, Washington, Washington DC, 波士顿, 波士頓",
    "America/Sao_Paulo": "Brasilia, Campinas, Rio, Rio de Janeiro",
    "America/Toronto": "Ottawa, Waterloo",
    "Asia/Dubai": "Abu Dhabi",
    "Asia/Ho_Chi_Minh": "Hanoi, 河内, 河內",
    "Asia/Hong_Kong": "香港",
    "Asia/Jerusalem": "Haifa, Tel Aviv",
    "Asia/Kolkata": "Bangalore, Bengaluru, Chennai, Delhi, Hyderabad, Mumbai, New Delhi, Pune",
    "Asia/Riyadh": "Jeddah, Thuwal",
    "Asia/Seoul": "Busan, Daejeon, Pohang",
    "Asia/Shanghai": "Beijing, Changsha, Chengdu, Dalian, Guangzhou, Hangzhou, Hefei, Nanjing, Shenyang, Shenzhen,"
    " Suzhou, Tianjin, Wuhan, Xiamen, Xi'an, Xian, 北京, 上海, 长沙, 成都, 大连, 广州, 杭州, 合肥, 南京, 沈阳, 深圳,"
    " 苏州, 天津, 武汉, 厦门, 西安, 廣州, 蘇州, 武漢, 廈門, China, 中国, 中國",
    "Asia/Taipei": "Hsinchu, Kaohsiung, Taichung, Tainan, 台北, 臺北, 新竹, 台中, 臺中, 台南, 臺南, 高雄, Taiwan",
    "Asia/Tokyo": "Kyoto, Nagoya, Osaka, Sapporo, Sendai, Tsukuba, Yokohama, 京都, 大阪",
    "Australia/Sydney": "Canberra",
    "Europe/Amsterdam": "Delft, Eindhoven, Leiden, Rotterdam, Utrecht",
    "Europe/Berlin": "Aachen, Bonn, Cologne, Dresden, Frankfurt, Freiburg, Hamburg, Heidelberg, Karlsruhe, Leipzig,"
    " Munich, München, Köln, Saarbrücken, Stuttgart, Tübingen, Germany, 慕尼黑",
    "Europe/Brussels": "Ghent, Leuven",
    "Europe/Istanbul": "Ankara",
    "Europe/Lisbon": "Coimbra, Porto",
    "Europe/London": "Bristol, Edinburgh, Glasgow, Leeds, Manchester, Oxford",
    "Europe/Madrid": "Barcelona, Seville, Valencia",
    "Europe/Moscow": "Saint Petersburg, St Petersburg",
    "Europe/Paris": "Grenoble, Lille, Lyon, Marseille, Nice, Toulouse",
    "Europe/Rome": "Bologna, Florence, Milan, Milano, Naples, Pisa, Roma, Trento, Trieste, Turin",
    "Europe/Stockholm": "Gothenburg, Lund, Uppsala",
    "Europe/Warsaw": "Krakow, Kraków, Wroclaw",
    "Europe/Zurich": "Basel, Bern, Geneva, Lausanne, Lugano",
}
"""Cities with many readers that IANA and CLDR do not name."""
_OFFSET = re.compile(r"(?:utc|gmt)?([+\-\u2212])0?(\d|1[0-4])(?::?00)?")
COMMON = (
    "America/Los_Angeles", "America/New_York", "Europe/London", "Europe/Berlin", "Asia/Kolkata", "Asia/Shanghai",
    "Asia/Taipei", "Asia/Tokyo", "Australia/Sydney", "UTC",
)  # fmt: skip
"""Those offered first, from west to east."""


def zone_named(text: str) -> str | None:
    """The IANA name of ``Asia/Shanghai``, ``europe/berlin``, a city alone (``new york``, ``München``, ``上海``) or
    ``UTC+8``; None where there is none, or several."""
    name = _folded(text)
    offset = _OFFSET.fullmatch(name)
    if offset is None or name == "utc":
        return _zones().get(name)
    hours = int(offset[2])
    # POSIX counts these westward: https://data.iana.org/time-zones/tzdb/etcetera
    found = f"Etc/GMT{'-' if offset[1] == '+' else '+'}{hours}" if hours else "UTC"
    return found if found in available_timezones() or not hours else None


def zones_like(text: str, most: int = 3) -> list[str]:
    """Zones whose names, or whose cities, are written nearly so."""
    from rapidfuzz import process  # imported late, as for all that seldom happens

    names = _zones()
    near = process.extract(_folded(text), names.keys(), limit=most * 2, score_cutoff=75)
    return list(dict.fromkeys(names[name] for name, _, _ in near))[:most]


def city_of(zone: str, language: str) -> str:
    """What people call a zone: its city in ``language`` (BCP 47), ``UTC`` for that one."""
    if zone in ("UTC", "Etc/UTC"):
        return "UTC"
    if zone.startswith("Etc/GMT") and zone[7:]:
        return f"UTC{'-' if zone[7] == '+' else '+'}{zone[8:]}"
    found = dict(_named(language.replace("-", "_"))).get(zone)
    return found or zone.rpartition("/")[2].replace("_", " ")


def _folded(text: str) -> str:
    """Case, accents, spaces and apostrophes do not count."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in plain if not unicodedata.combining(c) and c not in " _'’.").strip()


@cache
def _named(locale: str) -> tuple[tuple[str, str], ...]:
    """Zones with their cities as CLDR names them in a language."""
    from babel.core import Locale, UnknownLocaleError

    try:
        known = Locale.parse(locale).time_zones
    except (UnknownLocaleError, ValueError):
        return ()
    return tuple((zone, names["city"]) for zone, names in known.items() if "city" in names)


@cache
def _zones() -> dict[str, str]:
    """By the folded name; what IANA calls a city comes before what CLDR calls one."""
    zones = available_timezones()
    found = {_folded(city): zone for zone, some in _CITIES.items() for city in some.split(", ")}
    for locale in reversed(_LOCALES):
        found = _cities((city, zone) for zone, city in _named(locale) if zone in zones) | found
    found |= _cities((zone.rpartition("/")[2], zone) for zone in zones)
    return found | {_folded(zone): zone for zone in zones}


def _cities(named: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Those that name one zone alone."""
    zones: dict[str, set[str]] = {}
    for city, zone in named:
        zones.setdefault(_folded(city), set()).add(zone)
    return {city: next(iter(its)) for city, its in zones.items() if len(its) == 1}
