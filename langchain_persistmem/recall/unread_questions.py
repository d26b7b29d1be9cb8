"""Questions in a script that the embedding model does not read: they are recognised, so that no memory counts as near by chance.

A small model reads few scripts: in another all words are one unknown token to it, or a heap of letters, and any two texts are
near each other. That is recognised here, for all searches, by comparing a question with nonsense in its own letters.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from operator import mul

from langchain_persistmem.language.search_terms.query_terms import LONGEST_QUESTION
from langchain_persistmem.language.search_terms.unread_scripts import find_script, make_nonsense
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.types.records import Vector

_TELLING = 20
"""Characters of a question that tells something of a script: a word may be one that the model knows."""
_UNREAD = 3.0
"""In deviations of the model's background: a model that puts nonsense this near a question reads the letters, not the words."""


async def embed_questions(
    backend: Backend, questions: Sequence[str], model: EmbeddingModel
) -> list[tuple[Vector, EmbeddingModel]]:
    """The vectors of questions, each with the model as it is for this question: no memory is near that is no nearer than nonsense.

    Latin script is taken to be read. So is any other from the first question on that shows it, and asks for no second vector.
    """
    scripts = {question: find_script(question[:LONGEST_QUESTION]) for question in questions}
    doubtful = [q for q, script in scripts.items() if script is not None and script not in backend.scripts_read]
    nonsense = {question: make_nonsense(question[:LONGEST_QUESTION]) for question in doubtful}
    texts = list(dict.fromkeys([*questions, *nonsense.values()]))
    vectors = dict(zip(texts, await backend.embed_queries(texts), strict=True))
    pairs: list[tuple[Vector, EmbeddingModel]] = []
    for question in questions:
        usual, script = model, scripts[question]
        if script is not None and question in nonsense:
            near = math.fsum(map(mul, vectors[question], vectors[nonsense[question]]))
            if near <= model.background_mean + _UNREAD * model.background_deviation:
                if len(question) >= _TELLING:
                    backend.scripts_read.add(script)
            else:
                usual = replace(model, background_mean=max(model.background_mean, near))
        pairs.append((vectors[question], usual))
    return pairs
