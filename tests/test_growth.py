"""The checker of growth tells linear from worse."""
import pytest
from growth import HOSTILE, assert_linear, measure_growth, repeated


def linear(text):
    return sum(map(ord, text))


def quadratic(text):
    return sum(text[:place].count("a") for place in range(0, len(text), 20))


def test_linear_passes_and_says_so(capsys):
    growth = assert_linear(linear, repeated("ab"))
    assert 0.5 < growth.exponent <= 1.5 and growth.seconds > 0
    assert "linear" in capsys.readouterr().out


def test_quadratic_fails():
    with pytest.raises(AssertionError, match="quadratic of 'abababababab'…: exponent"):
        assert_linear(quadratic, repeated("ab"), sizes=(8_000, 16_000, 32_000))


def test_what_takes_seconds_is_not_tried_larger(monkeypatch):
    monkeypatch.setattr("growth._LONGEST_CALL", 0.01)
    assert len(measure_growth(quadratic, repeated("a"), sizes=(16_000, 32_000, 64_000, 128_000)).sizes) < 4


@pytest.mark.parametrize("unit", HOSTILE)
def test_inputs_have_their_length(unit):
    assert len(repeated(unit)(1001)) == 1001 and repeated(unit)(50).startswith(unit)
