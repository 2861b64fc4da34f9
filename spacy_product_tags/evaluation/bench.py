"""Measure how much of the bare encoder's speed a pipeline keeps."""
import statistics
import sys
import tempfile
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

import numpy as np
from spacy.language import Language

# Share of characters at which a trained head sees a tag start (or end) with a probability of 0.02 or more: 0.36 on JD
# titles, 0.33 on Taobao titles. A random head gets the threshold that gives it as many, or it would have more to do.
_LIKELY_ENDS = 0.36
# Longest over shortest text in a batch of the bare forward.
_MOST_PADDING = 1.2


class Timing(NamedTuple):
    """What one contestant took.

    name (str): The contestant.
    rate (float): Texts per second, the median of the repeats.
    ratio (float): Share of the bare forward's rate, each round against the bare forward of the round: the median.
    busy (float): Processor seconds per second; close to the number of threads when nothing else runs.
    """

    name: str
    rate: float
    ratio: float
    busy: float


def measure(nlp: Language, texts: Sequence[str], *, batch_size: int = 128, repeats: int = 5) -> List[Timing]:
    """Time the bare forward, the transformer component and the whole pipeline on the same texts and weights.

    The bare forward gets tokenized texts for nothing, in batches of like length over the whole set, so that hardly
    anything is padded. The other two start from text. They all take turns, so that whatever else the machine does
    meets all. All compute in full precision.

    nlp (Language): A pipeline with a `transformer`; its `mixed_precision` is off afterwards.
    texts (Sequence[str]): The texts.
    batch_size (int): Texts in a batch.
    repeats (int): Rounds.
    RETURNS (List[Timing]): Bare forward, tokenizer alone, transformer alone, full pipeline.
    RAISES (ValueError): Where the pipeline has no transformer.
    """
    if "transformer" not in nlp.pipe_names:
        names = ", ".join(nlp.pipe_names) or "nothing"
        raise ValueError(f"bench needs a pipeline with a 'transformer'; this one has {names}")
    component: Any = nlp.get_pipe("transformer")
    transformer = component.model
    transformer.attrs["mixed_precision"] = transformer.layers[0].shims[0]._mixed_precision = False
    rest = [name for name in nlp.pipe_names if name != "transformer"]
    runs: Dict[str, Callable[[], None]] = {
        "bare transformers forward": _bare(nlp, texts, batch_size),
        "tokenizer alone": lambda: _tokenize(nlp, texts),
        "nlp.pipe, transformer alone": lambda: _pipe(nlp, texts, batch_size, rest),
        "nlp.pipe, full pipeline": lambda: _pipe(nlp, texts, batch_size, []),
    }
    for run in runs.values():
        run()
    seconds: Dict[str, List[float]] = {name: [] for name in runs}
    cpu: Dict[str, float] = dict.fromkeys(runs, 0.0)
    for _ in range(repeats):
        for name, run in runs.items():
            wall, busy = time.perf_counter(), time.process_time()
            run()
            seconds[name].append(time.perf_counter() - wall)
            cpu[name] += time.process_time() - busy
    bare = seconds["bare transformers forward"]
    return [
        Timing(
            name,
            len(texts) / statistics.median(own),
            statistics.median(b / s for b, s in zip(bare, own)),
            cpu[name] / sum(own),
        )
        for name, own in seconds.items()
    ]


def _bare(nlp: Language, texts: Sequence[str], batch_size: int) -> Callable[[], None]:
    """Prepare the bare forward. RETURNS (Callable): Runs it over all texts."""
    import torch

    component: Any = nlp.get_pipe("transformer")
    model = component.model
    tokenizer, network = model.tokenizer, model.transformer
    device = network.device
    parts: List[List[List[int]]] = [[]]
    for ids in sorted(tokenizer(list(texts), truncation=True)["input_ids"], key=len):
        # Few texts in a batch cost less than much padding in it.
        if len(parts[-1]) == batch_size or (parts[-1] and len(ids) > _MOST_PADDING * len(parts[-1][0])):
            parts.append([])
        parts[-1].append(ids)
    batches = [tokenizer.pad({"input_ids": part}, return_tensors="pt").to(device) for part in parts]

    def run() -> None:
        network.eval()
        with torch.inference_mode():
            for batch in batches:
                network(**batch).last_hidden_state.cpu()

    return run


