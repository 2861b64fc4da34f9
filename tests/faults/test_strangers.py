"""Files that a stranger made: each is refused with file and field named, nothing is written beside it, nothing is run.

All checksums are right: a stranger can work them out, too.
"""
import gzip
import json
import pickle
import shutil
import sys
from functools import partial

import numpy as np
import pytest
import spacy
import srsly
from forging import forge_array, forge_checksums, forge_index, forge_list, forge_message, forge_part, load_array, seal
from safetensors.torch import load, save

from spacy_product_tags.encoders.transformer import build_transformer_model_v1
from spacy_product_tags.errors import ListingError
from spacy_product_tags.platforms.reader import load_profile
from spacy_product_tags.taxonomy.tree import Taxonomy
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.log import open_index

EVIL = "import pathlib\npathlib.Path({canary!r}).touch()\nclass Evil: pass\nclass EvilConfig: pass\n"


class Canary:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture()
def place(tmp_path):
    """A folder, and a canary and a target beside it; afterwards all beside the folder must be as it was."""
    (tmp_path / "inside").mkdir()
    (tmp_path / "target").write_text("kept")
    modules = set(sys.modules)
    yield tmp_path / "inside"
    assert {path.name for path in tmp_path.iterdir()} == {"inside", "target"}
    assert (tmp_path / "target").read_text() == "kept"
    assert not [name for name in set(sys.modules) - modules if "evil" in name.lower()]


def json_of(change):
    """Make a change of JSON bytes from one of what they hold."""

    def apply(data):
        held = json.loads(data)
        return json.dumps(change(held) or held).encode("utf8")

    return apply


def put(field, key, value, message):
    message[field][key] = value


def put_json(field, key, value, message):
    message[field] = json.dumps({**json.loads(message[field]), key: value})


def put_tokenizer_setting(key, value, message):
    settings = json.loads(message["tokenizer"]["tokenizer_config.json"])
    message["tokenizer"]["tokenizer_config.json"] = json.dumps({**settings, key: value}).encode("utf8")


def put_weights(change, message):
    message["weights"] = save(change(load(message["weights"])))


def rename_a_weight(weights):
    return {name.replace("encoder.layer.0.output.dense.weight", "encoder.layer.0.output.dense.veight"): w for name, w in weights.items()}


def cut_a_weight(weights):
    return {name: w[:-1].contiguous() if name.startswith("embeddings.word") else w for name, w in weights.items()}


