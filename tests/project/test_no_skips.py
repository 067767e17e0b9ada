"""Check the rule that CI allows no skipped test."""

import re
import sys

from programs import ROOT, run_program

TESTS = {
    "fixture": "import pytest\n\n@pytest.fixture\ndef f(): pytest.skip('why')\n\ndef test(f): pass\n",
    "mark": "import pytest\n\n@pytest.mark.skip('why')\ndef test(): pass\n",
    "module": "import pytest\npytest.skip('why', allow_module_level=True)\n",
    "expected": "import pytest\n\n@pytest.mark.xfail\ndef test(): assert False\n",
    "passes": "def test(): pass\n",
}


def test_a_skip_fails_in_ci_and_says_why_and_other_outcomes_stay(tmp_path):
    for name, content in TESTS.items():
        (tmp_path / f"test_{name}.py").write_text(content)
    for ci, expected in (("true", {"fixture", "mark", "module"}), ("", set())):
        command = (sys.executable, "-m", "pytest", "-p", "no_skips", "-p", "no:cacheprovider", "-q", "-rfE")
        env = {"CI": ci, "PYTHONPATH": str(ROOT / "tests"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        text = run_program(*command, "--continue-on-collection-errors", cwd=tmp_path, env=env).stdout
        assert set(re.findall(r"^(?:FAILED|ERROR) test_(\w+)\.py.*why", text, re.M)) == expected, text
        assert "1 passed" in text
        assert "1 xfailed" in text
