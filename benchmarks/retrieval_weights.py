"""`python -m benchmarks.retrieval_weights`: fits when to answer, to ask back, to be silent.

Fitted on the example's `develop` questions, on the customers' questions that lie with its articles,
a fifth of them at a time taken out and put to the rest, and, where it lies beside the repository,
on questions about other things from CLINC150; never on the held-out ones. Prints what
`bot.knowledge.consult.JUDGEMENT` is to be, and what it reaches in ten-fold cross-validation.

`python -m benchmarks.retrieval_weights --by-words` fits `JUDGEMENT_BY_WORDS` in the same way, the
encoder left out: English stands for the languages that an encoder does not know. There the desk
may ask back where it would be silent, for words alone tell less.
"""

import argparse
import json
import tempfile
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.retrieval import EXAMPLE, SHARED, Case, example_cases
from bot.knowledge import Query, ingest
from bot.knowledge.by_words import WordEvidence, word_evidence
from bot.knowledge.consult import Evidence, evidence
from bot.knowledge.encoding import encoded
from bot.knowledge.index import Index
from bot.knowledge.knowledge import CONSULTED
from bot.knowledge.query import views
from bot.knowledge.search import rank
from bot.knowledge.spelling import Spelling
from bot.knowledge.subjects import Subjects
from models.minilm import MiniLM

Floats = NDArray[np.float64]
STIFFNESS = 0.01
"""Weight of the squared coefficients, against fitting chance."""
FOLDS = 10
PARTS = 5
SILENT_OUTSIDE = 0.9
"""Share of the outside questions that are to be met with silence."""
SILENT_OUTSIDE_BY_WORDS = 0.6
ANSWERED_OUTSIDE = 0.1
"""Share of them that may be answered."""
WRONG_INSIDE = 0.05
"""Share of the inside questions that may be answered wrongly."""


def collect(*, by_meaning: bool) -> tuple[Floats, Floats, Floats]:
    """Evidence (n, fields), whether each question is inside, whether the first article is right."""
    encoder = MiniLM()
    with tempfile.TemporaryDirectory() as folder:
        ingest(EXAMPLE / "knowledge", Path(folder), encoder)
        index = Index.load(Path(folder))
        files = {path: record.articles for path, record in index.manifest.files.items()}
        cases = example_cases("develop", files) + _elsewhere()
        found = _seen(index, cases, encoder, by_meaning=by_meaning)
        part = np.random.default_rng(7).integers(0, PARTS, len(index.asked))
        for number in range(PARTS):
            rest = [one for one, of in zip(index.asked, part, strict=True) if of != number]
            without, _ = encoded(index.passages, rest, index.manifest, encoder, index)
            hidden = [
                Case("", "asked", Query(typed=one.question), frozenset([one.article]))
                for one, of in zip(index.asked, part, strict=True)
                if of == number and one.question.isascii()  # the encoder reads English
            ]
            found += _seen(without, hidden, encoder, by_meaning=by_meaning)
    rows, inside, right = zip(*found, strict=True)
    return np.array(rows), np.array(inside, float), np.array(right, float)


def _seen(
    index: Index, cases: list[Case], encoder: MiniLM, *, by_meaning: bool
) -> list[tuple[tuple[float, ...], bool, bool]]:
    """Of each question the evidence, whether it is inside, whether the first article is right."""
    subjects, spelling = Subjects(index), Spelling(index.surface, encoder.familiar)
    found = []
    for case in cases:
        seen = views(case.query, spelling, subjects.without_names, by_meaning=by_meaning)
        vectors = encoder.encode_queries(seen.texts)
        hits = rank(index, subjects, case.query, seen, vectors, CONSULTED)
        right = hits[0].passage.article in case.wanted
        told = evidence(index, seen, hits) if by_meaning else word_evidence(index, seen, hits)
        found.append((msgspec.structs.astuple(told), bool(case.wanted), right))
    return found