TARGET = "/etc/hostname"
TRANSFORMER = {
    "absolute name": (None, "target': not allowed"),
    "name above": (partial(put, "tokenizer", "../../target", b"x"), "tokenizer.'../../target': not allowed"),
    "name in a folder": (partial(put, "tokenizer", "a/b.json", b"x"), "tokenizer.'a/b.json': not allowed"),
    "name of code": (partial(put, "tokenizer", "evil.py", EVIL.encode()), "tokenizer.'evil.py': not allowed"),
    "name is a number": (partial(put, "tokenizer", 7, b"x"), "tokenizer|saved transformer"),
    "keywords": (partial(put, "tokenizer", "kwargs", {"trust_remote_code": True}), "tokenizer.'kwargs': not allowed"),
    "keywords beside": (lambda m: m.update(kwargs={"trust_remote_code": True}), "'kwargs': not known"),
    "code of a tokenizer": (partial(put_tokenizer_setting, "auto_map", {"AutoTokenizer": ["evil.Evil", "evil.Evil"]}), "tokenizer_config.json.auto_map: not allowed"),
    "trust in a tokenizer": (partial(put_tokenizer_setting, "trust_remote_code", True), "trust_remote_code: not allowed"),
    "file of a tokenizer": (partial(put_tokenizer_setting, "vocab_file", TARGET), "vocab_file: not allowed"),
    "arguments of a tokenizer": (partial(put_tokenizer_setting, "init_inputs", [TARGET]), "init_inputs: not allowed"),
    "class of a tokenizer": (partial(put_tokenizer_setting, "tokenizer_class", "Evil"), "tokenizer: can't be used"),
    "code of a model": (partial(put_json, "config", "auto_map", {"AutoModel": "evil.Evil"}), "config.auto_map: not allowed"),
    "code of a kind": (partial(put_json, "config", "model_type", "evil"), "config.model_type: 'evil'"),
    "kind of another type": (partial(put_json, "config", "model_type", ["bert"]), "config.model_type"),
    "kernel of a hub": (partial(put_json, "config", "_attn_implementation", "evil/kernels:run"), "_attn_implementation: not allowed"),
    "backbone of a hub": (partial(put_json, "config", "backbone", "evil/model"), "config.backbone: not allowed"),
    "unknown setting": (partial(put_json, "config", "evil", 1), "config.evil: not allowed"),
    "setting of another type": (partial(put_json, "config", "hidden_size", "32"), "config: can't be used"),
    "config is no text": (lambda m: m.update(config={"model_type": "bert"}), "config: must be str, not dict"),
    "config is a list": (lambda m: m.update(config="[]"), "config: must be a JSON object, not list"),
    "weights that unpickle": (None, "weights: are no safetensors"),
    "weights are text": (lambda m: m.update(weights="x"), "weights: must be bytes, not str"),
    "name of a weight": (partial(put_weights, rename_a_weight), "weights: can't be used"),
    "size of a weight": (partial(put_weights, cut_a_weight), "weights: can't be used"),
    "tokenizer is text": (partial(put, "tokenizer", "tokenizer.json", "x"), "tokenizer.json: must be bytes, not str"),
    "tokenizer is none": (partial(put, "tokenizer", "tokenizer.json", b"{}"), "tokenizer: can't be used"),
    "tokenizer is a list": (partial(put, "tokenizer", "special_tokens_map.json", b"[]"), "must be a JSON object, not list"),
    "tokenizer is missing": (lambda m: m["tokenizer"].pop("tokenizer.json") and None, "tokenizer.tokenizer.json: is missing"),
    "message is a list": (lambda m: [1], "must be fields by name, not list"),
    "settings that trust": (lambda m: {"tokenizer_config": {"trust_remote_code": True}, "transformer_config": {}}, "never run"),
    "settings that trust for a model": (lambda m: {"tokenizer_config": {}, "transformer_config": {"trust_remote_code": 1}}, "never run"),
}  # fmt: skip


@pytest.fixture(scope="module")
def transformer_file(full_pipeline):
    return full_pipeline / "transformer" / "model"


@pytest.mark.parametrize("case", TRANSFORMER)
def test_a_transformer(case, transformer_file, place):
    change, said = TRANSFORMER[case]
    shutil.copy(transformer_file, place / "model")
    if case == "absolute name":
        change = partial(put, "tokenizer", str(place.parent / "target"), b"x")
    if case == "weights that unpickle":
        change = partial(_unpickled, place.parent / "canary")
    forge_message(place / "model", change)
    with pytest.raises(ValueError, match=f"saved transformer.*{said}"):
        build_transformer_model_v1("nowhere").from_bytes((place / "model").read_bytes())


def _unpickled(canary, message):
    message["weights"] = pickle.dumps(Canary(canary))


def test_a_transformer_in_spacy_transformers_own_form(place):
    files = {"../../target": b"x", "kwargs": {"trust_remote_code": True}}
    message = {"config": {"model_type": "bert"}, "state": b"", "tokenizer": files}
    inner = srsly.msgpack_dumps(message)
    for data in (inner, seal(inner), srsly.msgpack_dumps({"nodes": [], "shims": [[inner]]})):
        with pytest.raises(ValueError, match="saved transformer.*(another version|not known)"):
            build_transformer_model_v1("nowhere").from_bytes(data)
    assert not list(place.iterdir())


@pytest.fixture()
def pipeline(full_pipeline, place):
    return shutil.copytree(full_pipeline, place / "pipeline")


def test_a_config_that_trusts_code(pipeline):
    config = (pipeline / "config.cfg").read_text(encoding="utf8")
    assert "[components.transformer.model.tokenizer_config]" in config
    for name in ("tokenizer_config", "transformer_config"):
        head = f"[components.transformer.model.{name}]\n"
        (pipeline / "config.cfg").write_text(config.replace(head, f"{head}trust_remote_code = true\n"), encoding="utf8")
        with pytest.raises(ValueError, match=f"{name}.trust_remote_code: .*never run"):
            spacy.load(pipeline)


