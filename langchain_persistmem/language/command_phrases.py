"""What people say to a memory, by language: data for ``language/command_detection.py``, to be extended by whoever knows better.

A phrase is matched from the beginning of a message to its end, whatever its capitals. In it

    ...      is the object: anything, to the end of the message
    (a|b)    is one of these        [a|b]   is one of these, or nothing
    <a|b>    the next words are one of these     !a|b!   they are none of these

and ``:`` stands for a colon that has to be there, ``,`` for a comma, colon or dash; other punctuation between words
counts as a space.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """One language's phrases."""

    language: str
    spaced: bool = True
    """Whether words stand apart."""
    before: str
    """What may stand before a command, separated by ``|``."""
    after: str
    """What may stand behind it."""
    idioms: Sequence[str]
    """What sounds like a command and is none; these come first."""
    remember: Sequence[str]
    remember_asked: Sequence[str] = ()
    """As a question: matched only with a question mark; all others but ``show`` only without one."""
    forget: Sequence[str]
    forget_asked: Sequence[str] = ()
    everything: Sequence[str]
    """Forget all that is known."""
    show: Sequence[str]
    private: Sequence[str]
    """Leave out this message and the one before."""
    private_asked: Sequence[str] = ()
    private_then: Sequence[str]
    """Leave out this message, which says something more."""
    private_opening: Sequence[str] = ()
    """With which a sentence of any message begins that is to be left out; what comes behind is not looked at."""
    private_before: Sequence[str] = ()
    """The same, where the message before is meant too."""
    signs: str
    """Beginnings of words one of which stands in every command: where rules are unsure, a model may be asked."""
    yes: str
    no: str
    all: str


ENGLISH = Words(
    language="en",
    before="please|ok|okay|hey|hi|hello|also|and|so|well|just|oh|now|by the way|yes|no|sure|actually|one more thing",
    after="please|thanks|thank you|ok|okay|from now on|for me",
    idioms=(
        "forget (it|that|this|him|her|them)", "forget about (it|that|this)", "forget me not ...", "remember me",
        "(don't|do not) forget (it|that|this|me)", "remember (this|that|it)", "forget (i|that i|what i) asked",
    ),
    remember=(
        "remember that !time|day|night|one|film|movie|song|guy|girl|man|woman|place|trip|year|week|summer|evening|thing|"
        "story|book|show|game|restaurant|scene|part|joke|feeling|moment|function|code|file|bug|error|issue|chat|conversation|email|meeting|project|"
        "example|question|problem|idea|message|was|is|we talked|we spoke|i told|i asked|i said! ...",
        "remember [this|the following|for later]: ...",
        "remember <my|our|i'm|i am|i have|i don't|i live|i work|i prefer|i like|i love|i hate|i need|i never|i always> "
        "!my first|our first|my last|our last|our trip|our talk! ...",
        "(don't|do not|never) forget [that] <i|i'm|i've|my|we|our> !asked|told! ...",
        "(keep|bear) in mind that <i|i'm|i've|my|we|our|we've> ...", "(keep|bear) in mind: ...", "keep in mind <i|i'm|my|we|our> ...",
        "note that <i|i'm|i've|my|we|our|we've> ...", "(memorize|memorise|make a note|take a note) that ...",
        "(note|memorize|memorise|make a note|take a note|note to self): ...",
        "i (want|would like|need) you to (remember|keep in mind|note) that !day|time|night|one|feeling|moment! ...",
        "i'd like you to remember that !day|time|night|one|feeling|moment! ...",
        "you should remember that <i|i'm|my|we|our> ...",
        "(save|store|add) [this] (to|in) [your] memory [that]: ...", "(save|add) to [your] memory that ...",
    ),
    remember_asked=(
        "(can|could|would|will) you (remember|keep in mind|note|memorize|make a note) that "
        "<i|i'm|i've|i'll|i'd|my|we|our> !asked|told|said! ...",
        "(can|could|would|will) you please (remember|keep in mind|note|memorize|make a note) that "
        "<i|i'm|i've|i'll|i'd|my|we|our> ...",
    ),
    forget=(
        "forget (everything|anything|all|whatever|what) [that] you [have|ever] "
        "(know|knew|remember|learned|learnt|stored|saved|heard) about !me! ...",
        "forget (everything|anything|all) about !me! ...", "forget what i (said|told you|wrote|mentioned) about ...",
        "forget about ...", "forget that !tell|let's|lets|what|how|why|can|could|give|show|make|just|never|nonsense|idea|one|thing|stuff|question|part|i asked! ...",
        "forget <my|our> !manners! ...",
        "(delete|erase|remove|wipe|clear) (everything|anything|all|what) [that] you (know|remember|have|stored|saved) "
        "about !me! ...",
        "(delete|erase|remove|wipe|clear) (the|my|your|all|any) (memory|memories|entry|entries) (about|of|that|with) ...",
        "(delete|erase|remove) ... from [your|my] memory",
        "(stop remembering|no longer remember) [that] ...",
        "i (want|would like|need) you to forget (about|that|everything about) ...",
    ),
    forget_asked=(
        "(can|could|would|will) you [please] forget (about|that|everything about|what i said about) !it|that|this! ...",
        "(can|could|would|will) you [please] (delete|erase|remove) ... from [your|my] memory",
        "(can|could|would|will) you [please] (delete|erase|remove) (everything|all|what) you know about !me! ...",
    ),
    everything=(
        "forget (everything|all)", "forget (everything|all) [that] [you] [have] [know|remember|learned|stored|saved] about me",
        "(delete|erase|clear|wipe|forget) (all|everything) [of] (my|your) (memories|memory|data)",
        "(delete|erase|clear|wipe) (my|your|all) (memories|memory)",
        "(delete|erase|wipe|clear) (everything|all) [that] you (know|remember|have|stored|saved) about me",
        "(delete|erase|wipe|clear) (everything|all) [that] you have (stored|saved) about me",
    ),
    show=(
        "what do you [still|already] (know|remember) about me [so far|already|now]",
        "what (have|did) you (stored|store|saved|save|remembered|learned|learnt|learn) about me [so far]",
        "what (can|do) you remember about me", "what all do you (know|remember) about me", "what information do you have (about|on) me",
        "what (things|facts) do you (know|remember) about me",
        "(show|list|tell) [me] (everything|all|what) [that] you [have] (know|remember|stored|saved) about me",
        "(show|list) [me] [all] (my|your) memories [about me|of me]", "what is in your memory [about me]", "what's in your memory [about me]",
        "do you (know|remember) anything about me",
    ),
    private=(
        "(don't|do not|never) (remember|save|store|keep|memorize|memorise|record|learn|note) (this|that|it) [down|message]",
        "(don't|do not|never) (remember|save|store|keep) what i [just] (said|told you|wrote)",
        "(this|that|it) (is|was|stays|should stay|must stay) off the record", "off the record", "strictly off the record", "(that's|this is) [strictly] off the record",
        "keep (this|that|it) off the record", "let's keep (this|that|it) off the record", "let's talk off the record",
        "forget (what|that) i just (said|told you|wrote)", "forget my last message", "forget [that] i said (that|this|it)", "(this|that|it) (stays|is) between us",
        "(don't|do not) (put|write) (this|that|it) (in|into|to) [your] memory",
    ),
    private_asked=("can (we|you) (keep|make) (this|that|it) off the record", "can we (talk|speak) off the record"),
    private_then=(
        "(don't|do not) (remember|save|store|keep) (this|that|it) [but]: ...", "off the record, ...",
        "(don't|do not) (remember|save|store) this but ...", "(this|that) is off the record, ...",
        "this is [strictly] off the record but ...", "(keep|leave) (this|that|it) (between us|out of your memory): ...",
    ),
    private_opening=(
        "(don't|do not|never) (remember|memorize|memorise|save|store|record|write down|note down|learn) "
        "(this|that|it|any of|anything|what|these|the following)",
        "off the record", "(this is|that was) off the record", "(keep|leave) (this|that|it) (out of your memory|between us)",
    ),
    private_before=(
        "(don't|do not|never) (remember|memorize|memorise|save|store|record|write down|note down|learn) (what|anything) "
        "(i|i've|i have) [just] (said|told|wrote|written)",
    ),
    signs="remember|forget|memor|in mind|off the record|write down|out of your|erase|delete|remove|wipe|clear|save|store|saving|note|note to self|keep|"
    "make a note|take a note|about me|on me|information|learn|record|between us",
    yes="yes|yep|yeah|yup|sure|ok|okay|do it|go ahead|please do|confirm|confirmed|yes please|yes do it|correct|erase it|delete it",
    no="no|nope|nah|don't|do not|cancel|stop|never mind|keep it|keep them|none|no thanks|no don't",
    all="all|all of them|everything|both|them all|erase them all|delete all|every one",
)  # fmt: skip

