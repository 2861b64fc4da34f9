"""What the category head reads of a text: title and whole text apart."""
import torch

from spacy_product_tags.heads.text_readers import GramReader, PieceReader, Texts, sum_rows

# Two texts: of two pieces in the title and one behind it; of one piece, all title.
VECTORS = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 8.0], [5.0, 1.0]])
DOC, TITLE = torch.tensor([0, 0, 0, 1]), torch.tensor([True, True, False, True])


def texts(grams=(), gram_doc=(), gram_title=()):
    none = torch.zeros(0, 2)
    numbers = (torch.tensor(each, dtype=torch.long) for each in (grams, gram_doc))
    return Texts(VECTORS, DOC, TITLE, *numbers, torch.tensor(gram_title, dtype=torch.bool), none, none, torch.zeros(2), 2)


def test_pieces_are_averaged_over_the_title_and_over_all():
    reader = PieceReader(2, dropout=0.0)
    reader.norm = torch.nn.Identity()
    read = reader(texts())
    title, whole = read[:, :2], read[:, 2:]
    assert title.tolist() == [[2.0, 0.0], [5.0, 1.0]]
    assert torch.allclose(whole, torch.tensor([[4 / 3, 8 / 3], [5.0, 1.0]]))


def test_grams_are_summed_up_over_the_title_and_over_all():
    reader = GramReader(4, 2, gram_dropout=0.0, dropout=0.0).eval()
    with torch.no_grad():
        reader.vectors.weight.copy_(VECTORS)
    read = reader(texts(grams=[0, 2, 3], gram_doc=[0, 0, 1], gram_title=[True, False, True]))
    # By the root of how many they are, and one.
    assert torch.allclose(read[0], torch.cat([VECTORS[0] / 2**0.5, (VECTORS[0] + VECTORS[2]) / 3**0.5]))
    assert torch.allclose(read[1], torch.cat([VECTORS[3], VECTORS[3]]) / 2**0.5)


def test_a_text_without_pieces_reads_as_zeros():
    assert sum_rows(VECTORS[:3], torch.tensor([0, 2, 2]), 4).tolist() == [[1.0, 0.0], [0.0, 0.0], [3.0, 8.0], [0.0, 0.0]]