def test_a_folder_in_the_transformers_place_runs_no_code(pipeline, place, tiny_bert):
    shutil.rmtree(pipeline / "transformer" / "model", ignore_errors=True)
    (pipeline / "transformer" / "model").unlink(missing_ok=True)
    folder = shutil.copytree(tiny_bert, pipeline / "transformer" / "model")
    for name, classes in (("config.json", {"AutoConfig": "evil.EvilConfig", "AutoModel": "evil.Evil"}), ("tokenizer_config.json", {"AutoTokenizer": ["evil.Evil", "evil.Evil"]})):
        settings = json.loads((folder / name).read_text(encoding="utf8"))
        (folder / name).write_text(json.dumps({**settings, "auto_map": classes, "model_type": "evil"}), encoding="utf8")
    (folder / "evil.py").write_text(EVIL.format(canary=str(place.parent / "canary")))
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="trust_remote_code|evil"):
        spacy.load(pipeline)


LOOP = b'{"id": "a", "parent": "b", "labels": {"en": "A"}}\n{"id": "b", "parent": "a", "labels": {"en": "B"}}\n'
PARTS = {
    "product_preprocessor/cfg key": (json_of(lambda d: {"langz": d["langs"], "mark_promotions": True}), "langs: Field required"),
    "product_preprocessor/cfg type": (json_of(lambda d: d.update(mark_promotions="no")), "mark_promotions: .*valid boolean"),
    "product_preprocessor/cfg list": (json_of(lambda d: [d]), "cfg: .*dict|cfg: .*valid"),
    "product_preprocessor/lexicon.tsv.gz line": (lambda data: gzip.compress("手机壳".encode()), "line 1: must be 'word<tab>tag'"),
    "product_preprocessor/lexicon.tsv.gz kind": (lambda data: b"PK\3\4", "can't be loaded"),
    "tokenizer/cfg value": (json_of(lambda d: d.update(segmenter="evil")), "segmenter: .*'pkuseg' or 'char'"),
    "tokenizer/words.json type": (json_of(lambda d: {"a": "b"}), "must be a list of words"),
    "tokenizer/words.json pair": (json_of(lambda d: d + [["a", 1]]), r"\[2\]: must be a word and its tag"),
    "tokenizer/words.json short": (json_of(lambda d: ["ab"]), r"\[0\]: must be a word and its tag"),
    "product_tag_generator/cfg labels": (json_of(lambda d: d.update(labels=[1])), "labels.0: .*valid string"),
    "product_tag_generator/cfg overlap": (json_of(lambda d: d.update(overlap="evil")), "overlap: "),
    "product_tag_generator/cfg more": (json_of(lambda d: d.update(evil=1)), "evil: Extra inputs"),
    "product_tag_classifier/cfg zero": (json_of(lambda d: d.update(temperature=0)), "temperature: .*greater than 0"),
    "product_tag_classifier/cfg nan": (lambda data: data.replace(b'"temperature":1.0', b'"temperature":NaN'), "cfg: can't be loaded"),
    "product_classifier/cfg trees": (json_of(lambda d: d.update(trees="category")), "trees: .*valid list"),
    "product_classifier/cfg temperatures": (json_of(lambda d: d.update(temperatures={"category": "1"})), "temperatures.category: "),
    "product_classifier/tree0.jsonl loop": (lambda data: LOOP, "parent"),
    "product_classifier/tree0.jsonl type": (lambda data: b'{"id": 7, "labels": {"en": "A"}}\n', "id"),
    "product_tag_normalizer/rules.json type": (json_of(lambda d: [1]), "rules"),
    "product_tag_normalizer/rules.json rule": (json_of(lambda d: d.update(rules=[{"operation": "evil"}])), r"rules\[0\]"),
    "product_tag_generator/model empty": (lambda data: srsly.msgpack_dumps({}), "can't be loaded"),
    "product_tag_generator/model list": (lambda data: srsly.msgpack_dumps([1]), "can't be loaded"),
    "product_tag_generator/model nodes": (lambda data: srsly.msgpack_dumps({**srsly.msgpack_loads(data), "nodes": 5}), "can't be loaded"),
    "product_tag_generator/model shims": (lambda data: _with_shim(data, {"sizes": {"evil": 1}, "weights": b""}), "saved weights"),
    "product_tag_generator/model sizes": (lambda data: _with_shim(data, {"sizes": "x", "weights": b""}), "saved weights"),
    "product_tag_generator/model pickle": (lambda data: pickle.dumps({"nodes": []}), "can't be loaded"),
}  # fmt: skip