GERMAN = Words(
    language="de",
    before="bitte|ok|okay|hey|hi|hallo|also|und|ach|übrigens|ja|nein|gut|noch etwas",
    after="bitte|danke|ok|okay|ja",
    idioms=("vergiss (es|das|ihn|sie|mich)", "vergessen wir das", "merk dir das", "vergissmeinnicht ..."),
    remember=(
        "(merk|merke) dir [bitte|mal] dass ...", "(merk|merke) dir [bitte|mal|folgendes]: ...",
        "(merk|merke) dir [bitte] <mein|meine|meinen|unser|unsere|ich> ...",
        "merken: ...", "merken sie sich [bitte] dass ...", "merken sie sich [bitte]: ...", "behalte [bitte] (im kopf|im gedächtnis) dass ...",
        "(denk|denke) [bitte] daran dass <ich|mein|meine|wir|unser|unsere> ...", "vergiss nicht dass ...",
        "vergiss [bitte] nicht dass ...", "(notier|notiere|speicher|speichere) [dir] [bitte] dass ...",
        "(notier|notiere|speicher|speichere) [dir] [bitte]: ...", "du sollst dir merken dass ...",
    ),
    remember_asked=("(kannst|könntest|würdest) du dir [bitte] merken dass ...",),
    forget=(
        "vergiss [bitte] (alles|was du) über !mich! ...", "vergiss [bitte] alles was du über !mich! ... weißt",
        "vergiss [bitte] was ich über ... gesagt habe", "vergiss [bitte] was ich dir über ... (gesagt|erzählt) habe",
        "vergiss [bitte] dass ...", "vergiss [bitte] <mein|meine|meinen|unser|unsere|unseren> ...",
        "vergiss [bitte] die sache mit ...", "(lösch|lösche) [bitte] alles (über|zu|von) !mich|mir! ...",
        "(lösch|lösche) [bitte] alles was du über !mich! ... weißt", "(lösch|lösche) [bitte] ... aus deinem gedächtnis",
        "(lösch|lösche) [bitte] (die|alle) (erinnerung|erinnerungen) an ...",
    ),
    forget_asked=("(kannst|könntest) du [bitte] ... (vergessen|aus deinem gedächtnis löschen)",),
    everything=(
        "vergiss [bitte] alles", "vergiss [bitte] alles über mich", "vergiss [bitte] alles was du über mich weißt",
        "(lösch|lösche) [bitte] alles [was du] [über mich] [weißt|gespeichert hast]",
        "(lösch|lösche) [bitte] (alle|deine|meine) erinnerungen", "(lösch|lösche) [bitte] dein gedächtnis",
    ),
    show=(
        "was weißt du [alles|schon|noch] über mich", "was hast du [dir] [alles] über mich (gemerkt|gespeichert|gelernt)",
        "(zeig|zeige) [mir] [bitte] [alles] was du über mich weißt", "(zeig|zeige) [mir] [bitte] (meine|deine) erinnerungen",
        "woran erinnerst du dich bei mir", "was wissen sie über mich",
    ),
    private=(
        "(merk|merke) dir (das|dies) [bitte] nicht", "(speicher|speichere|behalte) (das|dies) [bitte] nicht",
        "das (bleibt|ist) unter uns", "(das|dies) ist vertraulich", "vergiss [bitte] was ich [gerade|eben] gesagt habe",
        "das soll nicht gespeichert werden", "das muss unter uns bleiben",
        "nicht (merken|speichern|abspeichern)", "(das|dies|es) [bitte] nicht (merken|speichern|abspeichern)",
    ),
    private_then=(
        "(merk|merke) dir (das|folgendes) [bitte] nicht: ...", "ganz unter uns, ...", "unter uns, ...", "unter uns gesagt, ...",
        "(speicher|speichere) (das|folgendes) [bitte] nicht: ...",
        "nicht (merken|speichern|abspeichern): ...", "(das|dies|es|folgendes) [bitte] nicht (merken|speichern|abspeichern): ...",
    ),
    private_opening=(
        "nicht (merken|speichern|abspeichern)", "(das|dies|es|folgendes) [bitte] nicht (merken|speichern|abspeichern)",
        "(merk|merke) dir (das|dies) [bitte] nicht",
    ),
    signs="merk|vergiss|vergess|erinner|gedächtnis|speicher|gespeichert|lösch|unter uns|weißt|über mich|vertraulich|denk|zeig",
    yes="ja|jawohl|klar|ok|okay|mach das|gerne|ja bitte|einverstanden|bestätigt|genau",
    no="nein|nee|nö|nicht|abbrechen|lass es|lieber nicht|stopp|keine|nein danke|doch nicht",
    all="alle|alles|beide|beides|alle davon",
)  # fmt: skip

