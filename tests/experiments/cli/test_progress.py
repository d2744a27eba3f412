"""Progress in a pipe: each part by its name when it begins, then now and then how much is done; nothing where quiet."""

import experiments.cli.progress as progress


def test_each_part_is_named_once_and_long_ones_tell_their_share(capsys, monkeypatch):
    clock = iter([0.0, 4.0, 11.0, 12.0, 30.0, 31.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.progress_bar(quiet=False) as report:
        for stage, share in (("live", 0.0), ("live", 0.2), ("live", 0.5), ("live", 0.6), ("live", 1.0), ("write", 0.0)):
            report(stage, share)
    said = capsys.readouterr()
    assert said.err.splitlines() == ["live …", "live … 50%", "write …"]
    assert said.out == ""


def test_a_quiet_command_says_nothing(capsys):
    with progress.progress_bar(quiet=True) as report:
        report("live", 0.0)
    assert capsys.readouterr().err == ""


def test_only_what_a_command_needs_is_called_uncompiled(capsys, monkeypatch):
    monkeypatch.setattr("simulator.compiled.is_cached", lambda function: function.__name__ == "advance")
    progress.say_if_compiling(quiet=False, twins=False)
    assert capsys.readouterr().err == ""
    progress.say_if_compiling(quiet=False)
    assert capsys.readouterr().err.startswith("Compiling the law of the world; this happens once")
