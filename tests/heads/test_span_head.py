import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from spacy_product_tags.heads import span_head
from spacy_product_tags.heads.span_head import CHAR_BUCKETS, SpanHead, Units, _width_bucket
from spacy_product_tags.text.chars import N_CLASSES

WIDTH = 12
NONE = torch.zeros((0, 2), dtype=torch.long)


def make_head(n_facets=3, **settings):
    torch.manual_seed(0)
    return SpanHead(WIDTH, n_facets, **{"hidden": 16, "max_width": 20, "dropout": 0.0, **settings}).eval()


def make_units(*lengths, seed=0):
    """Make a batch in which every character is a piece, some are covered by none."""
    generator = torch.Generator().manual_seed(seed)
    size = sum(lengths)
    piece = torch.arange(1, size + 1)
    piece[::7] = 0
    zeros = torch.zeros(size, dtype=torch.long)
    return Units(
        torch.randn(size + 1, WIDTH, generator=generator),
        piece,
        zeros,
        zeros,
        torch.randint(CHAR_BUCKETS, (size,), generator=generator),
        torch.randint(N_CLASSES, (size,), generator=generator),
        torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths, dtype=torch.long)),
        *(torch.zeros(0, dtype=torch.long),) * 2,
    )


def take(units, start, end):
    """Cut a text out of a batch."""
    return units.cut(start, end)


def test_shapes_and_order_of_the_candidates():
    units = make_units(30, 1, 50)
    scores = make_head()(units, NONE)
    assert scores.boundaries.shape == (81, 2)
    assert scores.facets.shape == (len(scores.pairs), 4)
    pairs = [tuple(pair) for pair in scores.pairs.tolist()]
    assert pairs == sorted(set(pairs))
    assert all(first <= last < first + 20 for first, last in pairs)
    assert all(units.doc[first] == units.doc[last] for first, last in pairs)


def test_scores_are_what_loops_give():
    head, units = make_head(threshold=0.1), make_units(9, 5)
    scores = head(units, NONE)
    # The same from the definition: what stands beside a character, then start + mean of the inside + end + width.
    with torch.no_grad():
        x = head.project(units.vectors)[units.piece] + head.chars(units.bucket) + head.kinds(units.kind)
        x = x + head.offsets(units.offset) + head.rests(units.rest)
        rows = []
        for i in range(len(x)):
            left = x[i - 1] if i and units.doc[i - 1] == units.doc[i] else torch.zeros(16)
            right = x[i + 1] if i + 1 < len(x) and units.doc[i + 1] == units.doc[i] else torch.zeros(16)
            mixed = torch.nn.functional.glu(head.mix(torch.cat([left, x[i], right])), dim=0)
            rows.append(head.norm(x[i] + mixed))
        x = torch.stack(rows)
        torch.testing.assert_close(scores.boundaries, head.boundary(x))
        start, inside, end = head.roles(x).chunk(3, dim=-1)
        for (first, last), facets in zip(scores.pairs.tolist(), scores.facets):
            width = torch.tensor([last - first + 1])
            pair = start[first] + inside[first : last + 1].mean(0) + end[last] + head.widths(_width_bucket(width))[0]
            expected = head.facets(torch.nn.functional.gelu(head.pair_norm(pair)))
            torch.testing.assert_close(facets, expected, atol=1e-5, rtol=1e-4)


def test_only_likely_ends_propose():
    head = make_head(threshold=0.5)
    boundaries = torch.full((10, 2), -3.0)
    boundaries[2, 0] = boundaries[4, 0] = boundaries[3, 1] = boundaries[6, 1] = boundaries[1, 1] = 1.0
    doc = torch.tensor([0] * 6 + [1] * 4)
    assert head.propose(boundaries, doc, NONE).tolist() == [[2, 3]]
    doc = torch.zeros(10, dtype=torch.long)
    assert head.propose(boundaries, doc, NONE).tolist() == [[2, 3], [2, 6], [4, 6]]


