"""More sentences in a treebank's style, for a student that knows its own by heart (docs/results.md says what for).

The bundled model goes on after four sentences of the treebank in a row, a line each; what it writes is split into words
roughly as English treebanks do, and a student tags it with its mask. The tags are no gold: they only say after which
tags a teacher is asked. `python -m bench.sentences TRAIN.conllu STUDENT SECONDS MORE.conllu [SEED]` appends to
MORE.conllu for so many seconds, and prints one JSON object last. A core writes five to six a second.
"""

import json
import random
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from core.constrain.constraints import Constraints
from core.data import conllu
from core.generate.decode import generate
from core.models import checkpoint, randomness, teachers
from core.models.language_model import LanguageModel
from core.tasks import POS

BEFORE, WORDS_BEFORE = 4, range(13, 90)  # sentences that the model goes on after, and how many words they have together
BATCH, NEW_TOKENS = 64, 110
WORDS, LEAST_DIFFERENT = range(3, 41), 0.5  # of a sentence that is kept
_WHOLE = re.compile(r"(Mr|Mrs|Ms|Dr|St|Inc|Co|Corp|Jr|Sr|etc|vs|[A-Z])\.|([A-Za-z]\.)+")
_PARTS = re.compile(r"([\"(]?)(.*?)([.,!?;:)\"]*)")
_MARKS = re.compile(r"([.!?])\1*|.")  # an ellipsis is one word
_CLITIC = re.compile(r"(?<=.)(n't|'s|'re|'ll|'ve|'m|'d)$")


def main(treebank: Path, student: Path, seconds: float, more: Path, seed: int = 0) -> None:
    known = {" ".join(sentence.words) for sentence in conllu.read(treebank)}
    tagger, kept, words = checkpoint.load(student, "student"), 0, 0
    started = time.monotonic()
    with more.open("a", encoding="utf-8") as file:
        for lines in _written(treebank, seed):
            found = [text for line in lines if (text := " ".join(split(line))) not in known and _is_kept(text)]
            known.update(found)
            for text, tags in zip(found, _tags(tagger, found), strict=True):
                file.write("".join(_row(i, *pair) for i, pair in enumerate(zip(text.split(), tags, strict=True), 1)))
                file.write("\n")
            file.flush()
            kept, words = kept + len(found), words + sum(len(text.split()) for text in found)
            if time.monotonic() > started + seconds:
                break
    print(json.dumps({"sentences": kept, "words": words, "seconds": round(time.monotonic() - started), "seed": seed}))


def split(line: str) -> list[str]:
    """The words of a line, punctuation and clitics apart: roughly as English treebanks have them."""
    return [word for text in line.split() for word in _split(text)]


def _split(text: str) -> list[str]:
    parts = _PARTS.fullmatch(text)
    if _WHOLE.fullmatch(text) or parts is None or not parts[2]:
        return [text]
    before, word, after = parts.groups()
    ending = _CLITIC.search(word)
    words = [word[: ending.start()], ending[0]] if ending else [word]
    return [*([before] if before else []), *words, *(mark[0] for mark in _MARKS.finditer(after))]


def _is_kept(text: str) -> bool:
    words = text.split()
    return text.isprintable() and len(words) in WORDS and len(set(words)) >= LEAST_DIFFERENT * len(words)


def _written(treebank: Path, seed: int) -> Iterator[list[str]]:
    """Lines that the model writes, a batch at a time, without end."""
    sentences = [sentence.words for sentence in conllu.read(treebank)]
    runs = [sentences[i : i + BEFORE] for i in range(len(sentences) - BEFORE + 1)]
    runs = [run for run in runs if sum(map(len, run)) in WORDS_BEFORE]
    lm, chance = teachers.load("smollm2"), random.Random(seed)
    lm.tokenizer.padding_side = "left"
    for number in range(sys.maxsize):
        prompts = ["".join(" ".join(words) + "\n" for words in run) for run in chance.choices(runs, k=BATCH)]
        read = lm.tokenizer(prompts, return_tensors="pt", padding=True).to(lm.device)
        with randomness.seeded(hash((seed, number)) % 2**31), torch.inference_mode():
            ids = lm.model.generate(
                **read, do_sample=True, temperature=0.95, top_p=0.95, max_new_tokens=NEW_TOKENS, pad_token_id=lm.eos
            )
        texts = lm.tokenizer.batch_decode(ids[:, read["input_ids"].shape[1] :], skip_special_tokens=True)
        yield [line for text in texts for line in text.split("\n")[:-1]]  # the last was cut


def _tags(lm: LanguageModel, texts: Sequence[str]) -> list[list[str]]:
    constraints = Constraints(POS, lm.tokens, True)
    batch = generate(lm, [lm.student_prompt(text) for text in texts], [constraints.of(text) for text in texts])
    return [[token["pos"] for token in json.loads(found.text)["tokens"]] for found in batch.generations]


def _row(number: int, word: str, tag: str) -> str:
    return "\t".join([str(number), word, "_", tag, *"______"]) + "\n"


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit("python -m bench.sentences TRAIN.conllu STUDENT SECONDS MORE.conllu [SEED]")
    _, corpus, tagging, budget, written, *seeds = sys.argv
    main(Path(corpus), Path(tagging), float(budget), Path(written), *map(int, seeds))