def _with_shim(data, message):
    model = srsly.msgpack_loads(data)
    for shims in model["shims"]:
        for number in range(len(shims)):
            shims[number] = seal(srsly.msgpack_dumps(message))
    return srsly.msgpack_dumps(model)


@pytest.fixture(scope="module")
def loaded(full_pipeline):
    return spacy.load(full_pipeline)


@pytest.mark.parametrize("case", PARTS)
def test_a_part_of_a_component(case, full_pipeline, loaded, place):
    name, file = case.partition(" ")[0].split("/")
    change, said = PARTS[case]
    folder = shutil.copytree(full_pipeline / name, place / name)
    forge_part(folder / file, change((folder / file).read_bytes()))
    component = loaded.tokenizer if name == "tokenizer" else loaded.get_pipe(name)
    with pytest.raises(ValueError, match=said) as caught:
        component.from_disk(folder)
    assert str(folder / file) in str(caught.value)
    component.from_disk(full_pipeline / name)


@pytest.mark.parametrize(
    "sums, said",
    [
        ({"format": 2}, "checksums.json: can't be read"),
        ({"sha256": []}, "checksums.json: can't be read"),
        ({"sha256": {"cfg": 1}}, "checksums.json: can't be read .*must be strings"),
        ({"config": 1}, "checksums.json: can't be read .*must be strings"),
        ({"sha256": {}}, "cfg: has no checksum"),
        ({"sha256": {"words.json": "x", "cfg": "x", "pkuseg_model/../../target": "x"}}, "cfg: .*checksum differs"),
    ],
)
def test_a_list_of_checksums(sums, said, full_pipeline, loaded, place):
    folder = shutil.copytree(full_pipeline / "tokenizer", place / "tokenizer")
    forge_list(folder, **sums)
    with pytest.raises(ValueError, match=said):
        loaded.tokenizer.from_disk(folder)
    (folder / "checksums.json").write_text("[]")
    with pytest.raises(ValueError, match="checksums.json: can't be read"):
        loaded.tokenizer.from_disk(folder)


def test_checksums_of_files_elsewhere_are_not_looked_for(full_pipeline, loaded, place):
    folder = shutil.copytree(full_pipeline / "tokenizer", place / "tokenizer")
    forge_list(folder, lambda sums: sums.update({"pkuseg_model//dev/zero": "x"}))
    with pytest.raises(ValueError, match="pkuseg_model: lacks pkuseg_model//dev/zero"):
        loaded.tokenizer.from_disk(folder)
    (folder / "cfg").unlink()
    (folder / "cfg").symlink_to("/dev/zero")
    with pytest.raises(ValueError, match="cfg: is missing, or no file"):
        loaded.tokenizer.from_disk(folder)


def test_a_component_of_an_earlier_version_says_what_to_do(full_pipeline, loaded, place):
    folder = shutil.copytree(full_pipeline / "tokenizer", place / "tokenizer")
    (folder / "checksums.json").unlink()
    with pytest.raises(ValueError, match="checksums.json: is missing: .*earlier version.*train it anew"):
        loaded.tokenizer.from_disk(folder)


def rename_array(name, meta):
    meta["arrays"][name] = meta["arrays"].pop("freqs")


def numbers(name, change):
    """Make a change of one array of an index."""

    def apply(folder):
        array = load_array(folder, name)
        forge_array(folder, name, change(array))

    return apply


def last(value, array):
    array[-1] = value
    return array


def meta(**fields):
    return partial(_update, fields)


def _update(fields, folder):
    forge_index(folder, lambda held: held.update(fields))


