"""Baselines of `product_classifier` on converted listings (train, dev and test.jsonl in a folder), not run by pytest:

    python tests/baselines/categories.py svm corpus/converted/mwpd
    python tests/baselines/categories.py textcat corpus/converted/mwpd --backbone assets/minilm --steps 1305
"""
import argparse
import random
from itertools import islice
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from spacy import require_gpu

from spacy_product_tags.listing import SEPARATOR, Listing, read_listings
from spacy_product_tags.pipeline.category.scores import CategoryPath, score_paths

SPLITS = ("train", "dev", "test")
# As configs/classifier.cfg: padded tokens in a batch, and listings that batches are cut from.
BATCH, BUFFER = 1600, 512


def svm(data: Dict[str, List[Listing]]) -> Dict[str, List[CategoryPath]]:
    """Fit a linear SVM on TF-IDF of words (1-2) and letters (3-5); its leaf gives the path.

    data (Dict[str, List[Listing]]): Listings by split.
    RETURNS (Dict[str, List[CategoryPath]]): Predictions of the dev and test split.
    """
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    texts = {split: [listing.text for listing in listings] for split, listings in data.items()}
    vectorizers = [
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=3),
    ]
    features = hstack([vectorizer.fit_transform(texts["train"]) for vectorizer in vectorizers]).tocsr()
    model = LinearSVC(C=1.0, random_state=0).fit(features, [SEPARATOR.join(item.category) for item in data["train"]])
    found = {}
    for split in SPLITS[1:]:
        features = hstack([vectorizer.transform(texts[split]) for vectorizer in vectorizers]).tocsr()
        found[split] = [tuple(label.split(SEPARATOR)) for label in model.predict(features)]
    return found


def textcat(
    data: Dict[str, List[Listing]], backbone: str, steps: int, rate: float, size: int
) -> Dict[str, List[CategoryPath]]:
    """Train spaCy's `textcat`, the ensemble of its quickstart, on a transformer; its leaf gives the path.

    data (Dict[str, List[Listing]]): Listings by split.
    backbone (str): Folder of the pretrained transformer.
    steps (int): Batches to train on.
    rate (float): Highest learning rate.
    size (int): Padded tokens in a batch.
    RETURNS (Dict[str, List[CategoryPath]]): Predictions of the dev and test split.
    """
    import spacy
    from spacy.training import Example
    from thinc.api import Adam, fix_random_seed

    fix_random_seed(0)
    tokenizer = {"@tokenizers": "spacy-product-tags.ProductTokenizer.v1", "segmenter": "char"}
    nlp = spacy.blank("xx", config={"nlp": {"tokenizer": tokenizer}})
    transformer = {"@architectures": "spacy-product-tags.TransformerModel.v1", "name": backbone, "mixed_precision": True}
    nlp.add_pipe("transformer", config={"model": transformer})
    listener = {
        "@architectures": "spacy-transformers.TransformerListener.v1",
        "grad_factor": 1.0,
        "pooling": {"@layers": "reduce_mean.v1"},
        "upstream": "*",
    }
    bag = {
        "@architectures": "spacy.TextCatBOW.v3",
        "exclusive_classes": True,
        "ngram_size": 1,
        "no_output_layer": False,
        # spaCy's 262,144 by 284 classes would take longer to update than MiniLM.
        "length": 32768,
    }
    model = {"@architectures": "spacy.TextCatEnsemble.v2", "tok2vec": listener, "linear_model": bag}
    labels = sorted({SEPARATOR.join(listing.category) for listing in data["train"]})
    component = nlp.add_pipe("textcat", config={"model": model})
    for label in labels:
        component.add_label(label)

    def make_example(listing: Listing) -> Example:
        gold = SEPARATOR.join(listing.category)
        return Example.from_dict(nlp.make_doc(listing.text), {"cats": {label: float(label == gold) for label in labels}})

    nlp.initialize(lambda: [make_example(listing) for listing in data["train"][:30]])
    optimizer = Adam(rate, beta1=0.9, beta2=0.98, L2=0.01, L2_is_weight_decay=True, grad_clip=5.0)
    for step, batch in enumerate(islice(_batches(data["train"], size), steps)):
        optimizer.learn_rate = rate * min(1.0, (step + 1) / 100) * (1 - step / steps)
        losses = nlp.update([make_example(listing) for listing in batch], sgd=False, losses={})
        for _, pipe in nlp.pipeline:
            pipe.finish_update(optimizer)
        if step % 100 == 0:
            print(f"step {step}: {losses['textcat']:.4f}", flush=True)
    found = {}
    for split in SPLITS[1:]:
        docs = nlp.pipe((listing.text for listing in data[split]), batch_size=128)
        found[split] = [tuple(max(doc.cats, key=doc.cats.get).split(SEPARATOR)) for doc in docs]
    return found


def _batches(listings: Sequence[Listing], size: int):
    """Cut shuffled listings into batches of like length, over and over. YIELDS (List[Listing]): A batch."""
    rng = random.Random(0)
    while True:
        order = rng.sample(listings, len(listings))
        for start in range(0, len(order), BUFFER):
            ready, batch = [], []
            for listing in sorted(order[start : start + BUFFER], key=lambda listing: len(listing.text)):
                batch.append(listing)
                # Some 5 characters a token.
                if len(batch) * len(listing.text) / 5 > size:
                    ready.append(batch)
                    batch = []
            ready += [batch] * bool(batch)
            rng.shuffle(ready)
            yield from ready


def main() -> None:
    """Run a baseline, and show its scores on dev and test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("baseline", choices=("svm", "textcat"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backbone", default="assets/minilm")
    parser.add_argument("--steps", type=int, default=1305)
    parser.add_argument("--rate", type=float, default=0.0001)
    parser.add_argument("--batch", type=int, default=BATCH, help="Padded tokens in a batch")
    parser.add_argument("--gpu-id", type=int, default=-1)
    args = parser.parse_args()
    if args.gpu_id >= 0:
        require_gpu(args.gpu_id)
    data = {split: list(read_listings(args.folder / f"{split}.jsonl")) for split in SPLITS}
    found = svm(data) if args.baseline == "svm" else textcat(data, args.backbone, args.steps, args.rate, args.batch)
    for split, paths in found.items():
        gold: List[Tuple[str, ...]] = [tuple(listing.category) for listing in data[split]]
        print(split, {name: round(score, 4) for name, score in score_paths(paths, gold).items() if "coverage" not in name})


if __name__ == "__main__":
    main()
