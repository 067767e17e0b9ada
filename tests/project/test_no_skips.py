"""Check the rule that CI allows no skipped test."""

import sys
from pathlib import Path

import pytest
from programs import ROOT, run_program

TESTS = {
    "test_fixture.py": "import pytest\n\n@pytest.fixture\ndef f(): pytest.skip('why')\n\ndef test(f): pass\n",
    "test_mark.py": "import pytest\n\n@pytest.mark.skip('why')\ndef test(): pass\n",
    "test_module.py": "import pytest\npytest.skip('why', allow_module_level=True)\n",
    "test_expected.py": "import pytest\n\n@pytest.mark.xfail\ndef test(): assert False\n",
    "test_passes.py": "def test(): pass\n",
}


def outcome(folder: Path, name: str, ci: str) -> tuple[int, str]:
    (folder / name).write_text(TESTS[name])
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no_skips", "-p", "no:cacheprovider", name)
    done = run_program(*command, cwd=folder, env={"CI": ci, "PYTHONPATH": str(ROOT / "tests")})
    return done.returncode, done.stdout


@pytest.mark.parametrize("name", ["test_fixture.py", "test_mark.py", "test_module.py"])
def test_a_skip_fails_in_ci_and_says_why(tmp_path, name):
    code, text = outcome(tmp_path, name, "true")
    assert code not in (0, 5)
    assert "skipped, which CI does not allow" in text
    assert "why" in text
    code, text = outcome(tmp_path, name, "")
    assert code in (0, 5)  # 5: no test was run
    assert "1 skipped" in text


@pytest.mark.parametrize("name", ["test_expected.py", "test_passes.py"])
def test_other_outcomes_stay_as_they_are(tmp_path, name):
    assert outcome(tmp_path, name, "true")[0] == 0
