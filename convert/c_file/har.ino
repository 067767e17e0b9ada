// Prints the activity every 1.28 s, from the LSM6DS3 of a Nano 33 IoT: install the library Arduino_LSM6DS3 as well.

#include <Arduino_LSM6DS3.h>
#include <har_stream.h>

static har_stream stream;

void setup() {
  Serial.begin(115200);
  while (!IMU.begin()) delay(1000);
  har_reset(&stream);
}

void loop() {
  static uint32_t before;
  static int64_t us;  // micros() begins anew after 71 minutes
  float a[3], r[3];
  if (!IMU.accelerationAvailable() || !IMU.gyroscopeAvailable()) return;
  IMU.readAcceleration(a[0], a[1], a[2]);
  IMU.readGyroscope(r[0], r[1], r[2]);
  const uint32_t now = micros();
  us += now - before;
  before = now;
  const har_real rad_s = HAR_R(0.017453293);  // in a degree a second
  const har_real sample[] = {a[0], a[1], a[2], rad_s * r[0], rad_s * r[1], rad_s * r[2]};
  har_push(&stream, us, sample);
  for (har_event event; (event = har_next(&stream)) != HAR_NOTHING;) {
    if (event != HAR_DECISION) continue;
    Serial.print(har_names[stream.activity]);
    Serial.print(' ');
    Serial.print((float)stream.probability);
    Serial.print(" reason ");  // a har_reason of har_stream.h, 0 if known
    Serial.println((int)stream.reason);
  }
}
