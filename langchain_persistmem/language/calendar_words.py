"""Words for times in English, German, French, Spanish, Italian, Portuguese and Dutch; data, and nothing else.

The languages share one table each: a question is in one language, and few words mean a time in one and something else
in another. Those few (``may``, ``march``, ``hier``, ``mars``) count only beside a word that makes a time of them.
"""

from collections.abc import Mapping, Set

_MONTHS = (
    "january januar jänner janvier enero gennaio janeiro januari",
    "february februar février fevrier febrero febbraio fevereiro februari",
    "march märz maerz mars marzo março marco maart",
    "april avril abril aprile",
    "may mai mayo maggio maio mei",
    "june juni juin junio giugno junho",
    "july juli juillet julio luglio julho",
    "august août aout agosto augustus",
    "september septembre septiembre settembre setembro",
    "october oktober octobre octubre ottobre outubro",
    "november novembre noviembre novembro",
    "december dezember décembre decembre diciembre dicembre dezembro",
)
_SHORT = (
    "jan janv ene genn", "feb febr févr fev", "mar mrz märz mrt", "apr avr abr", "may mag", "jun giu", "jul juil lug",
    "aug ago agos août", "sep sept set sett", "oct okt ott out", "nov", "dec dez déc dic",
)  # fmt: skip
_WEEKDAYS = (
    "monday montag lundi lunes lunedì lunedi segunda maandag",
    "tuesday dienstag mardi martes martedì martedi terça dinsdag",
    "wednesday mittwoch mercredi miércoles miercoles mercoledì mercoledi quarta woensdag",
    "thursday donnerstag jeudi jueves giovedì giovedi quinta donderdag",
    "friday freitag vendredi viernes venerdì venerdi sexta vrijdag",
    "saturday samstag sonnabend samedi sábado sabado sabato zaterdag",
    "sunday sonntag dimanche domingo domenica zondag",
)
_SEASONS = (
    "winter hiver invierno inverno",
    "spring frühling frühjahr printemps primavera lente voorjaar",
    "summer sommer été verano estate verão zomer",
    "autumn fall herbst automne otoño autunno outono herfst najaar",
)
_UNITS = {
    "day": "day days tag tage tagen jour jours día días dia dias giorno giorni dag dagen",
    "week": "week weeks woche wochen semaine semaines semana semanas settimana settimane weken",
    "weekend": "weekend weekends wochenende wochenenden",
    "month": "month months monat monate monaten monats mois mes meses mese mesi mês maand maanden",
    "year": "year years jahr jahre jahren jahres an ans année années año años anno anni ano anos jaar jaren",
}
_NUMBERS = (
    "a an one ein eine einem einen einer un une uno una um uma een één",
    "two couple zwei deux dos due dois duas twee",
    "three few drei trois tres tre três drie paar",
    "four vier quatre cuatro quattro quatro",
    "five fünf cinq cinco cinque vijf",
    "six sechs seis sei zes",
    "seven sieben siete sette sete zeven",
    "eight acht huit ocho otto oito",
    "nine neun neuf nueve nove negen",
    "ten zehn dix diez dieci dez tien",
    "eleven elf onze once undici",
    "twelve zwölf douze doce dodici doze twaalf",
)
_DAYS = {
    0: "today tonight heute aujourd hoy oggi hoje vandaag",
    -1: "yesterday gestern hier ayer ieri ontem gisteren",
    -2: "vorgestern anteayer antier altroieri anteontem eergisteren",
    1: "tomorrow demain mañana domani amanhã",
}
_FEASTS = {
    "christmas": "christmas xmas weihnachten noël noel navidad natale natal kerst kerstmis",
    "easter": "easter ostern pâques pascua pasqua páscoa pasen",
    "halloween": "halloween",
    "thanksgiving": "thanksgiving",
    "silvester": "silvester nochevieja capodanno",
}


def _places(groups: tuple[str, ...], first: int) -> Mapping[str, int]:
    return {word: place for place, group in enumerate(groups, first) for word in group.split()}


def _names(groups: Mapping[str, str]) -> Mapping[str, str]:
    return {word: name for name, group in groups.items() for word in group.split()}


MONTHS = _places(_MONTHS, 1)
SHORT_MONTHS = _places(_SHORT, 1)
"""Counts as a month only beside a number."""
WEEKDAYS = _places(_WEEKDAYS, 0)
SEASONS = _places(_SEASONS, 0)
"""Winter is 0 and begins in December of the year before."""
UNITS = _names(_UNITS)
NUMBERS = _places(_NUMBERS, 1)
DAYS: Mapping[str, int] = {word: shift for shift, group in _DAYS.items() for word in group.split()}
FEASTS = _names(_FEASTS)
ORDINALS = _places(("first erste ersten première primera prima primeira eerste", "second zweite zweiten",
                    "third dritte dritten", "fourth vierte vierten"), 1)  # fmt: skip

ALSO_WORDS: Set[str] = frozenset(
    [
        "may",
        "march",
        "mars",
        "mar",
        "mai",
        "mei",
        "marco",
        "august",
        "lente",
        "fall",
        "spring",
        "été",
        "estate",
        "segunda",
        "quarta",
        "quinta",
        "sexta",
        "hier",
        "demain",
        "once",
        "april",
        "june",
        "mayo",
        "juli",
        "juin",
        "abril",
        "mes",
        "an",
    ]
)
"""Words and names that are times only beside a word that says so."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LAST = _words(
    "last past previous letzte letzten letzter letztes letztem vorige vorigen voriges vergangene vergangenen vergangenes "
    "dernier dernière derniers dernières passé passée pasado pasada pasados pasadas último última últimos últimas ultimo "
    "ultima ultimi ultime scorso scorsa scorsi scorse passato passata passado passada passados passadas afgelopen verleden"
)
THIS = _words(
    "this current diese dieser dieses diesen diesem dit deze ce cet cette este esta questo questa quest nesta neste"
)
NEXT = _words(
    "next coming upcoming nächste nächsten nächster nächstes nächstem kommende kommenden volgende komende prochain "
    "prochaine próximo próxima prossimo prossima"
)
AGO_BEFORE = _words("vor hace há")
AGO_AFTER = _words("ago fa atrás geleden")
IN = _words(
    "in on during of for over around about by early mid late at im am um ab während en au aux le pendant vers el durante "
    "hacia a nel nello nella ad verso no na em op rond tijdens of"
)
"""Stand before a time and make one of a word that could be something else."""
FILLERS = _words("of the de del der den des di d do da van the le la el il l of st nd rd th er º feira")
SINCE = _words("since seit depuis desde dal dallo dalla sinds")
BEFORE = _words("before vor avant antes prima voor until till bis jusqu hasta fino até tot")
UNTIL = _words("until till bis jusqu hasta fino até tot")
AFTER = _words("after nach après después despues dopo depois")
BETWEEN = _words("between from zwischen von vom entre du de desde del dal tra fra da do tussen van")
AND = _words("and to until through und bis et à au y a al hasta e ao até en tot")
FUTURE = _words(
    "will shall going plan plans planning planned upcoming werde wird werden vais va iré voy andrò vou ga zal"
)
THAT = _words("that this then it dem davor danach cela ça eso quello isso dat")
EARLIER = _words("before earlier prior davor zuvor avant antes prima eerder")
LATER = _words("after later danach später après después dopo depois")
