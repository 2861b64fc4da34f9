"""One thread for training on a CPU."""
import spacy
import torch

from spacy_product_tags.training.one_thread import create_one_thread


def test_training_takes_one_thread_and_loading_none(tmp_path):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        nlp = spacy.blank("xx")
        nlp.config["initialize"]["before_init"] = {"@callbacks": "spacy-product-tags.one_thread.v1"}
        nlp.to_disk(tmp_path)
        spacy.load(tmp_path)
        assert torch.get_num_threads() == 2
        nlp.initialize()
        assert torch.get_num_threads() == 1
        assert create_one_thread()(nlp) is nlp
    finally:
        torch.set_num_threads(before)
