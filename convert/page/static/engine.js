/** Runs models that har-edge compiled to WebAssembly, each with the recogniser in C. */

// As in har_stream.h.
const DECISION = 1;
export const MOUNTING_FOUND = 9;
export const MOUNTING_LOST = 10;

/**
 * Load the model at `url`. Returns its card, and functions:
 * `infer(window, logits)` fills the Float32Array `logits` for a Float32Array of samples x signals;
 * `start(atWaist)` begins a stream of a phone that is worn at the waist, or perhaps elsewhere; `push(us, sample)` takes the time in whole microseconds, acceleration x y z in g and rotation
 * x y z in rad/s, and returns events, decisions (with probabilities) and notices; `flush()` returns the last ones.
 * `leftOut()` counts the samples left out.
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
  const event = new Float64Array(buffer, exports.event(), 7 + n);

  const infer = (window, logits) => {
    input.set(window);
    exports.infer();
    logits.set(output);
  };
  const events = () => {
    const all = [];
    for (let next; (next = exports.next()); ) {
      const [us, answer, reason, isWarmingUp, kind, amount, , ...probabilities] = event;
      const decision = { answer, reason, isWarmingUp: isWarmingUp === 1, probabilities };
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
  return { card, infer, start: exports.reset, push, flush, leftOut: () => event[6] };
}