FRENCH = Words(
    language="fr",
    before="s'il te plaît|s'il vous plaît|ok|d'accord|bonjour|salut|et|aussi|alors|oui|non|au fait|merci de",
    after="s'il te plaît|s'il vous plaît|merci|d'accord|stp|svp",
    idioms=("oublie (ça|cela|le|la|moi)", "oubliez (ça|cela)", "laisse tomber", "souviens-toi (de ça|de moi)", "retiens (ça|cela)"),
    remember=(
        "(souviens-toi|souvenez-vous|rappelle-toi|rappelez-vous) (que|qu') ...",
        "(retiens|retenez|note|notez|mémorise|mémorisez) [bien] (que|qu') ...",
        "(retiens|retenez|note|notez|mémorise|mémorisez) [bien] [ceci]: ...", "(souviens-toi|souvenez-vous) [de ceci]: ...",
        "(n'oublie|n'oubliez|oublie) pas (que|qu') <je|j'|j’|mon|ma|mes|nous|notre|nos|il|elle> ...",
        "(garde|gardez) (en mémoire|à l'esprit) (que|qu') <je|j'|mon|ma|mes|nous|notre|nos> ...", "retiens <mon|ma|mes|notre|nos> ...",
    ),
    remember_asked=("(peux-tu|pourrais-tu|pouvez-vous|pourriez-vous|tu peux) (retenir|te souvenir|noter|mémoriser) (que|qu') ...",),
    forget=(
        "(oublie|oubliez) tout (sur|de|à propos de) !moi! ...", "(oublie|oubliez) tout ce que tu sais (sur|de) !moi! ...",
        "(oublie|oubliez) ce que j'ai dit (sur|de|à propos de) ...", "(oublie|oubliez) ce que je t'ai dit (sur|de|à propos de) ...",
        "(oublie|oubliez) (que|qu') ...", "(oublie|oubliez) <mon|ma|mes|notre|nos> ...",
        "(efface|effacez|supprime|supprimez) tout ce que tu sais (sur|de) !moi! ...",
        "(efface|effacez|supprime|supprimez) ... de (ta|votre|ma) mémoire",
    ),
    forget_asked=("(peux-tu|pourrais-tu|pouvez-vous|tu peux) oublier (que|tout sur) ...",),
    everything=(
        "(oublie|oubliez) (tout|tout sur moi)", "(oublie|oubliez) tout ce que (tu sais|vous savez) (sur|de) moi",
        "(efface|effacez|supprime|supprimez) tout [ce que tu sais] [sur moi|de moi]",
        "(efface|effacez|supprime|supprimez|vide) (ta|ma|votre|toute ta) mémoire",
    ),
    show=(
        "que (sais-tu|savez-vous) (de|sur) moi", "qu'est-ce que (tu sais|vous savez) (de|sur) moi",
        "(tu sais|vous savez) quoi (de|sur) moi", "qu'as-tu (retenu|mémorisé|appris) (de|sur) moi",
        "(montre|montre-moi|dis-moi) [tout] ce que tu sais (de|sur) moi", "(montre|montre-moi|affiche) [tous] (mes|tes) souvenirs",
        "de quoi te souviens-tu à mon sujet",
    ),
    private=(
        "ne (retiens|retenez|note|notez|mémorise|enregistre|garde) pas (ça|cela|ceci)", "(retiens|note|enregistre) pas ça",
        "(ça|cela|ceci|ça) (reste|doit rester) entre nous", "c'est confidentiel", "que ça reste entre nous",
        "oublie ce que je viens de dire", "c'est off",
    ),
    private_then=("entre nous, ...", "ne (retiens|note|enregistre) pas (ça|ceci|cela): ...", "ça reste entre nous [mais]: ..."),
    private_opening=("ne (retiens|mémorise|note|garde|enregistre|retenez|mémorisez|notez|gardez|enregistrez) pas (ça|ceci|cela)",),
    signs="souvien|rappelle|retien|reten|oubli|mémoi|mémor|efface|supprime|entre nous|sais|savez|souvenir|confident|c'est off|note|garde|enregistre",
    yes="oui|ouais|d'accord|ok|vas-y|bien sûr|oui merci|confirme|je confirme|exact",
    no="non|pas|annule|laisse|non merci|aucun|aucune|stop|surtout pas",
    all="tout|tous|toutes|tous les deux|les deux|tout ça",
)  # fmt: skip