def test_gold_is_always_among_the_candidates():
    head = make_head(threshold=0.01, max_width=40)
    doc = torch.zeros(200, dtype=torch.long)
    gold = torch.tensor([[0, 0], [3, 42], [10, 12], [10, 12], [11, 30], [11, 31], [150, 189]])
    for value in (-9.0, -3.0, 9.0):
        # Nothing is likely; everything is, but gold ends are the least so; all are sure starts, so that both limits bite.
        boundaries = torch.full((200, 2), value)
        boundaries[gold[:, 1], 1] -= 0.5
        pairs = head.propose(boundaries, doc, gold)
        found = {tuple(pair) for pair in pairs.tolist()}
        assert found >= {tuple(pair) for pair in gold.tolist()}
        assert len(found) == len(pairs)
        assert pairs.tolist() == sorted(pairs.tolist())
    assert len(pairs) <= 200 * span_head._MOST_ENDS + len(gold)


def test_the_likeliest_ends_of_a_start_are_kept():
    head = make_head(threshold=0.01, max_width=100)
    boundaries = torch.zeros(50, 2)
    boundaries[1:, 0] = -9.0
    boundaries[:, 1] = torch.randn(50, generator=torch.Generator().manual_seed(0))
    kept = head.propose(boundaries, torch.zeros(50, dtype=torch.long), NONE)[:, 1].tolist()
    assert kept == sorted(boundaries[:, 1].topk(span_head._MOST_ENDS).indices.tolist())


@pytest.mark.parametrize("threshold", [0.05, 0.2])
def test_the_texts_beside_it_do_not_matter_to_a_text(threshold):
    # An untrained head proposes everything: the limits bite.
    head, lengths = make_head(threshold=threshold), (40, 3, 1, 70)
    units = make_units(*lengths)
    together = head(units, NONE)
    begin = 0
    for length in lengths:
        alone = head(take(units, begin, begin + length), NONE)
        own = (together.pairs[:, 0] >= begin) & (together.pairs[:, 0] < begin + length)
        assert (together.pairs[own] - begin).tolist() == alone.pairs.tolist()
        torch.testing.assert_close(together.facets[own], alone.facets)
        torch.testing.assert_close(together.boundaries[begin : begin + length], alone.boundaries)
        begin += length


def test_an_empty_batch():
    scores = make_head()(make_units(), NONE)
    assert (scores.boundaries.shape, scores.pairs.shape, scores.facets.shape) == ((0, 2), (0, 2), (0, 4))


def test_facets_are_only_in_the_last_layer():
    few, many = (dict(make_head(n).named_parameters()) for n in (2, 500))
    assert {name for name in few if few[name].shape != many[name].shape} == {"facets.weight", "facets.bias"}


def test_the_cost_grows_by_the_last_layer_only():
    flops, units = {}, make_units(40, 60)
    for n_facets in (2, 500):
        with FlopCounterMode(display=False) as counter:
            pairs = make_head(n_facets)(units, NONE).pairs
        flops[n_facets] = counter.get_total_flops()
    assert flops[500] - flops[2] == 2 * len(pairs) * 16 * 498


def test_every_parameter_gets_a_gradient():
    head = make_head().train()
    scores = head(make_units(30, 20), torch.tensor([[2, 4], [31, 36]]))
    (scores.boundaries.square().sum() + scores.facets.square().sum()).backward()
    assert not [name for name, weight in head.named_parameters() if weight.grad is None or not weight.grad.any()]


def test_width_buckets_grow_and_stay_in_the_table():
    widths = torch.cat([torch.arange(1, 5000), torch.tensor([2**20, 2**31])])
    buckets = _width_bucket(widths)
    assert buckets[:17].tolist() == [*range(16), 16]
    assert (buckets.diff() >= 0).all()
    assert buckets.max() < make_head().widths.num_embeddings


def test_a_saved_head_gives_the_same_scores():
    from spacy_product_tags.encoders.shim import ModuleShim

    shim = ModuleShim(SpanHead)
    assert not ModuleShim(SpanHead).from_bytes(shim.to_bytes()).is_built
    shim.setup(width=WIDTH, n_facets=3, hidden=16)
    again = ModuleShim(SpanHead).from_bytes(shim.to_bytes())
    units = make_units(12)
    expected, found = (s.module.eval()(units, NONE) for s in (shim, again))
    torch.testing.assert_close(found, expected)
    data = shim.to_bytes()
    for broken in (data[: len(data) // 2], b"", data[:200], b"\x80"):
        with pytest.raises(ValueError, match="damaged or of another version"):
            ModuleShim(SpanHead).from_bytes(broken)
    assert np.isfinite(found.facets.detach().numpy()).all()
