/** What the page says of a stream, in the app's words. */

const stuck = 'A sensor always gives the same values: it is stuck, or switched off.';
const clock = 'The sensor gave times or values that are not usable.';
const units = (size) => `The sensor gives values (${size.toFixed(2)}) that do not fit a movement.`;

export default {
  start: 'Start',
  stop: 'Stop',
  ready: 'Ready',
  stopped: 'Stopped',
  starting: 'Starting…',
  wear: 'Start, and wear the phone at your waist, upright, as in the recordings it learned from.',
  wearAnyWay: 'Start, wear the phone turned any way, and walk a few steps: they show how it is worn.',
  wornUpright: 'Taken to be worn at the waist, upright.',
  wornUnknown: 'How it is worn is not known yet: postures are unknown until you walk.',
  wornAsFound: 'Taken to be worn as your last steps showed.',
  alike: (placements, labels) =>
    `Worn at some places (${placements.join(', ')}), ${labels.join(' and ')} look alike.`,
  firstWindow: 'The first answer takes 2.6 seconds of movement.',
  unknown: 'Unknown',
  untilCertain: (activity) => `${activity} until this is certain.`,
  warmingUp: 'The filters are settling: answers are less certain for 12 seconds.',
  noLabel: 'No label',
  /** In the order of har_reason in har_stream.h. */
  reasons: [
    '',
    'No activity is certain yet.',
    'The phone is lying still, not worn.',
    'The orientation is not typical of this activity.',
    'The movement is not typical of this activity.',
    'A sensor is stuck, or its unit is wrong.',
    'Walk a few steps: they show how the phone is worn.',
  ],
  /** In the order of har_kind: functions of the amount and of the model's rate, in Hz. */
  notices: [
    (rate, needed) => `The sensor gives ${rate.toFixed(0)} samples a second, and ${needed} are needed.`,
    units,
    units,
    () => stuck,
    () => 'The sensor is at its limit.',
    () => clock,
    (seconds) => `Samples were missing for ${seconds.toFixed(2)} s.`,
    () => clock,
    () => 'The gyroscope and the accelerometer disagree (axes or scale): answers may be wrong.',
    () => '', // the page says how the phone is worn
    () => '',
    () => 'The phone is not worn as in the training: turn it, or choose edge-anywhere.',
    () => clock, // of an overflow, which this page does not let happen
  ],
};
