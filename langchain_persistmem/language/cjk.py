"""Words of Chinese, Japanese and Korean text, which PostgreSQL cannot find by itself."""

import re

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0002ebef]+")


def pairs(text: str) -> tuple[str, ...]:
    """Neighbouring characters of Chinese, Japanese and Korean text, which has no spaces to cut at.

    >>> pairs("我喜欢茶 and tea")
    ('我喜', '喜欢', '欢茶')
    """
    found: list[str] = []
    for run in _CJK.findall(text):
        found += [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]
    return tuple(found)
