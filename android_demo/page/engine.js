/** Runs models that har-edge compiled to WebAssembly. */

/**
 * Load the model at `url`: the JSON text of its card, and `infer(window, logits)`, which fills the Float32Array `logits`
 * for a Float32Array of samples x signals, at once.
 */
export async function openModel(url) {
  const response = await fetch(url);
  if (!response.ok) throw Error(`${url} cannot be loaded (${response.status}): load the page again`);
  const module = await WebAssembly.compile(await response.arrayBuffer());
  const card = new TextDecoder().decode(WebAssembly.Module.customSections(module, 'card.json')[0]);
  const { exports } = await WebAssembly.instantiate(module);
  const { window, labels, signals } = JSON.parse(card);
  const [, predict] = Object.entries(exports).find(([name]) => name.endsWith('_predict'));
  const start = exports.__heap_base.value; // behind all that the module uses
  const size = window.samples * signals.length;
  exports.memory.grow(Math.ceil((4 * (size + labels.length)) / 65536));
  const taken = new Float32Array(exports.memory.buffer, start, size);
  const given = new Float32Array(exports.memory.buffer, start + 4 * size, labels.length);
  const infer = (values, logits) => {
    taken.set(values);
    predict(taken.byteOffset, given.byteOffset);
    logits.set(given);
  };
  return { card, infer };
}
