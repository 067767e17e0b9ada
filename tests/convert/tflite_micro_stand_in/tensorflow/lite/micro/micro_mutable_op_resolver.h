// The methods that the shipped models need; as in the library, there is room for N operators.
#pragma once
enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };

namespace tflite {
struct MicroOpResolver {
  unsigned count = 0;
};
template <unsigned N>
struct MicroMutableOpResolver : MicroOpResolver {
  TfLiteStatus Take() { return ++count <= N ? kTfLiteOk : kTfLiteError; }
  TfLiteStatus AddAdd() { return Take(); }
  TfLiteStatus AddConcatenation() { return Take(); }
  TfLiteStatus AddConv2D() { return Take(); }
  TfLiteStatus AddFullyConnected() { return Take(); }
  TfLiteStatus AddLogistic() { return Take(); }
  TfLiteStatus AddMul() { return Take(); }
  TfLiteStatus AddReshape() { return Take(); }
  TfLiteStatus AddSplit() { return Take(); }
  TfLiteStatus AddStridedSlice() { return Take(); }
  TfLiteStatus AddTanh() { return Take(); }
};
}  // namespace tflite