SPANISH = Words(
    language="es",
    before="por favor|ok|vale|hola|oye|y|también|bueno|sí|no|pues|por cierto",
    after="por favor|gracias|vale|ok",
    idioms=("olvídalo", "(olvida|olvide) (eso|esto)", "recuerda (eso|esto)", "acuérdate de mí", "no (lo olvides|te olvides)"),
    remember=(
        "(recuerda|recuerde) que ...", "(recuerda|recuerde) [esto|lo siguiente]: ...", "(acuérdate|acuérdese) de que ...",
        "no (olvides|olvide) que <yo|mi|mis|soy|tengo|vivo|trabajo|estoy|no|me|nuestro|nuestra> ...",
        "ten en cuenta que <yo|mi|mis|soy|tengo|vivo|trabajo|estoy|no|me|nuestro|nuestra> ...",
        "(apunta|apunte|anota|anote|memoriza|memorice|guarda) que ...", "(apunta|anota|memoriza|guarda) [esto]: ...",
        "(recuerda|recuerde) <mi|mis|nuestro|nuestra> ...", "quiero que recuerdes que ...",
    ),
    remember_asked=("(puedes|podrías|puede|podría) (recordar|apuntar|anotar|memorizar) que ...",),
    forget=(
        "(olvida|olvide) todo (sobre|acerca de|de) !mí! ...", "(olvida|olvide) todo lo que sabes (sobre|de) !mí! ...",
        "(olvida|olvide) lo que (dije|te dije|he dicho) (sobre|de) ...", "(olvida|olvide) que ...",
        "(olvida|olvide) <mi|mis|nuestro|nuestra> ...", "olvídate de !mí|eso|esto|ello! ...", "(olvida|olvide) a <mi|mis> ...",
        "(borra|borre|elimina|elimine) todo lo que sabes (sobre|de) !mí! ...",
        "(borra|borre|elimina|elimine|quita) ... de (tu|mi|su) memoria",
    ),
    forget_asked=("(puedes|podrías) olvidar (que|todo sobre) ...", "(puedes|podrías) (borrar|eliminar) ... de tu memoria"),
    everything=(
        "(olvida|olvide|olvídalo) todo", "(olvida|olvide) todo (sobre|de) mí", "(olvida|olvide) todo lo que sabes (sobre|de) mí",
        "(borra|borre|elimina) todo [lo que sabes] [sobre mí|de mí]", "(borra|borre|vacía) (tu|mi|toda tu) memoria",
    ),
    show=(
        "qué (sabes|sabe|recuerdas|recuerda) (de|sobre|acerca de) mí", "qué has (guardado|aprendido|memorizado) (de|sobre) mí",
        "(muéstrame|muestra|dime|enséñame) [todo] lo que sabes (de|sobre) mí",
        "(muéstrame|muestra|enséñame) (mis|tus) recuerdos",
    ),
    private=(
        "no (recuerdes|guardes|memorices|apuntes|anotes|recuerde|guarde) (esto|eso)", "no te acuerdes de (esto|eso)",
        "(esto|eso) (es|queda) (confidencial|entre nosotros)", "extraoficialmente", "olvida lo que acabo de decir",
        "que quede entre nosotros",
    ),
    private_then=(
        "entre nosotros, ...", "extraoficialmente, ...", "entre tú y yo, ...", "no (recuerdes|guardes) esto [pero]: ...",
    ),
    private_opening=(
        "no (recuerdes|guardes|memorices|anotes|apuntes|recuerde|guarde) (esto|eso|nada)", "no lo (recuerdes|guardes|memorices)",
    ),
    signs="recuerd|acuérd|acuerd|olvid|olvíd|memori|borr|elimin|entre|sabes|sobre mí|cuenta|apunt|anot|extraofic|guard",
    yes="sí|si|claro|vale|ok|hazlo|de acuerdo|adelante|confirmo|sí por favor",
    no="no|cancela|cancelar|déjalo|mejor no|ninguno|ninguna|no gracias|para",
    all="todo|todos|todas|ambos|los dos|todos ellos",
)  # fmt: skip

ITALIAN = Words(
    language="it",
    before="per favore|per piacere|ok|va bene|ciao|e|anche|sì|no|allora|senti|a proposito",
    after="per favore|per piacere|grazie|ok|va bene",
    idioms=("(dimenticalo|dimenticatelo)", "dimentica (questo|quello)", "ricorda (questo|quello)", "ricordati di me", "lascia perdere"),
    remember=(
        "(ricorda|ricordati|ricordi|si ricordi) (che|di questo:) ...", "(ricorda|ricordati) [questo]: ...",
        "non dimenticare che ...", "tieni (a mente|presente) che <io|mio|mia|miei|sono|ho|vivo|lavoro|non|mi|nostro|nostra> ...",
        "(annota|annotati|segnati|memorizza|prendi nota) che ...", "(annota|annotati|segnati|memorizza|prendi nota) [questo]: ...",
        "(ricorda|ricordati) <il mio|la mia|i miei|le mie> ...",
    ),
    remember_asked=("(puoi|potresti|può|potrebbe) (ricordare|ricordarti|memorizzare|annotare) che ...",),
    forget=(
        "(dimentica|dimentichi) tutto (su|di|riguardo a) !me! ...", "(dimentica|dimentichi) tutto (sul|sulla|sui|sulle|del|della|dei) ...",
        "(dimentica|dimentichi) tutto quello che sai (su|di|sul|sulla|del|della) !me|di me! ...",
        "dimentica (quello che|ciò che) (ho detto|ti ho detto) (su|di|del|della|sul|sulla) ...", "(dimentica|dimentichi) che ...",
        "(dimentica|dimentichi) <il mio|la mia|i miei|le mie> ...", "dimenticati (di|del|della|dei) !me! ...",
        "(cancella|elimina) tutto quello che sai (su|di) !me! ...", "(cancella|elimina|rimuovi) ... dalla (tua|mia) memoria",
    ),
    forget_asked=("(puoi|potresti) dimenticare (che|tutto su) ...",),
    everything=(
        "(dimentica|dimentichi) tutto", "dimentica tutto (su|di) me", "dimentica tutto quello che sai (su|di) me",
        "(cancella|elimina) tutto [quello che sai] [su di me|di me|su me]", "dimentica tutto quello che sai su di me",
        "(cancella|svuota) la (tua|mia) memoria",
    ),
    show=(
        "(che cosa|cosa|che) (sai|sa|ricordi) (di|su|su di) me", "(che cosa|cosa) hai (memorizzato|imparato) (di|su|su di) me",
        "(mostrami|dimmi|mostra) [tutto] quello che sai (di|su|su di) me", "(mostrami|mostra) i (miei|tuoi) ricordi",
    ),
    private=(
        "non (ricordare|memorizzare|salvare|annotare) (questo|quello)", "(questo|questa cosa|che) (resti|resta|rimanga|rimane) tra noi",
        "(questo|è) confidenziale", "dimentica quello che ho appena detto", "non ricordarlo", "non salvarlo",
    ),
    private_then=("(tra|fra) noi, ...", "detto tra noi, ...", "non (ricordare|memorizzare|salvare) questo: ..."),
    private_opening=("non (ricordare|memorizzare|salvare) (questo|ciò|quello)",),
    signs="ricord|dimentic|memori|cancella|elimina|tra noi|fra noi|noi|sai|su di me|tieni|annot|segnati|nota|confiden|salva|questo resti",
    yes="sì|si|certo|va bene|ok|fallo|d'accordo|procedi|confermo|sì grazie",
    no="no|annulla|lascia stare|meglio di no|nessuno|nessuna|no grazie|ferma",
    all="tutto|tutti|tutte|entrambi|tutti e due",
)  # fmt: skip

