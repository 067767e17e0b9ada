"""Check the library for Arduino's IDE: it compiles with the IDE's flags, against stubs of its headers."""

import shutil

import pytest
from programs import assert_one_sentence, har_edge, run_program, succeeded

CXX, CC = shutil.which("g++"), shutil.which("gcc")
FLAGS = ("-c", "-Os", "-w", "-ffunction-sections", "-fdata-sections")
STUBS = {
    "Arduino.h": """
#pragma once
#include <stdint.h>
uint32_t micros(void);
void delay(uint32_t);
struct Port { void begin(long); void print(const char *); void print(char); void println(float); };
extern Port Serial;
""",
    "Arduino_LSM6DS3.h": """
#pragma once
#include "Arduino.h"
struct Sensor {
  int begin(), accelerationAvailable(), gyroscopeAvailable();
  int readAcceleration(float &, float &, float &), readGyroscope(float &, float &, float &);
};
extern Sensor IMU;
""",
}

pytestmark = pytest.mark.skipif(CXX is None, reason="needs a C++ compiler: apt-get install g++")


def test_the_library_compiles_with_the_flags_of_the_ide(tmp_path):
    succeeded(har_edge("convert", "edge-anywhere", "--c", "--arduino", "--out", tmp_path))
    library, stubs = tmp_path / "har_edge_anywhere_int8", tmp_path / "stubs"
    properties = dict(line.split("=", 1) for line in (library / "library.properties").read_text().splitlines())
    assert {"name", "version", "author", "sentence", "category", "architectures"} <= properties.keys()
    assert (library / "src" / properties["includes"]).is_file()
    stubs.mkdir()
    for name, text in STUBS.items():
        (stubs / name).write_text(text)
    include = (f"-I{stubs}", f"-I{library / 'src'}")
    sketch = tmp_path / "har.cpp"  # the IDE adds this line to a sketch
    sketch.write_text("#include <Arduino.h>\n" + (library / "examples" / "har" / "har.ino").read_text())
    succeeded(run_program(CXX, "-std=gnu++17", *FLAGS, *include, sketch, "-o", tmp_path / "sketch.o"))
    sources = sorted((library / "src").glob("*.c"))
    assert len(sources) == 8
    for source in sources:
        succeeded(run_program(CC, "-std=gnu17", *FLAGS, *include, source, "-o", tmp_path / f"{source.stem}.o"))


@pytest.mark.parametrize("options", [("--arduino",), ("--arduino", "--quantize")])
def test_a_library_is_made_only_of_c(options):
    assert_one_sentence(har_edge("convert", "edge", *options), 2, "--c")
