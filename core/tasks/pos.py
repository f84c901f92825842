"""Part-of-speech tagging as text generation (S0.1): a sentence in, one JSON object of tagged tokens out."""

import os
import re
from pathlib import Path

from pydantic import BaseModel

from core.data import conllu, plain
from core.data.files import locate
from core.errors import DataError
from core.paths import ASSETS
from core.spelling import Template, serialise
from core.tasks.task import SPLITS, Counts, Dataset, Example, Part, Task, without_gold

_BLANKS = re.compile(r"[ \t\r\n]+")
BUNDLED = ASSETS / "data" / "pos"


class Token(BaseModel):
    text: str
    pos: conllu.Upos


class AnnotatedSentence(BaseModel):
    tokens: list[Token]


def example(sentence: conllu.Sentence) -> Example:
    """Blanks inside a word, which CoNLL-U allows, become no-break spaces: a blank separates words."""
    words = [word.replace(" ", "\u00a0") for word in sentence.words]
    tokens = [{"text": w, "pos": t} for w, t in zip(words, sentence.tags, strict=True)]
    return Example(input=" ".join(words), answer=serialise({"tokens": tokens}), labels=sentence.tags)


def template(text: str) -> Template:
    """The sentence's own words in order; only the tags are free."""
    pieces: list[str | tuple[str, ...]] = []
    words = [word for word in _BLANKS.split(text) if word]
    if not words:
        raise DataError("the sentence is empty: type at least one word.")
    for i, word in enumerate(words):
        opening = '{"tokens":[{"text":' if i == 0 else '"},{"text":'
        pieces += [opening + serialise(word) + ',"pos":"', conllu.UPOS]
    return (*pieces, '"}]}')


def score(gold: AnnotatedSentence, predicted: AnnotatedSentence | None) -> Counts:
    """Accuracy over gold tokens; a token counts only where its text agrees at the same place."""
    found = predicted.tokens if predicted else []
    return {"accuracy": (sum(g == p for g, p in zip(gold.tokens, found, strict=False)), len(gold.tokens))}


def parts(answer: AnnotatedSentence) -> tuple[Part, ...]:
    return tuple((token.text, token.pos) for token in answer.tokens)


def load(path: str | None = None) -> Dataset:
    """The bundled sentences in their fixed split, or a user's file or folder.

    A folder holds `train.conllu`, `dev.conllu` and `test.conllu`, or plain files in the place of any; a single file
    is split 8 : 1 : 1 in its own order.
    """
    folder = locate(path) if path else BUNDLED
    name = "bundled" if path is None else folder.name
    if not os.path.isdir(folder):  # False, too, for what no file system takes
        return Dataset.cut(name, _read(folder), "sentences")
    train, dev, test = (tuple(_read(_file(folder, part))) for part in SPLITS)
    return Dataset(name, train, dev, test)


def _file(folder: Path, part: str) -> Path:
    """A split's file: tagged, or else plain."""
    plain_ones = (folder / f"{part}{suffix}" for suffix in plain.SUFFIXES)
    tagged = folder / f"{part}.conllu"
    return tagged if tagged.exists() else next((file for file in plain_ones if file.exists()), tagged)


def _read(file: Path) -> list[Example]:
    if file.suffix.lower() in plain.SUFFIXES:
        return without_gold(plain.read(file))
    return [example(sentence) for sentence in conllu.read(file)]


def _shot(words: str, tags: str) -> Example:
    return example(conllu.Sentence("shot", tuple(words.split()), tuple(tags.split())))


POS = Task(
    name="pos",
    title="Part-of-speech tagging",
    description="Tag each word of a sentence with its universal part of speech.",
    input_label="Sentence",
    output=AnnotatedSentence,
    instructions="Tag each word with its universal part of speech.",
    shots=(
        _shot("She did n't see the two old dogs .", "PRON AUX PART VERB DET NUM ADJ NOUN PUNCT"),
        _shot("Wow , Paris is really beautiful in May !", "INTJ PUNCT PROPN AUX ADV ADJ ADP PROPN PUNCT"),
        _shot("Call me if you want to go and eat .", "VERB PRON SCONJ PRON VERB PART VERB CCONJ VERB PUNCT"),
    ),
    metrics=("accuracy", "exact_match", "valid"),
    score=score,
    parts=parts,
    part_label="Word",
    tags=conllu.UPOS,
    template=template,
    load=load,
    suffix=".conllu",
    path_help="file, or folder with train, dev and test",
    input_help="Words and punctuation marks apart, by blanks.",
    file_help="CoNLL-U with universal part-of-speech tags (one .conllu file)",
)