PORTUGUESE = Words(
    language="pt",
    before="por favor|ok|olá|oi|e|também|sim|não|então|olha|a propósito",
    after="por favor|obrigado|obrigada|ok|tá bom",
    idioms=("(esquece|esqueça) (isso|isto)", "deixa pra lá", "lembra de mim", "não (te esqueças|se esqueça)", "esquece"),
    remember=(
        "(lembra-te|lembre-se|lembra|lembre) [de] que ...", "(lembra-te|lembre-se|lembra|lembre) [disto|disso|disto]: ...",
        "não (esqueças|esqueça|te esqueças|se esqueça|esquece) [de] que ...",
        "(tem|tenha) em (mente|conta) que <eu|meu|minha|sou|tenho|moro|vivo|trabalho|não|nosso|nossa> ...",
        "(anota|anote|memoriza|memorize|guarda|guarde) [aí] que ...", "(anota|anote|memoriza|memorize|guarda|guarde) [isto|isso]: ...",
    ),
    remember_asked=("(pode|podes|poderia|você pode) (lembrar|lembrar-se|memorizar|anotar) [de] que ...",),
    forget=(
        "(esquece|esqueça) tudo (sobre|a respeito de) !mim! ...", "(esquece|esqueça) tudo o que (sabes|sabe|você sabe) sobre !mim! ...",
        "(esquece|esqueça) o que eu (disse|te disse) sobre ...", "(esquece|esqueça) que ...",
        "(esquece|esqueça) <o meu|a minha|os meus|as minhas|meu|minha|meus|minhas> ...",
        "(apaga|apague|elimina|remove|remova) tudo o que (sabes|sabe|você sabe) sobre !mim! ...",
        "(apaga|apague|elimina|remove|remova) ... da (tua|sua|minha) memória",
    ),
    forget_asked=("(pode|podes|poderia) esquecer (que|tudo sobre) ...",),
    everything=(
        "(esquece|esqueça) tudo", "(esquece|esqueça) tudo sobre mim", "(esquece|esqueça) tudo o que (sabes|sabe|você sabe) sobre mim",
        "(apaga|apague) tudo [o que sabe|o que sabes|o que você sabe] [sobre mim]", "(apaga|apague|limpa|limpe) (a tua|a sua|sua|tua) memória",
    ),
    show=(
        "[o] que (sabes|sabe|você sabe|você lembra) (de|sobre) mim", "[o] que é que (sabes|sabe) (de|sobre) mim",
        "[o] que (guardou|aprendeu|você guardou|você aprendeu) sobre mim",
        "(mostra-me|mostre-me|mostra|mostre|diz-me) [tudo] o que (sabes|sabe|você sabe) sobre mim",
        "(mostra|mostre|mostra-me|mostre-me) [as] (minhas|tuas|suas) memórias",
    ),
    private=(
        "não (lembres|lembre|guardes|guarde|memorizes|memorize|anotes|anote) (isto|isso)", "(isto|isso) (fica|é) entre nós",
        "(isto|isso) é confidencial", "(esquece|esqueça) o que acabei de dizer", "que fique entre nós",
    ),
    private_then=("(cá entre nós|aqui entre nós|entre nós), ...", "em off, ...", "não (guardes|guarde|memorize) isto: ..."),
    private_opening=("não (lembre|lembres|guarde|guardes|memorize|memorizes|salve|anote|anotes) (isto|isso)",),
    signs="lembr|esque|memor|memór|apag|entre nós|sobre mim|sabe|em mente|em conta|tem|tenha|anot|guard|confiden|em off",
    yes="sim|claro|ok|pode|faz isso|faça isso|isso mesmo|confirmo|tá bom|sim por favor",
    no="não|cancela|cancele|deixa|melhor não|nenhum|nenhuma|não obrigado|não obrigada|para",
    all="tudo|todos|todas|ambos|os dois|todos eles",
)  # fmt: skip

