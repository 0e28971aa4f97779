from sidelight.errors import UnknownIdError, complain, did_you_mean, missing_extra, shown


def test_a_complaint_leaves_out_what_is_not_known():
    assert complain("a", "b") == "expected a; found b"
    assert complain("a", "b", fix="do c") == "expected a; found b; do c"
    assert complain("a", "b", "x.csv", "do c") == "expected a; found b; in x.csv; do c"


def test_a_value_is_shown_on_one_short_line():
    assert shown("a\nb  c") == "'a\\nb c'"
    assert len(shown(list(range(1000)))) == 80 and shown(list(range(1000))).endswith("...")
    assert "too long" in shown(10**10_000)


def test_near_names_are_proposed_and_far_ones_listed():
    names = [f"column_{n}" for n in range(20)]
    assert did_you_mean("colunm_1", names) == "did you mean 'column_1'?"
    far = did_you_mean("zzz", names)
    assert far.startswith("valid names: 'column_0'") and far.endswith(", ...") and far.count("'") == 24


def test_a_missing_package_comes_with_its_command():
    error = missing_extra("torch", "train", "training")
    assert isinstance(error, ImportError) and "pip install 'sidelight[train]'" in str(error)
    assert str(UnknownIdError("no item 'x'")) == "no item 'x'"
