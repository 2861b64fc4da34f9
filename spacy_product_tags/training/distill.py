"""`distill`: train a small pipeline on what larger ones make of unlabelled listings.

Soft labels for the span head (Hinton et al. 2015) and, on request, hidden states for the encoder (TinyBERT, Jiao et al.
2020), by spaCy's own training loop. The student is an ordinary config, and what comes out an ordinary pipeline.
"""
import random
import shutil
import sys
import warnings
from itertools import islice
from pathlib import Path
from typing import IO, Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Union

from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.training import Example
from spacy.training import loop as spacy_loop
from spacy.training.initialize import init_nlp
from spacy.util import registry, resolve_dot_names
from thinc.api import Config, fix_random_seed

from ..encoders.hidden_states import HiddenStates
from ..errors import ListingError
from ..io import pass_over, raise_error, swap_folders
from ..listing import Listing
from ..listings.corpus import to_example
from ..pipeline.spans.decoding import survey
from ..pipeline.tag_generator import TagGenerator
from ..pretraining.texts import read_texts
from .lessons import UNLABELLED, Lessons, find_head

# Texts that are shuffled together.
_BUFFER = 10000


def distill(
    config: Config,
    teachers: Sequence[Language],
    texts: Sequence[Union[str, Path]],
    output: Optional[Union[str, Path]] = None,
    *,
    component: str = "product_tag_generator",
    temperature: float = 1.0,
    hidden_weight: float = 0.0,
    gold_share: float = 0.5,
    use_gpu: int = -1,
    stdout: IO[str] = sys.stdout,
    stderr: IO[str] = sys.stderr,
    on_error: Callable[[ListingError], None] = raise_error,
) -> Language:
    """Train a student.

    config (Config): The student's, not interpolated. Optimizer, batcher, logger, dev corpus, steps and seed are those
        of its training block; an epoch is a pass over the texts.
    teachers (Sequence[Language]): Trained pipelines; the student gets their facets and learns the mean of their scores.
    texts (Sequence[Union[str, Path]]): Files of unlabelled texts, .jsonl or .txt, also with .gz.
    output (Optional[Union[str, Path]]): Folder for model-best and model-last.
    component (str): The component that learns, and its name in the teachers.
    temperature (float): What the logits are divided by; higher is softer.
    hidden_weight (float): Weight of the hidden states' loss; 0 = they are not compared.
    gold_share (float): Share of batches that are of the config's train corpus; none where its ``paths.train`` is null.
    use_gpu (int): As in `spacy.training.loop.train`: -1 = CPU.
    stdout (IO[str]): Where the log goes.
    stderr (IO[str]): Where errors go.
    on_error (Callable[[ListingError], None]): Called with each bad line of the texts, once; where it returns, reading
        goes on.
    RETURNS (Language): The student as it was at the end.
    RAISES (ValueError): On a setting out of its range, a pipeline without the component, files without text.
    """
    _check_settings(temperature=temperature, hidden_weight=hidden_weight, gold_share=gold_share)
    heads = [find_head(nlp, component, f"teacher {number}") for number, nlp in enumerate(teachers, 1)]
    if not heads:
        raise ValueError("no teacher is given")
    no_gold = not gold_share or ("train" in config.get("paths", {}) and config["paths"]["train"] is None)
    nlp, setup = _make_student(config, component, heads, use_gpu, no_gold)
    training = registry.resolve(setup["training"], schema=ConfigSchemaTraining)
    train_corpus, dev_corpus = resolve_dot_names(setup, [training["train_corpus"], training["dev_corpus"]])
    student = find_head(nlp, component, "the student")
    if not no_gold:
        unknown = survey(train_corpus(nlp))[0].difference(student.labels)
        if unknown:
            names = ", ".join(sorted(unknown))
            warnings.warn(f"facets of the gold tags that no teacher knows are not learnt: {names}", stacklevel=2)
    if training["seed"] is not None:
        fix_random_seed(training["seed"])
    batches = _alternate(
        spacy_loop.create_train_batches(nlp, UnlabelledCorpus(texts, on_error=on_error), training["batcher"], -1),
        None if no_gold else spacy_loop.create_train_batches(nlp, train_corpus, training["batcher"], 0),
        gold_share,
        training["max_epochs"],
    )
    evaluate = spacy_loop.create_evaluation_callback(nlp, dev_corpus, training["score_weights"])
    lessons = Lessons(student, teachers, temperature, HiddenStates(hidden_weight) if hidden_weight else None)
    with student.taught_by(lessons):
        _train(nlp, training, batches, evaluate, None if output is None else Path(output), stdout, stderr)
    return nlp


