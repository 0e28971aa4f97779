from sidelight.progress import ignore_progress, prefixed


def test_a_prefix_stands_before_every_label_and_numbers_pass_unchanged():
    seen = []
    report = prefixed(lambda *given: seen.append(given), "EASE")
    report(1, 3, "fit")
    report(3, 0, "fit | slow")
    assert seen == [(1, 3, "EASE: fit"), (3, 0, "EASE: fit | slow")]


def test_without_a_callback_there_is_nothing_to_prefix_and_silence_takes_the_same_arguments():
    assert prefixed(None, "EASE") is None
    assert ignore_progress(1, 2, "fit") is None