def _tokenize(nlp: Language, texts: Sequence[str]) -> None:
    _forget(nlp)
    for text in texts:
        nlp.make_doc(text)


def _pipe(nlp: Language, texts: Sequence[str], batch_size: int, disable: List[str]) -> None:
    _forget(nlp)
    for _ in nlp.pipe(texts, batch_size=batch_size, disable=disable):
        pass


def _forget(nlp: Language) -> None:
    # Titles that were seen in the round before would come out of the segmenter's cache.
    if hasattr(nlp.tokenizer, "clear_cache"):
        nlp.tokenizer.clear_cache()


def random_pipeline(
    texts: Sequence[str],
    *,
    lang: str = "zh",
    layers: int = 4,
    width: int = 256,
    backbone: Optional[str] = None,
    source: Optional[Language] = None,
) -> Language:
    """Make a pipeline as the trf configs do, with a new backbone and random heads: speed needs no training.

    texts (Sequence[str]): Texts for the vocabulary.
    lang (str): Language.
    layers (int): Layers of the new backbone.
    width (int): Width of the new backbone.
    backbone (Optional[str]): A saved backbone, in place of a new one.
    source (Optional[Language]): A trained pipeline whose tokenizer and preprocessor to take.
    RETURNS (Language): Tokenizer, preprocessor (zh), transformer, product_tag_generator, vector_cleaner.
    """
    import spacy

    from ..listing import Listing
    from ..listings.corpus import to_example
    from ..pretraining.backbone import create_backbone
    from ..tag import Tag

    nlp = spacy.blank(lang)
    if source is not None:
        nlp.tokenizer = source.tokenizer
        for name in source.pipe_names:
            if name == "product_preprocessor":
                nlp.add_pipe(name, source=source)
    with tempfile.TemporaryDirectory() as folder:
        name = backbone or str(create_backbone(texts, folder, layers=layers, width=width, heads=max(1, width // 64)))
        model = {"@architectures": "spacy-product-tags.TransformerModel.v1", "name": name}
        nlp.add_pipe("transformer", config={"model": model})
        listener = {"@architectures": "spacy-product-tags.WordpieceListener.v1"}
        nlp.add_pipe("product_tag_generator", config={"model": {"tok2vec": listener, "hidden_width": 128}})
        facets = [f"facet_{number}" for number in range(26)]
        listing = Listing("a" * len(facets), tags=tuple(Tag("a", f, 1.0, i, i + 1) for i, f in enumerate(facets)))
        examples = [to_example(nlp, listing)]
        transformer: Any = nlp.get_pipe("transformer")
        generator: Any = nlp.get_pipe("product_tag_generator")
        transformer.initialize(lambda: examples, nlp=nlp)
        generator.initialize(lambda: examples, nlp=nlp)
    docs = list(nlp.pipe(texts[:128], disable=["product_tag_generator"]))
    scores = generator.model.predict((docs, np.zeros((0, 2), dtype=np.int64)))
    chances = 1 / (1 + np.exp(-generator.model.ops.to_numpy(scores.boundaries)))
    generator.model.shims[0].module.threshold = float(np.quantile(chances, 1 - _LIKELY_ENDS))
    nlp.add_pipe("product_vector_cleaner", name="vector_cleaner")
    return nlp


def peak_memory() -> int:
    """Give the most memory that the process has held. RETURNS (int): Bytes; 0 = this system doesn't tell."""
    try:
        import resource
    except ImportError:
        # Windows has none.
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
