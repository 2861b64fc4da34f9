"""`product-tags evaluate`: measure a pipeline on listings with gold tags."""
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Dict, Iterable, Optional

import typer

from ._util import CommandError, GpuOpt, ModelArg, load_pipeline

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.training import Example


def evaluate_cli(
    model: ModelArg,
    data: Annotated[
        str, typer.Argument(help="Listings with gold tags (.jsonl, .jsonl.gz), a folder, or several behind commas")
    ],
    output: Annotated[
        Optional[Path], typer.Option("--output", "-o", help="JSON file for all scores", dir_okay=False)
    ] = None,
    gpu_id: GpuOpt = -1,
    per_facet: Annotated[bool, typer.Option("--per-facet", help="Show the scores of each facet")] = False,
    hide_facets: Annotated[
        bool, typer.Option("--hide-facets", help="Give the gold tags without their facets, and score those that they get")
    ] = False,
) -> None:
    """
    Measure a pipeline: precision, recall and F1 of its tags, of its categories or of facets, and texts a second.
    """
    import srsly

    from ..listings.corpus import ListingCorpus

    try:
        corpus = ListingCorpus(data, hide_facets=hide_facets)
    except ValueError as err:
        raise CommandError(str(err)) from None
    nlp = load_pipeline(model, gpu_id)
    if hide_facets:
        # Else it would put tags of its own, with facets, where the given ones stand.
        nlp.disable_pipes(*(pipe for pipe in nlp.pipe_names if nlp.get_pipe_meta(pipe).factory == "product_tag_generator"))
    examples = list(corpus(nlp))
    if not examples:
        raise CommandError(f"{data}: holds no listing")
    try:
        scores = evaluate(nlp, examples)
    except ValueError as err:
        # Such as a component that was never trained.
        raise CommandError(f"{model}: {err}") from err
    if hide_facets and scores.get("facet_micro_f") is None:
        raise CommandError(f"{model}: has no component that gives facets, such as product_tag_classifier")
    show_scores(scores, per_facet, facets_only=hide_facets)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        srsly.write_json(output, scores)


def evaluate(nlp: "Language", examples: "Iterable[Example]") -> Dict[str, Any]:
    """Score a pipeline.

    nlp (Language): The pipeline.
    examples (Iterable[Example]): Texts with gold tags.
    RETURNS (Dict[str, Any]): What ``nlp.evaluate`` gives; besides, ``texts``, ``texts_per_second`` and
        ``tags_support``, the number of gold tags by facet.
    """
    examples = list(examples)
    scores = nlp.evaluate(examples)
    words = sum(len(example.predicted) for example in examples)
    from ..pipeline.scorers import tag_spans

    support = Counter(facet for example in examples for _, _, facet in tag_spans(example.reference))
    scores["texts"] = len(examples)
    # spaCy's speed counts words.
    scores["texts_per_second"] = len(examples) * scores["speed"] / words if words else 0.0
    scores["tags_support"] = dict(sorted(support.items()))
    return scores


def show_scores(scores: Dict[str, Any], per_facet: bool, facets_only: bool = False) -> None:
    """Show the scores: of facets, or of tags and of categories, and the speed.

    scores (Dict[str, Any]): What `evaluate` gives.
    per_facet (bool): Whether to show those of each facet too, the most frequent first.
    facets_only (bool): Whether the tags were given, so that only their facets were to be found.
    """
    if facets_only:
        _show_facets(scores, per_facet)
    elif scores.get("category_f") is None or scores.get("tags_f") is not None:
        _show_tags(scores, per_facet)
    if scores.get("category_f") is not None:
        _show_categories(scores)
    typer.echo(f"{scores['texts']} texts, {scores['texts_per_second']:.0f} a second")


def _show_tags(scores: Dict[str, Any], per_facet: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    support = Counter(scores["tags_support"])
    facets = (scores.get("tags_per_facet") or {}) if per_facet else {}
    table = Table("facet", "support", "precision", "recall", "F1")
    for facet in sorted(facets, key=support.__getitem__, reverse=True):
        table.add_row(Text(facet or "(no facet)"), str(support[facet]), *(_percent(facets[facet][k]) for k in "prf"))
    micro = (_percent(scores.get(f"tags_{k}")) for k in "prf")
    table.add_row("all", str(sum(support.values())), *micro, style="bold")
    table.add_row("one value a facet", "", *(_percent(scores.get(f"values_{k}")) for k in "prf"))
    Console().print(table)


def _show_facets(scores: Dict[str, Any], per_facet: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    support = Counter(scores["tags_support"])
    facets = scores["facet_per_facet"] if per_facet else {}
    table = Table("facet of a given tag", "support", "precision", "recall", "F1")
    for facet in sorted(facets, key=support.__getitem__, reverse=True):
        table.add_row(Text(facet or "(no facet)"), str(support[facet]), *(_percent(facets[facet][k]) for k in "prf"))
    table.add_row("all", str(sum(support.values())), "", "", _percent(scores["facet_micro_f"]), style="bold")
    table.add_row("mean of the facets", "", "", "", _percent(scores["facet_macro_f"]), style="bold")
    table.add_row("calibration error", "", "", "", _percent(scores["facet_ece"]))
    Console().print(table)


def _show_categories(scores: Dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("categories", "")
    table.add_row("right in whole", _percent(scores["cats_path_acc"]))
    table.add_row("among the likeliest, or above one", _percent(scores["category_top_k"]))
    for name in scores:
        if name.startswith("category_f_level"):
            table.add_row(f"weighted F1, level {name.removeprefix('category_f_level')}", _percent(scores[name]))
    table.add_row("weighted F1, mean", _percent(scores["category_f"]))
    table.add_row("macro F1, whole paths", _percent(scores["category_macro_f"]))
    table.add_row("hierarchical F1", _percent(scores["category_hf"]))
    table.add_row("calibration error", _percent(scores["category_ece"]))
    for axis, values in (scores.get("category_axes") or {}).items():
        table.add_row(Text(f"F1 of {axis}"), _percent(values["f"]))
    Console().print(table)


def _percent(share: Optional[float]) -> str:
    return "-" if share is None else f"{100 * share:.1f}"
