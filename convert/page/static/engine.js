/** Runs models that har-edge compiled to WebAssembly, each with the recogniser in C. Pages of your own may use it. */

// As in har_stream.h.
const DECISION = 1;
export const MOUNTING_FOUND = 9;
export const MOUNTING_LOST = 10;

const G = 9.80665; // m/s2
const RADIANS = Math.PI / 180;
// Apple's phones give acceleration with the opposite sign. Their tablets call themselves Macs.
const { userAgent = '', maxTouchPoints = 0 } = globalThis.navigator ?? {};
const isTablet = userAgent.includes('Macintosh') && maxTouchPoints > 1;
const SIGN = isTablet || /iP(hone|ad|od)/.test(userAgent) ? -1 : 1;

/**
 * Convert a DeviceMotionEvent to a sample for the model of `card`: acceleration x y z in g, rotation x y z in rad/s.
 * Returns null without acceleration, or without the rotation that the model needs. A model that knows one way to wear
 * the phone takes x for up, which is the y axis of an upright phone.
 */
export function sampleOf({ accelerationIncludingGravity: a, rotationRate: r }, card) {
  const needsRotation = card.signals.some((signal) => /^(body_gyro|g[xyz]$)/.test(signal.name));
  if (a?.x == null || (r?.alpha == null && needsRotation)) return null;
  const axes = (x, y, z) => (card.frame === 'walking' ? [x, y, z] : [y, -x, z]);
  // Rotation about x, y and z, unlike what is often written of alpha, beta and gamma.
  const rotation = axes(r?.alpha ?? 0, r?.beta ?? 0, r?.gamma ?? 0).map((value) => value * RADIANS);
  return [...axes(a.x, a.y, a.z).map((value) => (SIGN * value) / G), ...rotation];
}

/**
 * Load the model at `url`. Returns its card, and functions:
 * `start(atWaist)` begins a stream of a phone that is worn at the waist, or perhaps elsewhere;
 * `push(us, sample)` takes the time in whole microseconds and a sample as of `sampleOf`, and returns events;
 * `flush()` returns the last events;
 * `infer(window, logits)` fills the Float32Array `logits` for a Float32Array of samples x signals.
 *
 * A decision has `us`, `labels` (none if the activity is unknown, two that look alike where the phone is worn), `reason`
 * (why it is unknown, an index as har_reason in har_stream.h), `isWarmingUp` and `probabilities`, in the order of
 * `card.labels`. A notice has `us`, `kind` and `amount`, as har_kind in har_stream.h.
 */
export async function openModel(url) {
  const response = await fetch(url);
  if (!response.ok) throw Error(`${url} cannot be loaded (${response.status}): load the page again`);
  const module = await WebAssembly.compile(await response.arrayBuffer());
  const card = JSON.parse(new TextDecoder().decode(WebAssembly.Module.customSections(module, 'card.json')[0]));
  const { exports } = await WebAssembly.instantiate(module);
  const { buffer } = exports.memory; // which never grows
  const n = card.labels.length;
  const input = new Float32Array(buffer, exports.window(), card.window.samples * card.signals.length);
  const output = new Float32Array(buffer, exports.logits(), n);
  const event = new Float64Array(buffer, exports.event(), 6 + n);

  const infer = (window, logits) => {
    input.set(window);
    exports.infer();
    logits.set(output);
  };
  const events = () => {
    const all = [];
    for (let next; (next = exports.next()); ) {
      const [us, answer, reason, isWarmingUp, kind, amount, ...probabilities] = event;
      const alike = card.alike[answer - n]?.labels;
      const labels = answer < 0 ? [] : (alike ?? [card.labels[answer]]);
      const decision = { labels, reason, isWarmingUp: isWarmingUp === 1, probabilities };
      all.push({ us, ...(next === DECISION ? decision : { kind, amount }) });
    }
    return all;
  };
  const push = (us, sample) => {
    exports.push(us, ...sample);
    return events();
  };
  const flush = () => {
    exports.flush();
    return events();
  };
  return { card, infer, start: exports.reset, push, flush };
}