DUTCH = Words(
    language="nl",
    before="alsjeblieft|alstublieft|ok|oké|hoi|hallo|hé|en|ook|ja|nee|trouwens|dus",
    after="alsjeblieft|alstublieft|bedankt|dank je|ok|oké",
    idioms=("vergeet (het|dat|dit|mij|me) [maar]", "onthoud (dat|dit)", "laat maar"),
    remember=(
        "onthoud [alsjeblieft|even|goed] dat <ik|mijn|we|wij|onze|ons|hij|zij|ze|het|de|er|mijn|m'n> ...", "onthoud [dit|even|het volgende]: ...",
        "onthoud <mijn|onze|m'n> ...", "vergeet niet dat <ik|mijn|we|wij|onze|ons|m'n> ...",
        "(houd|hou) in gedachten dat <ik|mijn|we|wij|onze|m'n> ...", "(noteer|bewaar|schrijf op) dat ...", "(noteer|bewaar) [dit]: ...",
    ),
    remember_asked=("(kun|kan|kunt|zou) (je|jij|u) [alsjeblieft] onthouden dat ...",),
    forget=(
        "vergeet alles over !mij|me! ...", "vergeet alles wat je [weet] over !mij|me! ...", "vergeet wat ik (zei|heb gezegd) over ...",
        "vergeet wat ik over ... (zei|heb gezegd|heb verteld)", "vergeet dat <ik|mijn|we|wij|onze|hij|zij|ze> ...",
        "vergeet <mijn|onze|m'n> ...", "(verwijder|wis) alles wat je weet over !mij|me! ...",
        "(verwijder|wis) ... uit (je|jouw|mijn) geheugen",
    ),
    forget_asked=("(kun|kan|kunt|zou) (je|jij|u) [alsjeblieft] vergeten dat ...",),
    everything=(
        "vergeet alles", "vergeet alles over (mij|me)", "vergeet alles wat je (van|over) (mij|me) weet",
        "vergeet alles wat je weet over (mij|me)", "(verwijder|wis) alles [wat je over mij weet|wat je weet over mij|over mij]",
        "(wis|leeg) (je|jouw|mijn) geheugen",
    ),
    show=(
        "wat weet (je|jij|u) [allemaal|al|nog] (over|van) (mij|me)", "wat heb je (over|van) (mij|me) (onthouden|opgeslagen|geleerd)",
        "wat weet je over mij", "(laat zien|toon) wat je (over|van) (mij|me) weet", "laat [me] zien wat je (over|van) (mij|me) weet",
        "(toon|laat) [me] (mijn|je|jouw) herinneringen [zien]",
    ),
    private=(
        "onthoud (dit|dat) [alsjeblieft] niet", "(bewaar|noteer|sla) (dit|dat) niet [op]", "(dit|dat) blijft onder ons",
        "(dit|dat) is vertrouwelijk", "vergeet wat ik [net|zojuist] zei",
    ),
    private_then=("onder ons gezegd, ...", "onder ons, ...", "onthoud (dit|dat) niet: ...", "off the record, ..."),
    private_opening=("onthoud (dit|dat) [alsjeblieft] niet",),
    signs="onthou|vergeet|vergeten|geheugen|verwijder|onder ons|weet|in gedachten|noteer|bewaar|herinner|vertrouwelijk|off the record|schrijf|sla",
    yes="ja|jawel|ok|oké|doe maar|graag|zeker|klopt|bevestig|ja graag",
    no="nee|niet|annuleer|laat maar|liever niet|geen|nee dank je|stop",
    all="alle|alles|allemaal|allebei|beide",
)  # fmt: skip

RUSSIAN = Words(
    language="ru",
    before="пожалуйста|ок|хорошо|привет|и|также|а|да|нет|кстати|ну|ладно",
    after="пожалуйста|спасибо|ок|хорошо",
    idioms=("забудь [об этом|это]", "забей", "запомни (это|меня)", "забудьте [об этом]"),
    remember=(
        "(запомни|запомните) [пожалуйста] что ...", "(запомни|запомните) [пожалуйста|следующее]: ...",
        "(запомни|запомните) <мой|моя|моё|мое|мои|наш|наша> ...", "не (забудь|забудьте|забывай|забывайте) что ...",
        "(имей|имейте) в виду что <я|у меня|мой|моя|мне|мы|мои|наш|наша> ...", "(запиши|запишите|сохрани|сохраните) что ...",
        "(запиши|запишите|сохрани|сохраните) [это]: ...", "(помни|помните) что <я|у меня|мой|моя|мне|мы|мои|наш|наша> ...",
    ),
    remember_asked=("(можешь|можете|мог бы ты|могли бы вы) запомнить что ...",),
    forget=(
        "(забудь|забудьте) [пожалуйста] всё что (ты знаешь|вы знаете) (о|об|про) !мне|меня! ...",
        "(забудь|забудьте) [пожалуйста] все что (ты знаешь|вы знаете) (о|об|про) !мне|меня! ...",
        "(забудь|забудьте) [пожалуйста] (всё|все) (о|об|про) !мне|меня! ...",
        "(забудь|забудьте) [пожалуйста] что я (говорил|говорила|сказал|сказала) (о|об|про) ...",
        "(забудь|забудьте) [пожалуйста] (о|об|про) !мне|меня|этом! ...", "(забудь|забудьте) [пожалуйста] что ...",
        "(забудь|забудьте) [пожалуйста] <мой|моя|мою|моё|мои|наш|нашу> ...", "(удали|удалите|сотри|сотрите) ... из [своей|моей] памяти",
    ),
    forget_asked=("(можешь|можете) забыть (о|об|про|что) ...",),
    everything=(
        "(забудь|забудьте) (всё|все)", "(забудь|забудьте) (всё|все) (обо мне|про меня)",
        "(забудь|забудьте) (всё|все) что (ты знаешь|вы знаете) (обо мне|про меня)", "(удали|удалите|сотри|сотрите) (всё|все) [обо мне]",
        "(удали|удалите|сотри|сотрите|очисти) [свою|всю] память",
    ),
    show=(
        "что (ты знаешь|вы знаете|ты помнишь|вы помните) (обо мне|про меня)", "что ты [обо мне] (знаешь|помнишь|запомнил|запомнила) [обо мне]",
        "(покажи|покажите|расскажи) [мне] [всё|все] что (ты знаешь|вы знаете) обо мне", "(покажи|покажите) мои воспоминания",
    ),
    private=(
        "не (запоминай|запоминайте|сохраняй|сохраняйте|записывай) (это|этого)", "это (останется|должно остаться) между нами",
        "(это|строго) не для протокола", "это конфиденциально", "(забудь|забудьте) что я (только что|сейчас) (сказал|сказала)",
    ),
    private_then=("между нами [говоря], ...", "не для протокола, ...", "не запоминай это: ..."),
    private_opening=("не (запоминай|запоминайте|сохраняй|сохраняйте|записывай|записывайте)",),
    signs="запомн|запомин|помни|забуд|забыв|забыть|памят|сотри|удали|между нами|обо мне|про меня|в виду|запи|сохран|воспомин|протокол|конфид",
    yes="да|конечно|хорошо|ок|давай|подтверждаю|ага|да пожалуйста|верно",
    no="нет|не надо|отмена|отмени|стой|ничего|ни одного|нет спасибо|не нужно",
    all="все|всё|оба|все сразу|их все",
)  # fmt: skip

