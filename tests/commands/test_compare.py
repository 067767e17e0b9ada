"""Check `har-edge compare`: changes, noise, reports that are not comparable, and the gates."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
from programs import assert_one_sentence, succeeded
from sample_reports import WRITTEN_BEFORE, latency
from scipy import stats

from edge_runtime.bench import results
from edge_runtime.bench.comparison import METRICS, compare, parse_gate
from edge_runtime.bench.measured import Samples
from edge_runtime.bench.measurement_job import Instructions
from edge_runtime.bench.results import Failure, Report, Result
from edge_runtime.data.dataset import Split
from edge_runtime.data.scores import score
from edge_runtime.errors import InputError
from edge_runtime.model import model_card
from edge_runtime.reports.changes import change_sentences, show_changes
from edge_runtime.system.terminal import Console

OLD = results.read_report(WRITTEN_BEFORE)
FLOAT, INT8 = OLD.results


def of(*made: Result) -> Report:
    return replace(OLD, results=made)


def all_with(**changes: Any) -> Report:
    return of(*(replace(result, **changes) for result in OLD.results))


def lost(points: float) -> Report:
    """Accuracy lower by `points` percentage points."""
    return of(*(replace(result, accuracy=result.accuracy - points / 100) for result in OLD.results))


def timed(factor: float = 1.0, drift: float = 1.0) -> Report:
    """Other times, known to 1 %: `drift` times as long for all forms, and `factor` times more for int8."""
    times = (0.02 * drift, 0.02 * drift * factor)
    return of(
        *(
            replace(result, samples_ms=None, latency_ms=latency(ms), end_to_end_ms=latency(1.5 * ms))
            for result, ms in zip(OLD.results, times, strict=True)
        )
    )


def change(outcome, metric, which=1):
    return outcome.pairs[which].changes[metric]


def gate_failures(condition, old, new):
    return parse_gate(condition).failures(compare(old, new).pairs)


def test_a_slower_model_is_beyond_the_noise_and_its_sibling_is_not():
    outcome = compare(timed(), timed(1.1, drift=1.01))
    for metric in ("undisturbed", "end_to_end"):
        slower = change(outcome, metric)
        assert slower.change == pytest.approx(11.1)
        # The errors of two runs, 1 % each, are independent.
        assert slower.interval == pytest.approx((111.1 / 1.01414 - 100, 111.1 * 1.01414 - 100), abs=0.01)
        assert slower.beyond_noise
    assert change(outcome, "undisturbed", which=0).beyond_noise is False
    assert change(outcome, "p99").beyond_noise is None


def test_times_of_a_few_rounds_are_not_judged():
    few = Samples(*[((0.02,) * 100,) * 3] * 2)
    slower = of(*(replace(result, samples_ms=few) for result in timed(1.5).results))
    outcome = compare(timed(), slower)
    assert change(outcome, "undisturbed").beyond_noise is None
    assert "rounds" in [*change_sentences(outcome)][1]


def test_the_interval_of_accuracy_uses_students_t_over_people():
    points = dict(zip(INT8.per_subject, np.random.default_rng(0).normal(-1, 0.5, len(INT8.per_subject)), strict=True))
    worse = {person: share + points[person] / 100 for person, share in INT8.per_subject.items()}
    changed = replace(INT8, per_subject=worse, accuracy=INT8.accuracy + np.mean(list(points.values())) / 100)
    accuracy = change(compare(OLD, of(FLOAT, changed)), "accuracy")
    expected = stats.ttest_1samp(list(points.values()), 0).confidence_interval()
    assert accuracy.interval == pytest.approx((expected.low, expected.high), abs=1e-3)
    assert accuracy.beyond_noise


def test_results_are_matched_by_model_and_form_and_then_by_file():
    outcome = compare(OLD, of(FLOAT, replace(INT8, model="other")))
    assert [pair.title for pair in outcome.pairs] == ["edge float32"]
    assert (outcome.only_old, outcome.only_new) == (("edge int8",), ("other int8",))
    rival = replace(INT8, rival="ONNX Runtime")
    assert [pair.title for pair in compare(of(INT8, rival), of(rival, INT8)).pairs] == [
        "edge ONNX Runtime int8",
        "edge int8",
    ]
    a, b, c = (replace(INT8, file=name) for name in "abc")
    pairs = compare(of(a, b), of(b, c)).pairs
    assert [(pair.facts["old_file"], pair.facts["new_file"]) for pair in pairs] == [("b", "b")]


@pytest.mark.parametrize(
    ("new", "noun"),
    [
        (replace(OLD, device=replace(OLD.device, cpu="Cortex-A76")), "CPU"),
        (replace(OLD, data=replace(OLD.data, fingerprint="f00")), "data"),
        (replace(OLD, settings=replace(OLD.settings, mode="paced")), "mode"),
        (all_with(runtime="tensorflow"), "runtime"),
        (all_with(threads=4), "threads"),
    ],
)
def test_other_machines_data_modes_runtimes_and_threads_are_obstacles(new, noun):
    (obstacle,) = compare(OLD, new).obstacles
    assert noun in obstacle


def test_minor_differences_failures_and_doubts_are_notes():
    outcome = compare(OLD, replace(OLD, failures=(Failure("x.tflite", "it died"),)))
    assert not outcome.obstacles
    assert "x.tflite" in outcome.notes[0]
    doubted = of(replace(FLOAT, doubts=("all busy",)), replace(INT8, doubts=("all busy", "too few")))
    assert compare(doubted, OLD).doubts[:2] == ("of OLD: all busy", "of OLD, edge int8: too few")


@pytest.mark.parametrize(("factor", "verdict"), [(0.5, "better"), (2.0, "worse")])
def test_faster_smaller_and_more_accurate_is_better_and_the_opposite_is_worse(capsys, factor, verdict):
    points = 0.1 if factor < 1 else -0.1
    new = replace(
        timed(factor).results[1],
        size_bytes=int(INT8.size_bytes * factor),
        accuracy=INT8.accuracy + points,
        per_subject={name: share + points for name, share in INT8.per_subject.items()},
    )
    show_changes(compare(timed(), of(new)), Console())
    text = capsys.readouterr().out
    verdicts = {line[:15].strip(): line.split()[-1] for line in text.splitlines() if line}
    assert [verdicts[row] for row in ("accuracy", "undisturbed lat", "undisturbed end", "file size")] == [verdict] * 4


def test_a_gate_fails_beyond_its_limit_and_names_the_change():
    old, new = timed(), timed(1.1)
    (failure,) = gate_failures("undisturbed>5%", old, new)
    assert failure.startswith("undisturbed>5% for edge int8 (+10.0 %, 95 % interval")
    assert gate_failures("undisturbed>15%", old, new) == gate_failures("p50<-5%", old, new) == []
    assert len(gate_failures("p50<-5%", new, old)) == 1
    assert "unknown" in gate_failures("p99>5%", old, all_with(latency_ms=None, samples_ms=None))[0]


def test_gates_of_scores_are_in_percentage_points():
    worse = lost(0.4)
    assert len(gate_failures("accuracy<-0.3", OLD, worse)) == 2
    assert gate_failures("accuracy < -0.5 pp", OLD, worse) == gate_failures("macro_f1<-0.3", OLD, worse) == []


def test_every_metric_has_gates_and_exact_metrics_have_no_noise():
    counted = all_with(ram_bytes=7840, instructions=Instructions(965_954, "a timer"))
    for metric in METRICS:
        unit = "" if METRICS[metric].unit == "pp" else "%"
        assert [len(gate_failures(f"{metric}>{limit}{unit}", counted, counted)) for limit in (0, -0.1)] == [0, 2]
    text = "".join(change_sentences(compare(counted, all_with(ram_bytes=9879, instructions=Instructions(965_954, "")))))
    assert text.count("RAM +26.0 %") == 2
    assert "instructions" not in text


def test_other_conditions_are_refused():
    for condition in ("p50>5", "accuracy<-0.3%", "speed>1%"):
        with pytest.raises(InputError, match="--fail-if"):
            parse_gate(condition)


@pytest.fixture
def compared(har_edge_here):
    return lambda *arguments: har_edge_here("compare", *arguments, env={"COLUMNS": "120"})


@pytest.fixture
def slower(tmp_path) -> tuple[Path, Path]:
    """The files of a run and of a later one in which int8 takes 1.1 times as long."""
    paths = tmp_path / "old.json", tmp_path / "new.json"
    for path, report in zip(paths, (timed(), timed(1.1)), strict=True):
        report.write(path)
    return paths


def test_the_last_results_are_found(compared, slower, tmp_path):
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    old, new = folder / "bench-local-20261126-013000.json", folder / "bench-local.json"
    shutil.copy(slower[1], new)
    assert_one_sentence(compared(folder), 2, "bench-local.json")
    shutil.copy(slower[0], old)
    shutil.copy(slower[0], folder / "bench-local-20251126-013000.json")
    (tmp_path / "runs" / "latest").symlink_to("mine")
    for arguments, before in (([], f"runs/mine/{old.name}"), (["old.json"], "old.json")):
        shown = " ".join(succeeded(compared(*arguments)).stdout.split())
        assert shown.startswith(f"{before} (OLD), runs/mine/bench-local.json (NEW)")
        assert "edge int8: undisturbed latency +10.0 %" in shown


def test_the_command_shows_a_table_and_exits_with_0_or_1_for_its_gates(compared, slower, tmp_path):
    path = tmp_path / "changes.json"
    done = succeeded(compared(*slower, "--fail-if", "undisturbed>15%", "--json", path))
    assert "undisturbed latency +10.0 %" in " ".join(done.stdout.split())
    content = json.loads(path.read_text())
    assert content["results"][1]["changes"]["undisturbed"]["beyond_noise"] is True
    assert content["failures"] == []
    done = compared(*slower, "--fail-if", "undisturbed>5%", "--fail-if", "end_to_end>5%", "--json", path)
    assert_one_sentence(done, 1, "undisturbed>5% for edge int8", "end_to_end>5% for edge int8")
    assert len(json.loads(path.read_text())["failures"]) == 2


def test_a_model_that_cannot_be_measured_any_more_fails_the_gate(compared, slower):
    replace(OLD, results=timed().results[:1], comparisons=()).write(slower[1])
    assert_one_sentence(compared(*slower, "--fail-if", "accuracy<-0.3"), 1, "edge int8")
    succeeded(compared(*slower))  # without a gate it is only shown


@pytest.fixture
def train(tmp_path):
    """Writes the card of a training, with wrong answers out of ten for each of four people."""

    def trained(name: str, n_wrong: int, fingerprint: str = "f" * 64, n_wrong_in_test: int = 0) -> None:
        split = Split(np.zeros((40, 1, 1), np.float32), np.tile([0, 1], 20), np.repeat([*"abcd"], 10))
        wrong = np.arange(40) % 10 < np.array([[n_wrong], [n_wrong_in_test or n_wrong]])
        held_out, test = (asdict(score(split, split.y ^ errors, ("A", "B"))) for errors in wrong)
        data, weights = {"name": "mine", "fingerprint": fingerprint}, dict.fromkeys(("selection", "model"), name)
        card = replace(
            tiny_models.card(),
            scores={"held_out": held_out, "test": test},
            training={"data": data, "weights_sha256": weights},
        )
        (tmp_path / name).mkdir()
        model_card.save(card, tmp_path / name / "card.json")

    trained("a", 3)
    trained("b", 1)
    return trained


def test_runs_that_were_only_trained_are_compared_by_their_scores(compared, train, tmp_path):
    shutil.copy(WRITTEN_BEFORE, tmp_path / "a/bench-local.json")
    done = succeeded(compared("a", "b", "--fail-if", "accuracy<-1", "--json", "changes.json"))
    assert "test: accuracy +20.00 pp" in done.stdout
    assert "file" not in done.stdout
    parts = json.loads((tmp_path / "changes.json").read_text())["results"]
    assert [part["part"] for part in parts] == ["held_out", "test"]
    assert parts[0]["changes"]["accuracy"] | {"old": 0.7, "new": 0.9} == parts[0]["changes"]["accuracy"]
    assert parts[1]["changes"]["macro_f1"]["change"] == pytest.approx(20, abs=0.5)
    assert parts[0]["changes"]["accuracy"]["beyond_noise"] is True
    assert_one_sentence(compared("a", "b", "--fail-if", "p50>5%"), 1, "p50>5%", "unknown")


def test_a_gate_of_trainings_ignores_the_test_subjects(compared, train):
    train("unlucky", 1, n_wrong_in_test=8)
    assert "test: accuracy -50.00 pp" in succeeded(compared("a", "unlucky", "--fail-if", "accuracy<-1")).stdout


def test_a_training_with_several_seeds_is_compared_by_its_first_seed(compared, train, tmp_path):
    (tmp_path / "seeds").mkdir()
    for name in ("a", "b"):
        (tmp_path / "seeds" / name).symlink_to(tmp_path / name)
    (tmp_path / "seeds/seeds.json").write_text('{"runs": ["b", "a"]}')
    assert "taking seeds/b" in succeeded(compared("a", "seeds")).stderr


def test_trainings_on_other_data_and_cards_without_scores_are_refused(compared, train, tmp_path):
    train("other", 1, "0" * 64)
    assert_one_sentence(compared("a", "other"), 2, "data", "--anyway")
    succeeded(compared("a", "other", "--anyway"))
    card = model_card.load(tmp_path / "b/card.json")
    model_card.save(replace(card, training={}), tmp_path / "b/card.json")
    assert_one_sentence(compared("a", "b"), 2, "b/card.json")


def test_runs_that_are_not_comparable_exit_with_2(compared, tmp_path, slower):
    replace(timed(), device=replace(OLD.device, cpu="Cortex-A76")).write(tmp_path / "other.json")
    for arguments, nouns in (
        ((slower[0], "none.json"), ["none.json"]),
        ((*slower, "--json", slower[0]), [slower[0]]),
        ((slower[0], "other.json"), [OLD.device.cpu, "Cortex-A76", "--anyway"]),
    ):
        refused = compared(*arguments)
        assert_one_sentence(refused, 2, *nouns)
        assert refused.stdout == ""
    assert "Cortex-A76" in succeeded(compared(slower[0], "other.json", "--anyway")).stdout