def _elsewhere() -> list[Case]:
    """Questions of CLINC150 that belong to none of its services."""
    file = SHARED / "clinc150" / "data_full.json"
    if not file.exists():
        return []
    rows = json.loads(file.read_text("utf-8"))["oos_train"]
    return [
        Case(f"clinc-{n}", "outside", Query(typed=text), frozenset())
        for n, (text, _) in enumerate(rows)
    ]


def fit(evidence: Floats, labels: Floats, steps: int = 4000, rate: float = 0.5) -> Floats:
    """Logistic regression by gradient descent; the bias comes first. Both classes weigh alike."""
    rows = np.hstack([np.ones((len(evidence), 1)), evidence])
    share = labels.mean()
    weights = np.where(labels > 0, 0.5 / share, 0.5 / (1 - share)) / len(labels)
    found = np.zeros(rows.shape[1])
    for _ in range(steps):
        error = _probability(found, evidence) - labels
        slope = rows.T @ (weights * error) + STIFFNESS * np.r_[0, found[1:]] / 10
        found -= rate * slope
    return found


def _probability(model: Floats, evidence: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-model[0] - evidence @ model[1:])))


def out_of_fold(evidence: Floats, labels: Floats) -> Floats:
    """The probability of each row by a model that did not see it."""
    found = np.zeros(len(labels))
    order = np.random.default_rng(7).permutation(len(labels))
    for fold in range(FOLDS):
        held = order[fold::FOLDS]
        rest = np.setdiff1d(order, held)
        found[held] = _probability(fit(evidence[rest], labels[rest]), evidence[held])
    return found


def thresholds(
    inside: Floats, right: Floats, p_inside: Floats, p_right: Floats, silent_outside: float
) -> tuple[float, float]:
    """The least probabilities that keep the promises, on what was not fitted."""
    outside = np.sort(p_inside[inside == 0])
    least_inside = float(outside[int(len(outside) * silent_outside)])
    for least_right in np.arange(0.0, 1.0, 0.01):
        answered = (p_inside >= least_inside) & (p_right >= least_right)
        wrong = (answered & (right == 0) & (inside == 1)).sum() / inside.sum()
        if wrong <= WRONG_INSIDE and answered[inside == 0].mean() <= ANSWERED_OUTSIDE:
            return least_inside, float(least_right)
    return least_inside, 1.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--by-words", action="store_true")
    by_words = parser.parse_args().by_words
    rows, inside, right = collect(by_meaning=not by_words)
    p_inside, p_right = out_of_fold(rows, inside), out_of_fold(rows, right)
    silent = SILENT_OUTSIDE_BY_WORDS if by_words else SILENT_OUTSIDE
    least_inside, least_right = thresholds(inside, right, p_inside, p_right, silent)
    fields = (WordEvidence if by_words else Evidence).__struct_fields__
    for name, labels, least in (("inside", inside, least_inside), ("right", right, least_right)):
        model = fit(rows, labels)
        weights = ", ".join(f"{w:.2f}" for w in model[1:])
        print(f"    {name}=Model({model[0]:.2f}, ({weights})),  # {fields}")
        print(f"    least_{name}={least:.2f},")
    answered = (p_inside >= least_inside) & (p_right >= least_right)
    here = inside == 1
    print(f"cross-validated, {here.sum():.0f} inside, {(~here).sum():.0f} outside:")
    print(f"  first article right {right[here].mean():.1%}")
    print(f"  answered rightly    {(answered & (right == 1))[here].mean():.1%}")
    print(f"  answered wrongly    {(answered & (right == 0))[here].mean():.1%}")
    print(f"  silent              {(p_inside < least_inside)[here].mean():.1%}")
    print(f"  silent outside      {(p_inside < least_inside)[~here].mean():.1%}")
    print(f"  answered outside    {answered[~here].mean():.1%}")


if __name__ == "__main__":
    main()
