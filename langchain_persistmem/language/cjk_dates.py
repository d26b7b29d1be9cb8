"""Times in Chinese, Japanese and Korean text, which writes them with signs and without spaces; pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date

from langchain_persistmem.language import periods
from langchain_persistmem.language.periods import Days

_CJK = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
_DIGITS = {sign: str(number) for number, sign in enumerate("零一二三四五六七八九")} | {"两": "2", "二": "2"}
_N = r"(\d{1,3}|[一二两三四五六七八九十])"
_DATE = re.compile(
    r"(?:(\d{4})\s?[年년]\s?)?(?:(\d{1,2})\s?(?:月|월)\s?(?:(\d{1,2})\s?[日号號일])?)?",
)
_AGO = re.compile(
    _N + r"\s?(?:个|個|か|ヶ|カ|ケ)?\s?(天|日|周|週間|週|星期|月|年|일|주일?|개월|달|년)\s?(?:之?前|以前|전)"
)
_WEEKDAY = re.compile(r"(?:上个?|先)(?:周|週|星期|礼拜|禮拜)の?([一二三四五六日天]|[月火水木金土日](?=曜))曜?日?")
_DAYS = {"一": 0, "二": 1, "三": 2, "四": 3, "五": 4, "六": 5, "日": 6, "天": 6,
         "月": 0, "火": 1, "水": 2, "木": 3, "金": 4, "土": 5}  # fmt: skip
_UNITS = {"天": "day", "日": "day", "일": "day", "周": "week", "週間": "week", "週": "week", "星期": "week", "주": "week",
          "주일": "week", "月": "month", "개월": "month", "달": "month", "年": "year", "년": "year"}  # fmt: skip
_SAID: Mapping[str, tuple[Callable[[date], Days], float]] = {
    "前天|一昨日|おととい|그저께|그제": (lambda today: periods.days(periods.shift(today, -2)), 0.9),
    "昨天|昨日|昨晚|昨夜|きのう|어제": (lambda today: periods.days(periods.shift(today, -1)), 0.9),
    "今天|今日|今晚|오늘": (periods.days, 0.3),
    "上个?周末|上週末|先週末|지난 ?주말": (lambda today: periods.weekend(today, -1), 0.9),
    "上个?周(?![一二三四五六日天末])|上個?週|上个?星期(?![一二三四五六日天])|先週(?!末)|지난 ?주(?!말)": (
        lambda today: periods.week(today, -1),
        0.9,
    ),
    "上个?月|上個月|先月|지난 ?달": (lambda today: periods.months(today.year, today.month - 1), 0.9),
    "去年|昨年|작년|지난 ?해": (lambda today: periods.months(today.year - 1, 1, 12), 0.9),
    "前年|一昨年|재작년": (lambda today: periods.months(today.year - 2, 1, 12), 0.9),
    "这个?周|這週|今週|이번 ?주": (periods.week, 0.5),
    "这个?月|這個月|今月|이번 ?달": (lambda today: periods.months(today.year, today.month), 0.5),
    "今年|올해": (lambda today: periods.months(today.year, 1, 12), 0.5),
}
_SEASONS = re.compile(r"(\d{4})年の?(春|夏|秋|冬)|(去年|昨年|今年)の?(春|夏|秋|冬)")


def found(text: str, today: date) -> Iterator[tuple[Days, float, str]]:
    """The times in ``text``: their days, how sure they are, and the words."""
    if _CJK.search(text) is None:
        return
    for match in _SEASONS.finditer(text):
        year = int(match[1]) if match[1] else today.year - (match[3] != "今年")
        yield periods.season(year, "冬春夏秋".index(match[2] or match[4])), 0.9, match[0]
    rest = _SEASONS.sub("", text)
    for match in _AGO.finditer(rest):
        yield (*_ago(match, today), match[0])
    for match in _WEEKDAY.finditer(rest):
        yield periods.days(periods.shift(periods.week(today, -1)[0], _DAYS[match[1]])), 0.8, match[0]
    rest = _WEEKDAY.sub("", rest)
    for words, (of, certainty) in _SAID.items():
        match = re.search(words, rest)
        if match is not None:
            yield of(today), certainty, match[0]
    for match in _DATE.finditer(_AGO.sub("", rest)):
        days = _dated(match, today)
        if days is not None:
            yield days, 1.0 if match[1] else 0.9, match[0]


def _dated(match: re.Match[str], today: date) -> Days | None:
    if match[1] is None and match[2] is None:
        return None
    month, number = int(match[2] or 0), int(match[3] or 0)
    latest = today.year - ((month, number) > (today.month, today.day))
    year = latest if match[1] is None else max(int(match[1]), 1)
    if match[2] is None:
        return periods.months(year, 1, 12)
    if not 1 <= month <= 12:  # noqa: PLR2004 - months of a year
        return None
    return periods.day(year, month, number) if match[3] else periods.months(year, month)


def _ago(match: re.Match[str], today: date) -> tuple[Days, float]:
    count = 10 if match[1] == "十" else int(_DIGITS.get(match[1], match[1]))
    unit = _UNITS[match[2]]
    if unit in ("month", "year"):
        return periods.months(today.year, today.month - count * (12 if unit == "year" else 1)), 0.6
    around = 0 if unit == "day" else 3
    then = periods.shift(today, -count * (1 if unit == "day" else 7))
    return periods.days(periods.shift(then, -around), 2 * around + 1), 0.8
