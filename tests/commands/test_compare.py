"""Check `har-edge compare`: changes, noise, reports that are not comparable, and the gates."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from programs import assert_one_sentence, succeeded

from edge_runtime import runs
from edge_runtime.bench import regression_gates, results, statistics
from edge_runtime.bench.comparison import METRICS, compare
from edge_runtime.bench.results import Failure, Report, Samples
from edge_runtime.errors import InputError
from edge_runtime.reports.changes import change_sentences, show_changes
from edge_runtime.system.terminal import Console

WRITTEN_BEFORE = Path(__file__).parents[1] / "bench" / "bench.json"


@pytest.fixture(scope="module")
def written_before() -> Report:
    """A report that an earlier version wrote, of the reference models in float32 and int8."""
    return results.read_report(WRITTEN_BEFORE)


def timed(report: Report, factor: float = 1.0, seed: int = 0) -> Report:
    """The same report with other times: five rounds of 100, the int8 ones `factor` times as long."""
    return replace(report, results=tuple(_timed(x, factor, seed) for x in report.results))


def _timed(result, factor, seed):
    random = np.random.default_rng((seed, len(result.quantization)))
    scale = 0.02 * (factor if result.quantization == "int8" else 1)
    rounds = scale * (1 + 0.05 * random.random((5, 100)) + 0.002 * random.standard_normal((5, 1)))
    samples = Samples(*(tuple(map(tuple, times.tolist())) for times in (rounds, 1.5 * rounds)))
    latency, end_to_end = (statistics.latency(times) for times in (samples.latency, samples.end_to_end))
    return replace(result, samples_ms=samples, latency_ms=latency, end_to_end_ms=end_to_end)


def change(outcome, metric, which=1):
    return outcome.pairs[which].changes[metric]


def test_a_report_against_itself_has_not_changed(written_before):
    outcome = compare(written_before, written_before)
    assert [pair.title for pair in outcome.pairs] == ["edge float32", "edge int8"]
    assert outcome.obstacles == outcome.notes == outcome.only_old == outcome.only_new == ()
    for pair in outcome.pairs:
        assert set(pair.changes) == set(METRICS)
        assert all(x.change == 0 and not x.beyond_noise for x in pair.changes.values())


def test_a_slower_model_is_beyond_the_noise_and_its_sibling_is_not(written_before):
    outcome = compare(timed(written_before), timed(written_before, 1.1, seed=1))
    slower = change(outcome, "p50")
    assert slower.change == pytest.approx(10, abs=0.5)
    assert slower.interval[0] < 10 < slower.interval[1]
    assert slower.beyond_noise
    assert change(outcome, "end_to_end").beyond_noise
    assert change(outcome, "p50", which=0).beyond_noise is False


def test_a_latency_that_holds_more_than_before_is_said(written_before):
    float32, int8 = written_before.results
    raw = replace(written_before, results=(float32, replace(int8, raw_input=True)))
    for old, new, where in ((written_before, raw, "NEW"), (raw, written_before, "OLD")):
        (note,) = compare(old, new).notes
        assert "edge int8" in note
        assert where in note
    assert compare(raw, raw).notes == ()


def test_changes_are_of_the_old_value(written_before):
    float32, int8 = written_before.results
    changed = replace(int8, size_bytes=int8.size_bytes * 2, accuracy=int8.accuracy - 0.01, load_ms=int8.load_ms / 2)
    outcome = compare(written_before, replace(written_before, results=(float32, changed)))
    assert change(outcome, "size").change == 100
    assert change(outcome, "size").beyond_noise
    assert change(outcome, "load").change == -50
    assert change(outcome, "load").beyond_noise is None
    assert change(outcome, "accuracy").change == pytest.approx(-1)


def test_the_interval_of_accuracy_is_student_s_over_people(written_before):
    from scipy import stats

    float32, int8 = written_before.results
    points = dict(zip(int8.per_subject, np.random.default_rng(0).normal(-1, 0.5, len(int8.per_subject)), strict=True))
    worse = {person: share + points[person] / 100 for person, share in int8.per_subject.items()}
    changed = replace(int8, per_subject=worse, accuracy=int8.accuracy + np.mean(list(points.values())) / 100)
    found = change(compare(written_before, replace(written_before, results=(float32, changed))), "accuracy")
    expected = stats.ttest_1samp(list(points.values()), 0).confidence_interval()
    assert found.interval == pytest.approx((expected.low, expected.high), abs=1e-3)
    assert found.beyond_noise


def test_what_a_file_does_not_have_is_unknown(written_before):
    emulated = tuple(replace(x, latency_ms=None, end_to_end_ms=None, samples_ms=None) for x in written_before.results)
    new = replace(written_before, results=emulated)
    outcome = compare(written_before, new)
    assert change(outcome, "p50").change is change(outcome, "p50").interval is change(outcome, "p50").new is None
    assert change(outcome, "accuracy").change == 0
    assert "unknown" in gate_failures("p99>5%", written_before, new)[0]
    bare = replace(written_before, results=tuple(replace(x, samples_ms=None) for x in written_before.results))
    found = change(compare(written_before, bare), "p50")
    assert found.change == 0
    assert found.interval is found.beyond_noise is None


def test_results_of_one_file_alone_are_named(written_before):
    float32, int8 = written_before.results
    other = replace(int8, model="other")
    outcome = compare(written_before, replace(written_before, results=(float32, other)))
    assert [pair.title for pair in outcome.pairs] == ["edge float32"]
    assert outcome.only_old == ("edge int8",)
    assert outcome.only_new == ("other int8",)


def test_of_several_alike_the_file_decides(written_before):
    _, int8 = written_before.results
    a, b, moved = (replace(int8, file=name, size_bytes=n) for name, n in (("a", 1), ("b", 2), ("c", 3)))
    both = replace(written_before, results=(a, b))
    swapped = compare(both, replace(written_before, results=(b, a)))
    assert [(pair.old.file, pair.new.file) for pair in swapped.pairs] == [("b", "b"), ("a", "a")]
    assert swapped.pairs[0].title == "edge int8 (b)"
    # The only two that are left belong together, whatever they are called.
    assert [(p.old.file, p.new.file) for p in compare(both, replace(both, results=(a, moved))).pairs] == [
        ("a", "a"),
        ("b", "c"),
    ]
    # Which of two it became cannot be told.
    outcome = compare(both, replace(both, results=(moved,)))
    assert outcome.pairs == ()
    assert len(outcome.only_old) == 2


@pytest.mark.parametrize(
    ("where", "changed", "noun"),
    [
        ("device", {"cpu": "Cortex-A76"}, "CPU"),
        ("device", {"board": "Raspberry Pi 5"}, "board"),
        ("device", {"machine": "aarch64"}, "machine"),
        ("data", {"fingerprint": "f00"}, "data"),
        ("settings", {"mode": "paced"}, "mode"),
        ("results", {"runtime_version": "1.0"}, "runtime"),
        ("results", {"runtime": "tensorflow"}, "runtime"),
        ("results", {"threads": 4}, "threads"),
    ],
)
def test_other_machines_data_modes_runtimes_and_threads_are_obstacles(written_before, where, changed, noun):
    old = getattr(written_before, where)
    new = tuple(replace(x, **changed) for x in old) if where == "results" else replace(old, **changed)
    (obstacle,) = compare(written_before, replace(written_before, **{where: new})).obstacles
    (value,) = changed.values()
    assert noun in obstacle
    assert f"{value}" in obstacle.partition(" in OLD")[2]


def test_lesser_differences_failures_and_doubts_are_passed_on(written_before):
    other = replace(
        written_before,
        device=replace(written_before.device, kernel="Linux 7"),
        failures=(Failure("x.tflite", "it died"),),
        har_edge="99.0",
    )
    outcome = compare(written_before, other)
    assert not outcome.obstacles
    for words in ("Linux 7", "99.0", "x.tflite"):
        assert any(words in note for note in outcome.notes)
    assert any(doubt.startswith("of OLD: 40 timed inferences") for doubt in outcome.doubts)
    one, two = written_before.results
    doubted = replace(one, doubts=("all busy",)), replace(two, doubts=("all busy", "too few"))
    doubts = compare(replace(written_before, results=doubted), written_before).doubts
    assert doubts[:2] == ("of OLD: all busy", "of OLD, edge int8: too few")


def gate_failures(condition, old, new):
    return regression_gates.parse_gate(condition).failures(compare(old, new).pairs)


def test_a_gate_fails_beyond_its_limit_and_names_the_change(written_before):
    old, new = timed(written_before), timed(written_before, 1.1)
    (failure,) = gate_failures("p50>5%", old, new)
    assert failure.startswith("p50>5% for edge int8 (+10.0 %, 95 % interval")
    assert gate_failures("p50>15%", old, new) == []
    assert gate_failures("p50<-5%", old, new) == []
    assert len(gate_failures("p50<-5%", new, old)) == 1


def test_accuracy_gates_are_in_percentage_points(written_before):
    worse = tuple(replace(x, accuracy=x.accuracy - 0.004, macro_f1=x.macro_f1 - 0.002) for x in written_before.results)
    new = replace(written_before, results=worse)
    assert len(gate_failures("accuracy<-0.3", written_before, new)) == 2
    assert gate_failures("accuracy < -0.5 pp", written_before, new) == []
    assert gate_failures("macro_f1<-0.3", written_before, new) == []


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_has_a_gate(written_before, metric):
    unit = "" if METRICS[metric].unit == "pp" else "%"
    assert gate_failures(f"{metric}>0{unit}", written_before, written_before) == []
    assert len(gate_failures(f"{metric}>-0.1{unit}", written_before, written_before)) == 2


@pytest.mark.parametrize(
    "condition",
    ["p50>5", "accuracy<-0.3%", "speed>1%", "p50=5%", "p50>five%", "p50>nan%", "p50>" + "9" * 400 + "%", ""],
)
def test_other_conditions_are_refused(condition):
    with pytest.raises(InputError, match="--fail-if"):
        regression_gates.parse_gate(condition)


@pytest.fixture
def compared(har_edge_here):
    return lambda *arguments, width=80: har_edge_here("compare", *arguments, env={"COLUMNS": str(width)})


@pytest.fixture
def slower(tmp_path, written_before) -> tuple[Path, Path]:
    """The files of a run and of a later one in which int8 takes 1.1 times as long."""
    paths = tmp_path / "old.json", tmp_path / "new.json"
    for path, report in zip(paths, (timed(written_before), timed(written_before, 1.1)), strict=True):
        report.write(path)
    return paths


def test_the_last_results_are_found(compared, slower, tmp_path):
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    old, new = folder / "bench-local-20261126-013000.json", folder / "bench-local.json"
    assert_one_sentence(compared(folder), 2, "mine has no result")
    shutil.copy(slower[1], new)
    assert_one_sentence(compared(folder), 2, "bench-local.json is the only result")
    shutil.copy(slower[0], old)
    shutil.copy(slower[0], folder / "bench-local-20251126-013000.json")
    shutil.copy(slower[0], folder / "bench-local-2.json")  # of another device, and older than the last one
    os.utime(folder / "bench-local-2.json", (1, 1))
    (tmp_path / "runs" / "latest").symlink_to("mine")
    words = "bench-local-20261126-013000.json (OLD), runs/mine/bench-local.json (NEW)"
    for arguments in ([], [folder.relative_to(tmp_path)], ["old.json"], ["old.json", "runs/mine"]):
        shown = " ".join(succeeded(compared(*arguments, width=120)).stdout.split())
        assert shown.startswith(
            ("runs/mine/" + words) if "old.json" not in arguments else "old.json (OLD), runs/mine/bench"
        )
        assert "edge int8: latency p50 +10.0 %" in shown


def test_p99_is_judged_by_an_interval_of_its_own(written_before):
    def with_tails(seed: int) -> Report:
        random = np.random.default_rng(seed)
        rounds = 0.02 * (1 + 0.01 * random.random((5, 400)) + 3 * (random.random((5, 400)) < 0.01))
        samples = Samples(*(tuple(map(tuple, rounds.tolist())),) * 2)
        return replace(
            written_before,
            results=tuple(
                replace(x, samples_ms=samples, latency_ms=statistics.latency(samples.latency))
                for x in written_before.results
            ),
        )

    outcome = compare(with_tails(1), with_tails(2))
    assert not change(outcome, "p99").beyond_noise  # it is far less certain than p50
    low, high = change(outcome, "p99").interval
    assert high - low > 20 * np.ptp(change(outcome, "p50").interval)


def test_p99_of_few_times_has_no_interval(written_before):
    few = tuple(replace(x, samples_ms=Samples(((1.0, 2.0),), ((1.0, 2.0),))) for x in written_before.results)
    outcome = compare(timed(written_before), replace(written_before, results=few))
    assert change(outcome, "p50").interval
    assert change(outcome, "p99").interval is change(outcome, "p99").beyond_noise is None


def test_results_of_one_second_are_all_kept(tmp_path):
    path = tmp_path / "bench-local.json"
    for content in ("first", "second", "third"):
        path.write_text(content)
        os.utime(path, (1e9, 1e9))
        runs.keep_result(path)
    path.write_text("last")
    assert [x.read_text() for x in runs.last_results(tmp_path, 4)] == ["first", "second", "third", "last"]


def test_the_command_shows_a_table_and_leaves_with_0(compared, slower, tmp_path):
    done = succeeded(compared(*slower, "--fail-if", "p50>15%", "--json", tmp_path / "changes.json"))
    assert "edge int8: latency p50 +10.0 %, latency p99 +10.0 %, end to end p50 +10.0 %" in " ".join(
        done.stdout.split()
    )
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "…" not in done.stdout
    content = json.loads((tmp_path / "changes.json").read_text())
    assert content["results"][1]["changes"]["p50"]["beyond_noise"] is True
    assert content["failures"] == []


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_faster_smaller_and_more_accurate_is_better_and_their_contrary_worse(written_before, capsys, factor):
    def changed(report: Report, factor: float) -> Report:
        points = 0.1 if factor < 1 else -0.1
        return replace(
            report,
            results=tuple(
                replace(
                    x,
                    size_bytes=int(x.size_bytes * factor),
                    accuracy=x.accuracy + points,
                    per_subject={name: share + points for name, share in x.per_subject.items()},
                )
                for x in timed(report, factor).results[1:]
            ),
        )

    show_changes(compare(timed(written_before), changed(written_before, factor)), Console())
    verdicts = {x[:15].strip(): x.split()[-1] for x in capsys.readouterr().out.splitlines() if x}
    verdict = "better" if factor < 1 else "worse"
    assert [verdicts[x] for x in ("accuracy", "latency p50", "end to end p50"[:15], "file size")] == [verdict] * 4


def test_a_failed_gate_leaves_with_1_and_names_every_failure(compared, slower, tmp_path):
    path = tmp_path / "changes.json"
    done = compared(*slower, "--fail-if", "p50>5%", "--fail-if", "end_to_end>5%", "--json", path)
    assert_one_sentence(done, 1, "p50>5% for edge int8", "end_to_end>5% for edge int8")
    assert "float32" not in done.stderr.partition("Error")[2]
    assert len(json.loads(path.read_text())["failures"]) == 2


def test_a_model_that_could_not_be_measured_any_more_passes_no_gate(compared, slower, written_before):
    report = timed(written_before)
    replace(report, results=report.results[:1], comparisons=()).write(slower[1])
    assert_one_sentence(compared(*slower, "--fail-if", "accuracy<-0.3"), 1, "edge int8")
    succeeded(compared(*slower))  # without a gate it is only shown


def test_what_is_not_comparable_is_refused_unless_told_to(compared, slower, tmp_path, written_before):
    other = replace(timed(written_before), device=replace(written_before.device, cpu="Cortex-A76"))
    path = tmp_path / "other.json"
    other.write(path)
    refused = compared(slower[0], path)
    assert_one_sentence(refused, 2, written_before.device.cpu, "Cortex-A76", "--anyway")
    assert refused.stdout == ""
    assert "Cortex-A76" in succeeded(compared(slower[0], path, "--anyway")).stdout


@pytest.mark.parametrize(("fingerprint", "people"), [("f00", None), (None, {"1": 0.3})])
def test_a_loss_of_accuracy_that_has_no_interval_is_named(written_before, fingerprint, people):
    lost = tuple(replace(x, accuracy=x.accuracy - 0.54, per_subject=people or {}) for x in written_before.results)
    data = replace(written_before.data, fingerprint=fingerprint or written_before.data.fingerprint)
    outcome = compare(written_before, replace(written_before, results=lost, data=data))
    assert change(outcome, "accuracy").interval is None
    for said in change_sentences(outcome):
        assert "accuracy -54.00 pp" in said
    assert "accuracy" not in "".join(change_sentences(compare(written_before, written_before)))


def test_files_that_cannot_be_compared_leave_with_2_and_stay(compared, tmp_path, written_before, slower):
    for result in written_before.results:
        replace(written_before, results=(result,), comparisons=()).write(tmp_path / f"{result.quantization}.json")
    before = slower[0].read_bytes()
    for arguments, noun in (
        (("nosuch.json",), "nosuch.json"),
        ((), "no result"),
        ((slower[0], "none.json"), "none.json"),
        (("float32.json", "int8.json"), "no model"),
        ((*slower, "--fail-if", "p50>5"), "--fail-if"),
        ((*slower, "--json", slower[0]), str(slower[0])),
    ):
        assert_one_sentence(compared(*arguments), 2, noun)
    assert slower[0].read_bytes() == before
