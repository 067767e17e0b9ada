"""Write recordings whose labels stand in files of their own, and the layouts that say so."""

from written_recordings import motion

SENSORS = """
[acceleration]
columns = [2, 3, 4]
unit = "g"
[rotation]
columns = [5, 6, 7]
unit = "rad/s"
"""
BY_ROW = f"""files = "L{{scene}}_S{{subject}}_R{{trial}}.csv"
rate = 50
skip = 1
{SENSORS}
[label_file]
files = "L{{scene}}_S{{subject}}_R{{trial}}_labels.csv"
columns = ["label"]
skip = 1
[labels]
2 = "WALKING"
1 = "STANDING"
7 = ""
"""
OF_STRETCHES = f"""files = "{{subject}}.csv"
rate = 50
{SENSORS}
[label_file]
files = "labels.txt"
columns = ["subject", "label", "start", "end"]
"""


def line(*cells, separator=","):
    return separator.join(map(str, cells))


def write_by_row(folder, trial="01", n=300):
    """A recording and the labels of its rows, beside columns that are not read; its samples."""
    samples = motion(n)[1]
    name = f"L01_S07_R{trial}"
    rows = [line(i, *x) for i, x in enumerate(samples)]
    (folder / f"{name}.csv").write_text("\n".join(["Time,x,y,z,u,v,w", *rows, ""]))
    labels = ["1,0,1"] * 100 + ["2.0,1,0"] * 150 + ["7,0,0"] * (n - 250)
    (folder / f"{name}_labels.csv").write_text("\n".join(["Class,Gait,Step", *labels, ""]))
    return samples