INDEX = {
    "array above": (lambda f: forge_index(f, partial(rename_array, "../../x")), "'../../x' is no name"),
    "array elsewhere": (lambda f: forge_index(f, partial(rename_array, "/tmp/x")), "'/tmp/x' is no name"),
    "array unknown": (lambda f: _rename_file(f, "evil"), "'evil': no array"),
    "array that unpickles": (lambda f: forge_array(f, "freqs", np.array([Canary(f.parents[1] / "canary")]), allow_pickle=True), "freqs.npy: can't be read"),
    "array of another type": (numbers("freqs", lambda a: a.astype("<f8")), "freqs: must be <i8"),
    "array of another shape": (numbers("freqs", lambda a: a[:, None]), "freqs: must be <i8 of 1"),
    "array too short": (numbers("freqs", lambda a: a[:-1]), "freqs: must hold 4 numbers, not 3"),
    "arrays is a list": (meta(arrays=[]), "arrays: must be dict"),
    "array without shape": (lambda f: forge_index(f, lambda m: m["arrays"]["freqs"].pop("shape") and None), "arrays.freqs: must hold"),
    "folder above": (meta(folder="../arrays-1"), "folder: must be such as arrays-1"),
    "folder elsewhere": (meta(folder="/tmp"), "folder: must be such as arrays-1"),
    "folder is a number": (meta(folder=7), "folder: must be str"),
    "circle of ids": (meta(moved={"a": "b", "b": "a"}), "moved: 'a' becomes itself"),
    "id becomes itself": (meta(moved={"a": "a"}), "moved: 'a' becomes itself"),
    "circle behind a way": (meta(moved={"x": "a", "a": "b", "b": "c", "c": "a"}), "moved: 'a' becomes itself"),
    "moved is a list": (meta(moved=[]), "moved: must be ids by id"),
    "moved to a number": (meta(moved={"a": 1}), "moved: must be ids by id"),
    "facets is text": (meta(facets="brand"), "facets: must be a list"),
    "facets too few": (meta(facets=["brand"]), "facets: must be from 0 to below 1"),
    "version is text": (meta(version="1"), "version: must be a whole number"),
    "version below 0": (meta(version=-1), "version: must be a whole number"),
    "weights are text": (meta(weights={"bias": "1"}), "weights: must be numbers"),
    "probe is a list": (meta(probe=[]), "other rules"),
    "more fields": (meta(evil=1), "'evil': not known"),
    "row too large": (numbers("entry_rows", partial(last, 99)), "entry_rows: must be from 0 to below 4"),
    "row below 0": (numbers("entry_texts", partial(last, -1)), "entry_texts: must be from 0"),
    "ends that fall": (numbers("key_ends", lambda a: np.append(a[::-1][:-1], a[-1])), "key_ends: must not fall|key_ends: must go"),
    "ends behind the end": (numbers("value_ends", partial(last, 10**6)), "value_ends: must go from 0 to"),
    "no UTF-8": (numbers("id_blob", partial(last, 0xFF)), "id_blob: is no UTF-8"),
    "cut character": (numbers("text_ends", lambda a: np.append(a[:-2], [a[-1] - 1, a[-1]])), "text_ends: cuts a character"),
    "postings too large": (numbers("gram_keys", partial(last, 99)), "gram_keys: must be from 0"),
    "postings not sorted": (numbers("gram_keys", lambda a: np.concatenate([a[:1] * 0 + 1, a[1:] * 0])), "gram_keys: is not sorted"),
    "pieces not sorted": (numbers("gram_codes", lambda a: a[::-1].copy()), "gram_codes: is not sorted"),
    "circle of categories": (numbers("use_parents", lambda a: np.array([1, 0], "i4")), "use_parents: a category stands before"),
    "category too large": (numbers("use_categories", partial(last, 9)), "use_categories: must be from 0"),
}  # fmt: skip


def _rename_file(folder, name):
    (file,) = folder.glob("arrays-*/freqs.npy")
    file.rename(file.with_name(f"{name}.npy"))
    forge_index(folder, partial(rename_array, name))


@pytest.fixture()
def index(full_pipeline, place):
    return shutil.copytree(full_pipeline / "product_tag_normalizer" / "aliases", place / "aliases")


