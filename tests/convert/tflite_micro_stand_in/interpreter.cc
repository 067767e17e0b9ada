// The stand-in for the interpreter, and the windows of the example, all by files in the working folder.
#include <cstdio>

#include "edge_int8.h"
#include "tensorflow/lite/micro/micro_interpreter.h"

namespace tflite {

MicroInterpreter::MicroInterpreter(const Model* model, const MicroOpResolver& resolver, uint8_t* arena, size_t size)
    : model_(model), resolver_(resolver), arena_(arena), arena_size_(size) {}

TfLiteStatus MicroInterpreter::AllocateTensors() {
  FILE* file = std::fopen("interpreter.txt", "w");
  std::fprintf(file, "arena=%zu operators=%u aligned=%d model=%lu\n", arena_size_, resolver_.count,
               reinterpret_cast<uintptr_t>(arena_) % 16 == 0 && reinterpret_cast<uintptr_t>(model_) % 16 == 0,
               reinterpret_cast<const unsigned char*>(model_) == edge_int8::model ? edge_int8::model_bytes : 0);
  input_.data.int8 = reinterpret_cast<int8_t*>(arena_);
  output_.data.int8 = input_.data.int8 + edge_int8::samples * edge_int8::n_signals;
  return std::fclose(file) == 0 ? kTfLiteOk : kTfLiteError;
}

TfLiteStatus MicroInterpreter::Invoke() {
  static FILE* inputs = std::fopen("inputs.bin", "wb");
  static FILE* answers = std::fopen("answers.bin", "rb");
  const size_t size = edge_int8::samples * edge_int8::n_signals;
  const bool done = std::fwrite(input_.data.int8, 1, size, inputs) == size &&
                    std::fread(output_.data.int8, edge_int8::n_labels, 1, answers) == 1;
  return done ? kTfLiteOk : kTfLiteError;
}

TfLiteTensor* MicroInterpreter::input(size_t) { return &input_; }
TfLiteTensor* MicroInterpreter::output(size_t) { return &output_; }

}  // namespace tflite

bool next_window(float window[edge_int8::samples][edge_int8::n_signals]) {
  static FILE* windows = std::fopen("windows.bin", "rb");
  return std::fread(window, sizeof(float), edge_int8::samples * edge_int8::n_signals, windows) ==
         static_cast<size_t>(edge_int8::samples * edge_int8::n_signals);
}