class UnlabelledCorpus:
    """Stream texts as examples, in a new order each time; called with a pipeline, as spaCy's readers are.

    paths (Sequence[Union[str, Path]]): The files, as `read_texts` takes them.
    on_error (Callable[[ListingError], None]): Called with each bad line on the first pass.
    """

    def __init__(
        self, paths: Sequence[Union[str, Path]], *, on_error: Callable[[ListingError], None] = raise_error
    ) -> None:
        self.paths = paths
        self.on_error = on_error

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Stream the examples. YIELDS (Example): Both docs are untagged.

        RAISES (ValueError): Where there is no text at all.
        """
        texts = read_texts(self.paths, on_error=self.on_error)
        count = 0
        # Shuffled piece by piece: the texts need not fit into memory.
        while some := list(islice(texts, _BUFFER)):
            count += len(some)
            random.shuffle(some)
            for text in some:
                example = to_example(nlp, Listing(text))
                example.reference.user_data[UNLABELLED] = True
                yield example
        if not count:
            raise ValueError(f"no text in {', '.join(map(str, self.paths))}")
        self.on_error = pass_over


def _check_settings(temperature: float, hidden_weight: float, gold_share: float) -> None:
    if not temperature > 0:
        raise ValueError(f"temperature: must be above 0, not {temperature}")
    if not hidden_weight >= 0:
        raise ValueError(f"hidden_weight: must be 0 or more, not {hidden_weight}")
    if not 0 <= gold_share < 1:
        raise ValueError(f"gold_share: must be from 0 to below 1, not {gold_share}")


def _make_student(
    config: Config, component: str, heads: Sequence[TagGenerator], use_gpu: int, no_gold: bool
) -> Tuple[Language, Config]:
    """Initialize the student with the teachers' facets.

    RETURNS (Tuple[Language, Config]): The student, whose own config says nothing of teachers, and the settings to train
        it by.
    """
    own = config.copy()
    initialize = own.setdefault("initialize", {}).setdefault("components", {}).setdefault(component, {})
    initialize.setdefault("labels", list(dict.fromkeys(label for head in heads for label in head.labels)))
    if no_gold:
        # The reader of the train corpus would miss its path, and gives no more than examples to initialize with.
        names = [own["training"].get(f"{kind}_corpus", f"corpora.{kind}") for kind in ("train", "dev")]
        train, dev = (name.removeprefix("corpora.") for name in names)
        own["corpora"][train] = own["corpora"][dev]
    nlp = init_nlp(own, use_gpu=use_gpu)
    student = find_head(nlp, component, "the student")
    if student.overlap is None:
        student.cfg["overlap"] = heads[0].cfg["overlap"]
    setup = nlp.config.interpolate()
    nlp.config["initialize"]["components"] = config.get("initialize", {}).get("components", {})
    if no_gold:
        nlp.config["corpora"] = config["corpora"]
    return nlp, setup


def _alternate(
    texts: Iterator[Tuple[int, List[Example]]],
    gold: Optional[Iterator[Tuple[int, List[Example]]]],
    gold_share: float,
    max_epochs: int,
) -> Iterator[Tuple[int, List[Example]]]:
    """Mix batches of texts and gold. YIELDS (Tuple[int, List[Example]]): Epoch, counted in passes over the texts."""
    due = 0.0
    for epoch, batch in texts:
        if 0 < max_epochs <= epoch:
            return
        yield epoch, batch
        due += gold_share / (1 - gold_share)
        while gold is not None and due >= 1:
            yield epoch, next(gold)[1]
            due -= 1


def _train(
    nlp: Language,
    training: Dict[str, Any],
    batches: Iterator[Tuple[int, List[Example]]],
    evaluate: Callable[[], Tuple[float, Dict[str, Any]]],
    output: Optional[Path],
    stdout: IO[str],
    stderr: IO[str],
) -> None:
    """Train, log and save as `spacy.training.loop.train` does, which takes its batches from nowhere but the config."""
    optimizer = training["optimizer"]
    before_to_disk = spacy_loop.create_before_to_disk_callback(training["before_to_disk"])
    frozen = training["frozen_components"]
    same = ("accumulate_gradient", "dropout", "patience", "max_steps", "eval_frequency", "before_update")
    steps = spacy_loop.train_while_improving(
        nlp,
        optimizer,
        batches,
        evaluate,
        exclude=frozen,
        annotating_components=training["annotating_components"],
        **{name: training[name] for name in same},
    )
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
    spacy_loop.clean_output_dir(output)
    with nlp.select_pipes(disable=frozen):
        log_step, finalize_logger = training["logger"](nlp, stdout, stderr)
    try:
        for _, info, is_best in steps:
            if is_best is not None:
                with nlp.select_pipes(disable=frozen):
                    spacy_loop.update_meta(training, nlp, info)
                _save(nlp, optimizer.averages, before_to_disk, output, is_best)
            log_step(info if is_best is not None else None)
    finally:
        finalize_logger()
        _save(nlp, optimizer.averages, before_to_disk, output, False)


def _save(
    nlp: Language, averages: Optional[Dict], before_to_disk: Callable, output: Optional[Path], is_best: bool
) -> None:
    if output is None:
        return
    best, last = output / spacy_loop.DIR_MODEL_BEST, output / spacy_loop.DIR_MODEL_LAST
    with nlp.use_params(averages):
        before_to_disk(nlp).to_disk(last)
    if is_best:
        # There is always a whole one, whenever the run is killed.
        part = best.with_name(best.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(last, part)
        swap_folders(part, best)
