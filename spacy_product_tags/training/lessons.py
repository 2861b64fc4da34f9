"""What a component learns of a batch without gold tags: soft labels, and hidden states, of those that are trained."""
from typing import Any, Dict, Iterable, List, Optional, Sequence

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Optimizer, set_dropout_rate

from ..encoders.hidden_states import HiddenStates, tapped
from ..pipeline.spans.loss import likely_pairs, soft_targets, span_loss
from ..pipeline.tag_generator import TagGenerator
from ..tag import text_length

# Marks the reference of an example that has no gold tags.
UNLABELLED = "spacy_product_tags_unlabelled"


class Lessons:
    """What a component learns from a batch without gold tags: what its teachers make of it.

    student (TagGenerator): The component.
    teachers (Sequence[Language]): Pipelines with a component of the same name.
    temperature (float): As in `teach`.
    hidden (Optional[HiddenStates]): As in `teach`.
    """

    def __init__(
        self, student: TagGenerator, teachers: Sequence[Language], temperature: float, hidden: Optional[HiddenStates]
    ) -> None:
        self.student = student
        self.teachers = teachers
        self.heads = [find_head(nlp, student.name, f"teacher {number}") for number, nlp in enumerate(teachers, 1)]
        self.temperature = temperature
        self.hidden = hidden

    def __call__(self, examples: Sequence[Example], **kwargs: Any) -> Optional[Dict[str, float]]:
        """Learn from a batch, all of it with gold tags or all of it without.

        examples (Sequence[Example]): The batch.
        **kwargs (Any): As `TagGenerator.update` gets them.
        RETURNS (Optional[Dict[str, float]]): The losses; None = it has gold tags, which it's to learn by itself.
        """
        if not all(UNLABELLED in example.reference.user_data for example in examples):
            return None
        docs = [example.predicted for example in examples]
        texts = [doc.text for doc in docs]
        read = [_read(nlp, self.student.name, texts) for nlp in self.teachers]
        return teach(
            self.student, self.heads, read, docs, temperature=self.temperature, hidden=self.hidden, **kwargs
        )


def teach(
    student: TagGenerator,
    teachers: Sequence[TagGenerator],
    teacher_docs: Sequence[Sequence[Doc]],
    student_docs: Iterable[Doc],
    *,
    drop: float = 0.0,
    sgd: Optional[Optimizer] = None,
    losses: Optional[Dict[str, float]] = None,
    temperature: float = 1.0,
    hidden: Optional[HiddenStates] = None,
) -> Dict[str, float]:
    """Let a component learn from what trained ones make of a batch.

    student (TagGenerator): The component.
    teachers (Sequence[TagGenerator]): Trained components; their facets are matched by name.
    teacher_docs (Sequence[Sequence[Doc]]): For each teacher, the batch as its pipeline reads it up to the teacher.
    student_docs (Iterable[Doc]): The batch as the own pipeline reads it; the texts are the same.
    drop (float): The encoder's dropout; the head's is a setting of the model.
    sgd (Optional[Optimizer]): The optimizer.
    losses (Optional[Dict[str, float]]): Losses by component, added to; that of hidden states has `_hidden` behind.
    temperature (float): What the logits of both are divided by; higher is softer.
    hidden (Optional[HiddenStates]): Draws the encoder's vectors to the first teacher's, too.
    RETURNS (Dict[str, float]): The losses.
    RAISES (ValueError): Where a teacher's texts are not the student's.
    """
    losses = {} if losses is None else losses
    losses.setdefault(student.name, 0.0)
    docs = list(student_docs)
    for own in teacher_docs:
        if list(map(text_length, own)) != list(map(text_length, docs)):
            raise ValueError(f"{student.name}: a teacher's texts are not the student's: a tokenizer has changed them")
    if not any(len(doc) for doc in docs):
        return losses
    student.require_labels()
    settings, nothing = student.model.attrs["settings"], np.zeros((0, 2), dtype=np.int64)
    with tapped(teachers[0].model) as teacher_tap:
        given = [teacher.model.predict((list(own), nothing)) for teacher, own in zip(teachers, teacher_docs)]
    facets = [teacher.labels for teacher in teachers]
    targets = soft_targets(student.model.ops, given, facets, student.labels, temperature)
    with tapped(student.model) as tap:
        pairs = likely_pairs(targets, settings["threshold"], settings["max_width"])
        set_dropout_rate(student.model, drop)
        scores, backprop = student.model.begin_update((docs, pairs))
    loss, d_scores = span_loss(student.model.ops, scores, targets, len(docs), temperature)
    if hidden is not None:
        own, theirs = tap.attrs["pieces"], teacher_tap.attrs["pieces"]
        if theirs is None:
            raise ValueError(f"{student.name}: the first teacher has no hidden states, it runs no encoder")
        hidden_loss, tap.attrs["gradient"] = hidden.compare(own, theirs, len(scores.boundaries), len(docs))
        losses[f"{student.name}_hidden"] = losses.get(f"{student.name}_hidden", 0.0) + hidden_loss
    backprop(d_scores)
    if sgd is not None:
        student.finish_update(sgd)
    losses[student.name] += loss
    return losses


def _read(nlp: Language, component: str, texts: Sequence[str]) -> List[Doc]:
    """Run a pipeline up to a component. RETURNS (List[Doc]): The docs that the component gets."""
    docs = [nlp.make_doc(text) for text in texts]
    for name, pipe in nlp.pipeline:
        if name == component:
            break
        docs = list(pipe.pipe(docs)) if hasattr(pipe, "pipe") else [pipe(doc) for doc in docs]
    return docs


def find_head(nlp: Language, component: str, who: str) -> TagGenerator:
    """Find the component. RAISES (ValueError): Where the pipeline has none, or another with its name."""
    head = nlp.get_pipe(component) if component in nlp.pipe_names else None
    if not isinstance(head, TagGenerator):
        name = nlp.meta.get("name") or "without a name"
        raise ValueError(
            f"{who} ({nlp.lang}, {name}) has no product_tag_generator named {component!r} but "
            f"{', '.join(nlp.pipe_names) or 'no component at all'}; take another pipeline, or name its component"
        )
    return head