@pytest.mark.parametrize("case", INDEX)
def test_an_alias_index(case, index):
    change, said = INDEX[case]
    change(index)
    with pytest.raises(ValueError, match=said) as caught:
        AliasIndex.from_disk(index)
    assert str(index) in str(caught.value)
    with pytest.raises(ValueError, match=said):
        open_index(index)


def test_values_of_an_alias_index_are_named_when_they_are_read(index):
    data = load_array(index, "value_blob").tobytes()
    for old, new, said in ((b'"facet": "brand"', b'"facet": 2222222', "facet"), (b'"labels": {', b'"labelz": {', "labelz")):
        forge_array(index, "value_blob", np.frombuffer(data.replace(old, new), "u1"))
        opened = AliasIndex.from_disk(index)
        with pytest.raises(ValueError, match=f"aliases: value .*{said}.*build the index again"):
            list(opened)


def test_an_index_is_not_written_under_names_of_a_stranger(place):
    index = AliasIndex.build([])
    arrays = {**index._arrays, "../../x": np.zeros(1)}
    with pytest.raises(ValueError, match="'../../x' is no name"):
        AliasIndex(arrays, index._meta).to_disk(place / "aliases")
    with pytest.raises(ValueError, match="moved: 'a' becomes itself"):
        AliasIndex.build([], moved={"a": "a"})
    with pytest.raises(ValueError, match="no array of an alias index"):
        AliasIndex.from_bytes(AliasIndex(arrays, index._meta).to_bytes())


HEAD = 'schema = 1\nname = "mine"\nversion = "1"\nextends = '


@pytest.mark.parametrize("extends", ['"../secret.toml"', '"{parent}/secret.toml"', '"link.toml"', '"a/b.toml"', '"secret"', "[1]"])
def test_a_profile_that_extends_another_file(extends, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.toml").write_text('password = "hunter2"\n')
    (tmp_path / "in" / "secret").write_text('password = "hunter2"\n')
    (tmp_path / "in" / "link.toml").symlink_to(tmp_path / "secret.toml")
    path = tmp_path / "in" / "mine.toml"
    path.write_text(HEAD + extends.format(parent=tmp_path) + "\n")
    with pytest.raises(ListingError, match="mine.toml:4: extends: ") as caught:
        load_profile(path)
    assert "hunter2" not in str(caught.value) and "password" not in str(caught.value)


def test_a_taxonomy_that_goes_in_a_circle(tmp_path):
    (tmp_path / "tree.jsonl").write_bytes(LOOP)
    with pytest.raises(ListingError, match="tree.jsonl:.*parent"):
        Taxonomy.from_disk(tmp_path / "tree.jsonl")


def test_bytes_of_a_component(loaded):
    component = loaded.get_pipe("product_tag_generator")
    good = component.to_bytes(exclude=["vocab"])
    message = srsly.msgpack_loads(good)
    for change, said in (
        (lambda m: [1], "no saved component"),
        (lambda m: {**m, "cfg": 5}, "cfg: is not what was saved|no saved component"),
        (lambda m: {**m, "cfg": m["cfg"] + b" "}, "cfg: is not what was saved"),
        (lambda m: {name: data for name, data in m.items() if name != "checksums.json"}, "no saved component"),
        (lambda m: pickle.dumps(Canary("/nowhere/canary")), "no saved component"),
    ):
        data = change(dict(message))
        with pytest.raises(ValueError, match=f"product_tag_generator: .*({said})"):
            component.from_bytes(data if isinstance(data, bytes) else srsly.msgpack_dumps(data))
    component.from_bytes(good)


def test_forged_files_that_are_right_load(full_pipeline, place):
    """The tools of these tests change nothing else, so that the errors come from what they change."""
    copy = shutil.copytree(full_pipeline, place / "pipeline")
    forge_message(copy / "transformer" / "model", lambda message: None)
    for file in (copy / "product_preprocessor" / "cfg", copy / "tokenizer" / "words.json"):
        forge_checksums(file)
    for folder in ("product_tag_normalizer", "product_tag_classifier"):
        numbers("freqs", lambda array: array)(copy / folder / "aliases")
    spacy.load(copy)
