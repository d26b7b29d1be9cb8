"""What the memory says to a user who gave it a command, by language: data for ``commands/execution.py``."""

from collections.abc import Mapping
from dataclasses import dataclass

from langchain_persistmem.types.records import Kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Replies:
    """One language's sentences. ``{what}`` is in the user's own words, ``{count}`` a number."""

    kept: str
    waits: str
    """What was to be kept waits for review."""
    known: str
    nothing: str
    more: str
    """There is more than is shown."""
    kinds: Mapping[Kind, str]
    ask: str
    """Before the list of what would be erased."""
    how: str
    """After it: how to answer."""
    ask_all: str
    not_found: str
    erased: str
    erased_all: str
    changed: str
    """What was asked about is not there any more as it was shown."""
    spared: str
    private: str
    private_learnt: str
    """Before the list of what was learnt from the message before."""
    failed: str
    off: str
    """The run is off the record."""


def _kinds(profile: str, procedural: str, semantic: str, episodic: str) -> Mapping[Kind, str]:
    return {"profile": profile, "procedural": procedural, "semantic": semantic, "episodic": episodic}


REPLIES: Mapping[str, Replies] = {
    "en": Replies(
        kept="I will remember: {what}",
        waits="This waits for review before I use it: {what}",
        known="This is what I remember:",
        nothing="I remember nothing about you yet.",
        more="... and more.",
        kinds=_kinds("Profile", "How you want me to behave", "What I know", "What was said and what happened"),
        ask="This is what I would erase for good:",
        how="Shall I? Answer yes for all of it, the numbers of those to erase, or no.",
        ask_all="I would erase everything that I remember about you ({count}), and our stored conversations, for good. Yes or no?",
        not_found="I remember nothing about this: {what}",
        erased="Erased: {count}.",
        erased_all="Everything is erased.",
        changed="This has changed since I asked, so I erased nothing. Please ask again.",
        spared="Then I keep it. Nothing was erased.",
        private="I will not remember this.",
        private_learnt="I will not remember this. I had already kept this from it:",
        failed="I cannot reach my memory just now; nothing was changed. Please try again later.",
        off="Memory is off in this conversation: nothing was read, kept or erased.",
    ),
    "de": Replies(
        kept="Das merke ich mir: {what}",
        waits="Das wartet auf eine Prüfung, bevor ich es verwende: {what}",
        known="Das weiß ich:",
        nothing="Ich weiß noch nichts über dich.",
        more="... und mehr.",
        kinds=_kinds("Profil", "Wie ich mich verhalten soll", "Was ich weiß", "Was gesagt wurde und was geschah"),
        ask="Das würde ich endgültig löschen:",
        how="Soll ich? Antworte mit Ja für alles, mit den Nummern, die gelöscht werden sollen, oder mit Nein.",
        ask_all="Ich würde alles, was ich über dich weiß ({count}), und unsere gespeicherten Gespräche endgültig löschen. Ja oder nein?",
        not_found="Dazu weiß ich nichts: {what}",
        erased="Gelöscht: {count}.",
        erased_all="Alles ist gelöscht.",
        changed="Das hat sich geändert, seit ich gefragt habe; gelöscht ist nichts. Bitte frage noch einmal.",
        spared="Dann behalte ich es. Gelöscht ist nichts.",
        private="Das merke ich mir nicht.",
        private_learnt="Das merke ich mir nicht. Daraus hatte ich schon behalten:",
        failed="Ich erreiche mein Gedächtnis gerade nicht; geändert ist nichts. Bitte versuche es später noch einmal.",
        off="Das Gedächtnis ist in diesem Gespräch ausgeschaltet: nichts wurde gelesen, behalten oder gelöscht.",
    ),
    "fr": Replies(
        kept="Je m'en souviendrai : {what}",
        waits="Ceci attend une vérification avant que je l'utilise : {what}",
        known="Voici ce que je sais :",
        nothing="Je ne sais encore rien de toi.",
        more="... et d'autres choses.",
        kinds=_kinds("Profil", "Comment je dois me comporter", "Ce que je sais", "Ce qui a été dit et ce qui s'est passé"),
        ask="Voici ce que j'effacerais pour de bon :",
        how="D'accord ? Réponds oui pour tout, les numéros à effacer, ou non.",
        ask_all="J'effacerais pour de bon tout ce que je sais de toi ({count}) et nos conversations enregistrées. Oui ou non ?",
        not_found="Je ne sais rien à ce sujet : {what}",
        erased="Effacé : {count}.",
        erased_all="Tout est effacé.",
        changed="Cela a changé depuis ma question ; rien n'est effacé. Demande-moi encore une fois.",
        spared="Alors je le garde. Rien n'est effacé.",
        private="Je ne le retiendrai pas.",
        private_learnt="Je ne le retiendrai pas. J'en avais déjà retenu ceci :",
        failed="Je n'ai pas accès à ma mémoire pour le moment ; rien n'a changé. Réessaie plus tard.",
        off="La mémoire est désactivée dans cette conversation : rien n'a été lu, gardé ni effacé.",
    ),
    "es": Replies(
        kept="Lo recordaré: {what}",
        waits="Esto espera una revisión antes de que lo use: {what}",
        known="Esto es lo que sé:",
        nothing="Todavía no sé nada de ti.",
        more="... y más.",
        kinds=_kinds("Perfil", "Cómo debo comportarme", "Lo que sé", "Lo que se dijo y lo que pasó"),
        ask="Esto es lo que borraría para siempre:",
        how="¿Lo hago? Responde sí para todo, los números que se deben borrar, o no.",
        ask_all="Borraría para siempre todo lo que sé de ti ({count}) y nuestras conversaciones guardadas. ¿Sí o no?",
        not_found="No sé nada sobre esto: {what}",
        erased="Borrado: {count}.",
        erased_all="Todo está borrado.",
        changed="Esto ha cambiado desde que pregunté; no he borrado nada. Pregúntame otra vez.",
        spared="Entonces lo conservo. No he borrado nada.",
        private="No lo recordaré.",
        private_learnt="No lo recordaré. De ello ya había guardado esto:",
        failed="Ahora no puedo acceder a mi memoria; no ha cambiado nada. Inténtalo más tarde.",
        off="La memoria está desactivada en esta conversación: no se ha leído, guardado ni borrado nada.",
    ),
    "it": Replies(
        kept="Lo ricorderò: {what}",
        waits="Questo attende una verifica prima che io lo usi: {what}",
        known="Ecco che cosa so:",
        nothing="Non so ancora niente di te.",
        more="... e altro.",
        kinds=_kinds("Profilo", "Come devo comportarmi", "Che cosa so", "Che cosa è stato detto e che cosa è successo"),
        ask="Ecco che cosa cancellerei per sempre:",
        how="Lo faccio? Rispondi sì per tutto, i numeri da cancellare, oppure no.",
        ask_all="Cancellerei per sempre tutto quello che so di te ({count}) e le nostre conversazioni salvate. Sì o no?",
        not_found="Non so niente di questo: {what}",
        erased="Cancellato: {count}.",
        erased_all="Tutto è cancellato.",
        changed="È cambiato qualcosa da quando ho chiesto; non ho cancellato niente. Chiedimelo di nuovo.",
        spared="Allora lo tengo. Non ho cancellato niente.",
        private="Non lo ricorderò.",
        private_learnt="Non lo ricorderò. Ne avevo già tenuto questo:",
        failed="Ora non riesco ad accedere alla mia memoria; non è cambiato niente. Riprova più tardi.",
        off="La memoria è disattivata in questa conversazione: nulla è stato letto, conservato o cancellato.",
    ),
    "pt": Replies(
        kept="Vou lembrar: {what}",
        waits="Isto espera uma revisão antes de eu o usar: {what}",
        known="Isto é o que sei:",
        nothing="Ainda não sei nada sobre você.",
        more="... e mais.",
        kinds=_kinds("Perfil", "Como devo comportar-me", "O que sei", "O que foi dito e o que aconteceu"),
        ask="Isto é o que eu apagaria para sempre:",
        how="Posso? Responda sim para tudo, os números a apagar, ou não.",
        ask_all="Eu apagaria para sempre tudo o que sei sobre você ({count}) e as nossas conversas guardadas. Sim ou não?",
        not_found="Não sei nada sobre isto: {what}",
        erased="Apagado: {count}.",
        erased_all="Tudo foi apagado.",
        changed="Isto mudou desde que perguntei; nada foi apagado. Pergunte outra vez.",
        spared="Então guardo. Nada foi apagado.",
        private="Não vou lembrar isto.",
        private_learnt="Não vou lembrar isto. Já tinha guardado daí:",
        failed="Não consigo aceder à minha memória agora; nada mudou. Tente mais tarde.",
        off="A memória está desligada nesta conversa: nada foi lido, guardado ou apagado.",
    ),
    "nl": Replies(
        kept="Ik zal het onthouden: {what}",
        waits="Dit wacht op een controle voordat ik het gebruik: {what}",
        known="Dit is wat ik weet:",
        nothing="Ik weet nog niets over je.",
        more="... en meer.",
        kinds=_kinds("Profiel", "Hoe ik me moet gedragen", "Wat ik weet", "Wat er gezegd is en wat er gebeurde"),
        ask="Dit zou ik voorgoed wissen:",
        how="Zal ik? Antwoord ja voor alles, de nummers die weg moeten, of nee.",
        ask_all="Ik zou alles wat ik over je weet ({count}) en onze bewaarde gesprekken voorgoed wissen. Ja of nee?",
        not_found="Hierover weet ik niets: {what}",
        erased="Gewist: {count}.",
        erased_all="Alles is gewist.",
        changed="Dit is veranderd sinds ik het vroeg; er is niets gewist. Vraag het nog eens.",
        spared="Dan bewaar ik het. Er is niets gewist.",
        private="Ik zal dit niet onthouden.",
        private_learnt="Ik zal dit niet onthouden. Dit had ik er al van bewaard:",
        failed="Ik kan nu niet bij mijn geheugen; er is niets veranderd. Probeer het later nog eens.",
        off="Het geheugen staat uit in dit gesprek: er is niets gelezen, bewaard of gewist.",
    ),
    "ru": Replies(
        kept="Я запомню: {what}",
        waits="Это ждёт проверки, прежде чем я это использую: {what}",
        known="Вот что я знаю:",
        nothing="Я пока ничего о вас не знаю.",
        more="... и ещё.",
        kinds=_kinds("Профиль", "Как мне себя вести", "Что я знаю", "Что было сказано и что произошло"),
        ask="Вот что я удалю навсегда:",
        how="Удалить? Ответьте «да», чтобы удалить всё, назовите номера или ответьте «нет».",
        ask_all="Я удалю навсегда всё, что знаю о вас ({count}), и наши сохранённые разговоры. Да или нет?",
        not_found="Об этом я ничего не знаю: {what}",
        erased="Удалено: {count}.",
        erased_all="Всё удалено.",
        changed="С тех пор как я спросил, это изменилось; ничего не удалено. Спросите ещё раз.",
        spared="Тогда оставлю. Ничего не удалено.",
        private="Я этого не запомню.",
        private_learnt="Я этого не запомню. Из этого уже было сохранено:",
        failed="Сейчас память недоступна; ничего не изменилось. Попробуйте позже.",
        off="Память в этом разговоре выключена: ничего не прочитано, не сохранено и не стёрто.",
    ),
    "zh": Replies(
        kept="我会记住：{what}",
        waits="这需要审核后我才会使用：{what}",
        known="我记得这些：",
        nothing="我还不知道关于你的任何事。",
        more="……还有更多。",
        kinds=_kinds("个人资料", "你希望我怎么做", "我知道的事", "说过的话和发生过的事"),
        ask="我将永久删除：",
        how="要删除吗？回答“是”删除全部，回答编号删除其中几项，或回答“不”。",
        ask_all="我将永久删除我所知道的关于你的一切（{count}）以及保存的对话。是或不？",
        not_found="关于这个我什么都不知道：{what}",
        erased="已删除：{count}。",
        erased_all="已全部删除。",
        changed="在我询问之后内容有变化，没有删除任何东西。请再问一次。",
        spared="那我就保留。没有删除任何东西。",
        private="我不会记住这个。",
        private_learnt="我不会记住这个。之前已经保存了：",
        failed="我现在无法访问记忆，没有任何改变。请稍后再试。",
        off="本次对话已关闭记忆：没有读取、保存或删除任何内容。",
    ),
    "ja": Replies(
        kept="覚えておきます：{what}",
        waits="確認が済むまで使いません：{what}",
        known="覚えていることは次のとおりです：",
        nothing="あなたについてはまだ何も覚えていません。",
        more="……ほかにもあります。",
        kinds=_kinds("プロフィール", "どう振る舞うか", "知っていること", "話したことと起きたこと"),
        ask="次のものを完全に消去します：",
        how="消去しますか。すべてなら「はい」、一部なら番号、やめるなら「いいえ」と答えてください。",
        ask_all="あなたについて覚えていることすべて（{count}）と保存された会話を完全に消去します。はい、それともいいえ？",
        not_found="それについては何も覚えていません：{what}",
        erased="消去しました：{count}。",
        erased_all="すべて消去しました。",
        changed="お尋ねした後に内容が変わったため、何も消去していません。もう一度お願いします。",
        spared="では残しておきます。何も消去していません。",
        private="これは覚えません。",
        private_learnt="これは覚えません。すでに次のことを保存していました：",
        failed="今は記憶にアクセスできません。何も変わっていません。後でもう一度お試しください。",
        off="この会話では記憶がオフになっています。何も読み取らず、保存も削除もしていません。",
    ),
    "ko": Replies(
        kept="기억할게요: {what}",
        waits="검토가 끝난 뒤에 사용할게요: {what}",
        known="제가 기억하는 것은 다음과 같아요:",
        nothing="아직 당신에 대해 아는 것이 없어요.",
        more="... 더 있어요.",
        kinds=_kinds("프로필", "제가 어떻게 해야 하는지", "알고 있는 것", "말한 것과 있었던 일"),
        ask="다음을 완전히 지울게요:",
        how="지울까요? 모두 지우려면 네, 일부만 지우려면 번호, 아니면 아니요라고 답해 주세요.",
        ask_all="당신에 대해 기억하는 모든 것({count})과 저장된 대화를 완전히 지울게요. 네 또는 아니요?",
        not_found="이것에 대해서는 아는 것이 없어요: {what}",
        erased="지웠어요: {count}.",
        erased_all="모두 지웠어요.",
        changed="여쭤본 뒤에 내용이 바뀌어서 아무것도 지우지 않았어요. 다시 말씀해 주세요.",
        spared="그럼 그대로 둘게요. 아무것도 지우지 않았어요.",
        private="이것은 기억하지 않을게요.",
        private_learnt="이것은 기억하지 않을게요. 이미 다음을 저장했어요:",
        failed="지금은 기억에 접근할 수 없어요. 바뀐 것은 없어요. 나중에 다시 시도해 주세요.",
        off="이 대화에서는 기억이 꺼져 있습니다. 아무것도 읽거나 저장하거나 지우지 않았습니다.",
    ),
}  # fmt: skip