CHINESE = Words(
    language="zh",
    spaced=False,
    before="请|請|麻烦|麻煩|嘿|你好|好的|好|那|对了|對了|另外",
    after="谢谢|謝謝|吧|好吗|好嗎|哦|啊",
    idioms=("忘了吧", "忘了它", "算了", "记住我", "别忘了我", "记住这个", "忘掉吧", "记住了"),
    remember=(
        "(记住|記住|请记住|请记得|記得|记得|记一下|記一下): ...", "(记住|記住) <我|我们|我的|他|她|以后|從|从> ...",
        "帮我(记住|记一下|記住|記一下) ...", "(别忘了|别忘记|不要忘记|別忘了|不要忘記) <我|我们|我的|我們> ...", "(记下|記下|保存): ...", "记下 <我|我们|我的> ...",
    ),
    remember_asked=("(你能|能不能|可以|你可以)(帮我)?记住 <我|我们|我的> ...",),
    forget=(
        "(忘记|忘掉|忘了|忘記)(关于|關於) !我的一切|我的所有! ...", "(忘记|忘掉|忘了|忘記) <我|我的|我们|他|她> !吧|的一切! ...",
        "(删除|刪除|删掉|清除)(关于|關於) !我的! ... (的记忆|的記憶|的一切|的内容|的信息)", "把 ... (忘掉|忘了|忘记|忘記|删掉|删除)",
        "(从|從)(记忆|記憶)(中|里|裡)(删除|刪除|删掉) ...",
    ),
    forget_asked=("(你能|可以|能不能|你可以)(忘记|忘掉) ...",),
    everything=(
        "(忘记|忘掉|忘了|忘記)(一切|所有|全部|所有事情|关于我的一切|关于我的所有|我的一切|所有的事)", "(删除|刪除|清除|清空)(所有|全部|你的|我的|关于我的所有)(记忆|記憶)",
        "(删除|清除)(关于|關於)我的(一切|所有信息|全部信息)",
    ),
    show=(
        "你(都|还)?(知道|记得|記得|了解)(我|关于我|關於我)(的)?(什么|什麼|哪些|多少|些什么)(事|事情|信息)?", "(关于|關於)我你(都|还)?(知道|记得|記得)(些)?(什么|什麼|哪些)",
        "你对我(了解|知道)(多少|什么|些什么)", "(显示|列出|告诉我)你(知道|记得)的关于我的(一切|所有|事情|信息)", "(显示|列出)(我的|你的|所有)(记忆|記憶)",
    ),
    private=(
        "(不要|别|別)(记住|记录|记|記住|記錄|保存)(这个|这|这件事|這個|這|这句话|这些)", "这(件事)?(不要|别)(记|记录|记住|保存)", "这是(私下|保密)(说)?的",
        "忘(掉|了|记)我刚才说的(话)?", "这个(要)?保密",
    ),
    private_then=("(私下说|私下说一句|不公开地说|悄悄告诉你) ...", "(不要|别|別)(记住|记录|保存)(这个|这)(但是|但|: ) ..."),
    private_opening=("(不要|别|別|請勿|请勿)(记住|記住|记下|記下|保存|记录|記錄)",),
    signs="记住|記住|记得|記得|忘|记录|记忆|記憶|私下|保密|关于我|關於我|知道|记下|記下|保存|删|刪|清除|对我|记一下|悄悄|不公开",
    yes="是|是的|好|好的|可以|对|确认|行|嗯|删吧|要|對|確認",
    no="不|不要|不用|取消|算了|否|别|不是|不行|都不",
    all="全部|所有|都|全都|全部删除|都删|两个都",
)  # fmt: skip

JAPANESE = Words(
    language="ja",
    spaced=False,
    before="お願い|はい|ねえ|あと|それと|じゃあ|えっと|ちなみに|そうだ",
    after="お願いします|お願い|ありがとう|ね|よ",
    idioms=("忘れて", "もういい", "覚えてる", "忘れないで", "覚えておいて", "忘れてください", "覚えてて"),
    remember=(
        "... (って|と|ということを|ことを|のを)(覚えておいて|覚えといて|覚えて|記憶して|メモして)(ください|下さい|おいて|ね)?",
        "(覚えておいて|覚えておいてください|覚えて|記憶して|メモして): ...", "... (ことを|のを)忘れないで(ください|ね)?",
    ),
    forget=(
        "!私の|俺の|僕の! ... (のことは|のこと|については|について|ことを|ことは|を)(忘れて|忘れてください|忘れて下さい|忘れてほしい|記憶から消して|記憶から消してください|記憶から削除して)",
        "(私の|俺の|僕の) !こと|すべて|全て|記憶! ... (のことは|のこと|については|について|ことを|ことは|を)(忘れて|忘れてください|忘れて下さい|記憶から消して|記憶から消してください)",
    ),
    everything=(
        "(全部|すべて|全て|何もかも)(を)?(忘れて|忘れてください|消して|削除して)", "(私|俺|僕)(のこと|についてのこと|に関すること)(は|を)?(全部|すべて|全て)?(忘れて|忘れてください)",
        "(記憶|メモリ)を(全部|すべて|全て)?(消して|消去して|削除して|消してください|削除してください)",
    ),
    show=(
        "(私|俺|僕|わたし)(について|のこと|に関して)(は|を|で)?(何|なに|どんなこと)(を|が)?(知って|覚えて)(いますか|いる|る|ますか|いるの|るの|います)",
        "(私|俺|僕|わたし)の(こと|記憶)(を|は)?(何を|どれくらい)?(知って|覚えて)(いますか|いる|る|ますか)", "(私|俺|僕)の記憶を(見せて|表示して)(ください)?",
        "(私|俺|僕)について知っていること(を|は)?(教えて|見せて)?(ください)?",
    ),
    private=(
        "(これは|これ|今のは|この話は|今の話は)?(覚えないで|記憶しないで|保存しないで|記録しないで)(ください|ね)?", "(これは|ここだけの)(オフレコ|話|内緒)(です|だよ|で|にして|にしてください)?",
        "今(言った|の)(ことは|話は|のは)(忘れて|覚えないで)(ください)?", "オフレコで",
    ),
    private_then=("(オフレコ|ここだけの話|内緒の話)(だけど|ですが|なんだけど|なんですが|で) ...",),
    private_opening=("(覚え|記憶し|保存し|記録し)ないで",),
    signs="覚え|忘れ|知って|消して|削除|内緒|記録|保存|記憶|オフレコ|ここだけ|メモして|について",
    yes="はい|うん|ええ|そうです|お願いします|いいよ|いいです|消して|ok|オーケー",
    no="いいえ|いや|やめて|だめ|キャンセル|ううん|いらない|やめる|違う",
    all="全部|すべて|全て|両方|全部消して",
)  # fmt: skip

