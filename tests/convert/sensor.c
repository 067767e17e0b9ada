/* A sensor that reads its counts from a file, at 104 Hz, and ends the program at the end of the file. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int64_t read_sensor(int16_t counts[6]) {
  static FILE *file;
  static int64_t n;
  if (!file) file = fopen("counts.int16", "rb");
  if (!file || fread(counts, 6 * sizeof *counts, 1, file) != 1) exit(file ? 0 : 1);
  return n++ * 1000000 / 104;
}
