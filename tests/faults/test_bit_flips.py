"""One flipped bit anywhere in a saved pipeline or an alias index: an error that names the file, or the same answers."""
import random
import shutil
import warnings
from collections import Counter
from functools import partial

import numpy as np
import pytest
import spacy

from spacy_product_tags.encoders.name_encoder import NameEncoder
from spacy_product_tags.values.index import AliasIndex

# Written and read by spaCy alone, or by spacy-transformers: no class of ours hears of them.
FOREIGN = ("config.cfg", "meta.json", "vocab/", "transformer/cfg")


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def flips(files, count, seed=0):
    """Choose places: each file once, then as the sizes say. YIELDS (Tuple[Path, int, int]): File, byte and bit."""
    rng = random.Random(seed)
    sizes = [file.stat().st_size for file in files]
    chosen = [*files, *rng.choices(files, [size**0.5 for size in sizes], k=max(0, count - len(files)))]
    for file in chosen[:count] if count >= len(files) else rng.sample(files, count):
        yield file, rng.randrange(file.stat().st_size), rng.randrange(8)


def flip(file, byte, bit):
    data = bytearray(file.read_bytes())
    data[byte] ^= 1 << bit
    file.write_bytes(data)


def outcome(file, answer, expected):
    """Say what one flipped bit does. RETURNS (str): "named" (an error or a warning), "unnamed", "same" or "other"."""
    try:
        said = answer()
    except Exception as err:  # whatever it is: that is what is asked
        return "named" if is_named(file, str(err)) else "unnamed"
    return "same" if said == expected else "other"


def is_named(file, message):
    # The transformer component is spacy-transformers' own: it hands bytes, not a path, to our model.
    return str(file) in message or (file.parent.name == "transformer" and "the file 'model'" in message)


def load_and_answer(answers, folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return answers(spacy.load(folder))


def count_outcomes(folder, files, count, answer, foreign=FOREIGN):
    """Flip bits one by one. RETURNS (Dict[str, Counter]): Outcomes by whose the file is; what is bad with its place."""
    expected = answer()
    table = {"ours": Counter(), "spaCy's": Counter()}
    bad = []
    for file, byte, bit in flips(files, count):
        name = file.relative_to(folder).as_posix()
        whose = "spaCy's" if name.startswith(foreign) else "ours"
        flip(file, byte, bit)
        found = outcome(file, answer, expected)
        flip(file, byte, bit)
        table[whose][found] += 1
        if found == "other" or (found == "unnamed" and whose == "ours"):
            bad.append((name, byte, bit, found))
    assert answer() == expected
    return table, bad


@pytest.mark.slow
def test_200_places_of_a_pipeline(full_pipeline, answers, tmp_path):
    folder = shutil.copytree(full_pipeline, tmp_path / "pipeline")
    table, bad = count_outcomes(folder, files_of(folder), 200, partial(load_and_answer, answers, folder))
    print({whose: dict(counts) for whose, counts in table.items()})
    assert not bad
    assert sum(map(Counter.total, table.values())) == 200
    assert table["ours"]["same"] <= table["ours"]["named"] / 10


@pytest.mark.slow
def test_400_places_of_the_config(full_pipeline, answers, tmp_path):
    """The one file of spaCy's in which a bit can change a setting."""
    folder = shutil.copytree(full_pipeline, tmp_path / "pipeline")
    table, bad = count_outcomes(folder, [folder / "config.cfg"], 400, partial(load_and_answer, answers, folder))
    print({whose: dict(counts) for whose, counts in table.items()})
    assert not bad


def ask_index(folder):
    index = AliasIndex.from_disk(folder)
    found = [index.exact(text) + index.fuzzy(text) + index.near(text) for text in ("Red", "藏青", "nik", "rouge", "x")]
    return found, list(index), index.version, index.resolve("rouge"), index.categories_of("red").tolist()


@pytest.mark.slow
def test_200_places_of_an_alias_index(index_folder):
    table, bad = count_outcomes(index_folder, files_of(index_folder), 200, partial(ask_index, index_folder), ())
    print(dict(table["ours"]))
    assert not bad


def test_each_file_of_an_alias_index(index_folder):
    files = files_of(index_folder)
    table, bad = count_outcomes(index_folder, files, len(files), partial(ask_index, index_folder), ())
    assert not bad and table["ours"]["named"] >= len(files) - 1


def test_each_file_of_ours(full_pipeline, tmp_path):
    """Loaded component by component, which is quick; `checksums.json` itself and the transformer's are among them."""
    nlp = spacy.load(full_pipeline)
    folder = shutil.copytree(full_pipeline, tmp_path / "pipeline")
    kept = {}
    for name in ["tokenizer", *nlp.pipe_names]:
        component = nlp.tokenizer if name == "tokenizer" else nlp.get_pipe(name)
        files = [file for file in files_of(folder / name) if not file.match("aliases/*/*") and file != folder / "transformer" / "cfg"]
        for file, byte, bit in flips(files, len(files)):
            flip(file, byte, bit)
            found = outcome(file, partial(component.from_disk, folder / name, exclude=["vocab"]), component)
            flip(file, byte, bit)
            kept[file.relative_to(folder).as_posix(), byte, bit] = found
    # A flipped bit in a blank or a key of a list of checksums that nobody needs changes nothing.
    assert not {place: found for place, found in kept.items() if found != "named" and not (found == "same" and "checksums" in place[0])}
    assert len(kept) > 20


def test_an_edited_config_is_told_of(full_pipeline, tmp_path):
    folder = shutil.copytree(full_pipeline, tmp_path / "pipeline")
    config = (folder / "config.cfg").read_text(encoding="utf8")
    (folder / "config.cfg").write_text(config.replace("min_score = 0.4", "min_score = 0.5"), encoding="utf8")
    with pytest.warns(UserWarning, match=f"{folder / 'config.cfg'}: is not what this pipeline was saved with"):
        nlp = spacy.load(folder)
    nlp.to_disk(tmp_path / "saved anew")
    spacy.load(tmp_path / "saved anew")


@pytest.fixture()
def index_folder(tmp_path, make_index):
    rng = np.random.default_rng(0)
    shapes = {"table": (50, 4), "hidden": (4, 6), "hidden_bias": (6,), "out": (6, 3), "skip": (4, 3), "bias": (3,)}
    names = NameEncoder({name: rng.normal(size=shape).astype("f") for name, shape in shapes.items()})
    make_index(names).to_disk(tmp_path / "index")
    return tmp_path / "index"