KOREAN = Words(
    language="ko",
    before="제발|부탁인데|네|응|저기|그리고|참|아|그럼|혹시",
    after="부탁해|부탁해요|부탁합니다|고마워|감사합니다|줘",
    idioms=("잊어버려", "잊어", "됐어", "기억해", "잊지 마", "기억나", "그건 잊어", "그만 잊어"),
    remember=(
        "...(는|은) (걸|것을|거|점을|사실을) (기억해|기억해줘|기억해 줘|기억해주세요|기억해 주세요|기억하세요|잊지 마|잊지 마세요)",
        "(기억해|기억해줘|기억해 줘|기억해주세요|기억해 주세요|메모해|메모해줘|메모해 줘): ...",
        "...고 (기억해|기억해줘|기억해 줘|기억해주세요|기억해 주세요|메모해 줘|메모해줘)",
    ),
    forget=(
        "!나에|내|저에|모든|전부|다! ...(에 대해|에 대해서|에 관해|에 관해서|에 대한 건|에 대한 것|에 대한 것은) (잊어|잊어줘|잊어 줘|잊어버려|잊어주세요|잊어 주세요)",
        "(나의|내|제|우리) ...(에 대해|에 대해서|에 대한 건|에 대한 것은) (잊어|잊어줘|잊어 줘|잊어버려|잊어주세요|잊어 주세요)",
        "(내|제|나의|우리) ...(을|를|은|는) (잊어|잊어줘|잊어 줘|잊어버려|잊어주세요|잊어 주세요)",
        "!모든|전부! ...(는|은) (걸|것을|거|사실을) (잊어|잊어줘|잊어 줘|잊어버려|잊어주세요|잊어 주세요)",
        "...(을|를|은|는) (기억에서|메모리에서) (지워|지워줘|지워 줘|삭제해|삭제해줘|지워 주세요)",
    ),
    everything=(
        "(모두|다|전부|모든 걸|모든 것을) (잊어|잊어줘|잊어 줘|잊어버려|잊어주세요|잊어 주세요|지워|지워줘|지워 줘)",
        "(나에|저에|내) (대해|대한) [모든] [걸|것을|건] [모두|다|전부] (잊어|잊어줘|잊어 줘|잊어주세요|잊어 주세요|지워줘|지워 줘)",
        "(모든|네) (기억을|기억) [다|모두|전부] (지워|지워줘|지워 줘|삭제해|삭제해 줘)",
    ),
    show=(
        "(나에|저에) (대해|대해서|관해) (뭘|무엇을|뭐를|뭐|무얼|어떤 걸) (알고|기억하고) (있어|있니|있나요|있습니까|있어요)",
        "(나에|저에) (대해|대해서) [뭘|무엇을] (알아|알아요|아니|아세요|기억해|기억해요|아나요)", "(내|나의|제) 기억을 (보여줘|보여 줘|보여주세요|보여 주세요)",
        "(나에|저에) 대해 아는 (걸|것을) (말해줘|말해 줘|보여줘|알려줘|알려 줘)",
    ),
    private=(
        "(이건|이거|이것은|그건|이걸|방금 건) (기억하지|저장하지|기록하지) (마|마세요|말아줘|말아 줘|말아주세요)", "(이건|이거|이것은) (비밀이야|비밀이에요|비밀입니다|오프더레코드야|우리끼리 얘기야)",
        "(방금|지금) (말한|한) (건|거|것은) (잊어|잊어줘|잊어 줘|잊어주세요)", "오프 더 레코드",
    ),
    private_then=("(오프더레코드로|오프 더 레코드로|오프 더 레코드|우리끼리 얘기지만|우리끼리 하는 말인데|비밀인데) ...",),
    private_opening=("(기억|저장|기록)하지 (마|말)",),
    signs="기억|잊|메모|비밀|오프|대해|지워|저장|기록|우리끼리",
    yes="네|예|응|그래|좋아|맞아|해줘|확인|지워줘|지워 줘|그렇게 해",
    no="아니|아니요|아니오|하지 마|취소|싫어|됐어|그만|괜찮아",
    all="모두|전부|다|둘 다|모두 다",
)  # fmt: skip

TABLE: Sequence[Words] = (
    ENGLISH, GERMAN, FRENCH, SPANISH, ITALIAN, PORTUGUESE, DUTCH, RUSSIAN, CHINESE, JAPANESE, KOREAN,
)  # fmt: skip

PRIVATE_ELSEWHERE = "لا (?:تتذكر|تحفظ|تسجل)"
"""Requests to leave a message out in languages that have no commands yet: Arabic."""
