/** Measures a model in this browser. */

import { openModel } from './engine.js';

const BATCH = 500; // clocks of browsers have steps of up to 1 ms
const BATCHES = 30;
// What a browser does not tell, and LiteRT's report has.
const OF_LITERT = ['load_ms', 'first_ms', 'pinned_cpu', 'xnnpack_operators', 'peak_memory_bytes', 'baseline_memory_bytes',
  'warm_up', 'energy'];

const nothing = (keys) => Object.fromEntries(keys.map((key) => [key, null]));

/**
 * Return a report of the model `name` as `har-edge bench` writes it; `say` hears of progress. Scores are those of LiteRT,
 * whose answers are compared bit for bit: fails where one differs.
 */
export async function bench(name, say) {
  say('Loading the test windows');
  const [found, values] = await Promise.all([fetch(`${name}.json`), fetch(`${name}.f32`)]);
  if (!found.ok) throw Error('no test windows for this model: if the page was just started, try again in half a minute');
  const report = await found.json();
  const [result] = report.results;
  const numbers = new Float32Array(await values.arrayBuffer());
  const { infer } = await openModel(`${name}.wasm`);
  const logits = new Float32Array(result.labels.length);
  const size = numbers.length / result.windows - logits.length;
  const windowAt = (i) => numbers.subarray(i * size, (i + 1) * size);
  const bits = new Int32Array(logits.buffer);
  const wanted = new Int32Array(numbers.buffer, 4 * size * result.windows);
  let different = 0;
  for (let i = 0; i < result.windows; i++) {
    infer(windowAt(i), logits);
    different += bits.some((x, j) => x !== wanted[i * bits.length + j]);
  }
  if (different) throw Error(`${different} of ${result.windows} answers differ from LiteRT's: update this browser`);

  const times = [];
  while (times.length < BATCHES) {
    say(`Measuring: ${Math.round((100 * times.length) / BATCHES)} %`);
    await new Promise((done) => setTimeout(done)); // the page may draw
    const start = performance.now();
    for (let i = 0; i < BATCH; i++) infer(windowAt(i % result.windows), logits);
    times.push((performance.now() - start) / BATCH);
  }
  const ticks = Array.from({ length: 100_000 }, () => performance.now());
  const steps = ticks.map((x, i) => x - ticks[i - 1]).filter((x) => x > 0);
  const [, board, browser] = /\((.*?)\) (?:.*\) )?(.*)/.exec(navigator.userAgent);
  const runtime = { name: 'c', version: `as wasm32 with simd128 in ${browser}` };
  const latency = summary(times);
  const isAll = result.frame === 'device'; // nothing is done before an inference
  Object.assign(result, nothing(OF_LITERT), {
    runtime: runtime.name,
    runtime_version: runtime.version,
    latency_ms: latency,
    end_to_end_ms: isAll ? latency : null,
    samples_ms: { latency: [times], end_to_end: isAll ? [times] : [] },
    doubts: [`each time is the mean of ${BATCH} inferences, since this browser's clock steps by ${Number(Math.min(...steps).toPrecision(1))} ms`],
  });
  const facts = { name: 'page', machine: 'wasm32', board, emulated: false, os: navigator.userAgent, runtime };
  report.device = { ...nothing(Object.keys(report.device)), ...facts, cores: navigator.hardwareConcurrency };
  Object.assign(report.settings, { runtime: 'c', runs: BATCH * BATCHES, harness_overhead_us: null });
  report.created = new Date().toISOString().replace(/\.\d+Z/, '+00:00');
  say(`All ${result.windows} answers are equal to LiteRT's, bit for bit.`);
  return report;
}

function summary(times) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share) => sorted[Math.round(share * (times.length - 1))];
  const [min, p50, p90, p95, p99, max] = [0, 0.5, 0.9, 0.95, 0.99, 1].map(at);
  const reach = 0.98 / Math.sqrt(times.length); // of a median's 95 % interval, by ranks
  const mean = times.reduce((sum, x) => sum + x) / times.length;
  const interval = [at(0.5 - reach), at(0.5 + reach)];
  return { p50, p90, p95, p99, mean, min, max, runs: BATCH * times.length, undisturbed: p50, undisturbed_ci95: interval };
}
