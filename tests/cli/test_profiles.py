"""`product-tags profiles`."""
from spacy_product_tags.platforms.reader import profile_names

MINE = 'schema = 1\nname = "mine"\nversion = "2"\nextends = "amazon"\n[total_length]\nmax = 499\nsource = "assumed"\n'


def test_check(run, tmp_path):
    result = run("profiles", "check")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == profile_names()
    assert "neutral 1.0.0: 5 rules, 0 read, 5 assumed" in result.stdout
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(MINE)
    bad.write_text(MINE.replace("499", "-1"))
    result = run("profiles", "check", bad, good)
    assert result.exit_code == 1
    assert f"{bad}:6: total_length.max: must be a whole number from 1, not -1" in result.stderr
    assert "mine 2: 12 rules, 10 read, 2 assumed" in result.stdout


def test_show(run):
    result = run("profiles", "show", "shopify")
    assert result.exit_code == 0
    assert "count.max = 250\n    https://shopify.dev/changelog/product-tags-now-have-a-limit-of-250-per-product" in result.stdout
    result = run("profiles", "show", "nope")
    assert result.exit_code == 1 and "there are amazon" in result.stderr


def test_diff(run, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    assert run("profiles", "diff", "amazon", path).stdout == "- total_length.max = 249\n+ total_length.max = 499\n"
    assert run("profiles", "diff", "jd", "jd").stdout == ""
